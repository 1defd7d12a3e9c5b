// Colors that things in old photos had. Cloth and paint by the dyes and pigments of their time.

export const FAMILIES = {
  common: {
    title: "Common",
    colors: {
      "light skin": "#d9a07e", "dark skin": "#7a4a32", "blond hair": "#c9a468", "brown hair": "#5c3d28",
      "sky blue": "#7fa8d9", "sea blue": "#2f5f8f", "grass green": "#6d9a3a", "leaf green": "#3f6b35",
      "brick red": "#a3492f", "wood brown": "#8a5a33", "sand": "#cdb486", "gold": "#d9a52b",
      "bright red": "#c8202b", "rose": "#cf7f95", "navy blue": "#27346b", "grey": "#808080",
    },
  },
  skin: {
    title: "Skin and hair",
    colors: {
      "very light skin": "#ecc6ae", "fair skin": "#e0b093", "rosy cheek": "#d98f7c", "tanned skin": "#c18a63",
      "olive skin": "#b98a5e", "brown skin": "#94623f", "dark brown skin": "#6e432b", "very dark skin": "#4c2e20",
      "lips": "#b5645c", "blond hair": "#c9a468", "ash blond hair": "#a89272", "red hair": "#9c5230",
      "auburn hair": "#6e3b26", "chestnut hair": "#5c3d28", "black-brown hair": "#3a2b24", "blue eyes": "#7a95ab",
    },
  },
  cloth: {
    title: "Dress cloth",
    colors: {
      "bleached linen": "#e9e3d3", "unbleached linen": "#cdbd9b", "ivory silk": "#eadfbd", "grey flannel": "#7d7b78",
      "indigo": "#2f3f66", "washed indigo": "#6f86a8", "Prussian blue": "#1f3a5a", "powder blue": "#a9bdd1",
      "madder red": "#a2382f", "Turkey red": "#b3242c", "burgundy": "#5f1f2b", "dusty pink": "#c9958f",
      "mauve": "#8d6a9a", "bottle green": "#1f4a37", "tobacco brown": "#6f4c2e", "mustard": "#b98d2f",
    },
  },
  uniform: {
    title: "Uniform and work",
    colors: {
      "khaki drab": "#9a8660", "olive drab": "#6b6440", "field grey": "#6a7262", "horizon blue": "#8ba0b4",
      "air-force blue": "#5b6d85", "navy serge": "#222b45", "Union blue": "#32456b", "Confederate grey": "#8c8a80",
      "butternut": "#8c6a45", "scarlet": "#b8232f", "loden green": "#4a5a41", "leather": "#7a4f30",
      "work denim": "#4a5f80", "canvas": "#b7a685", "brass button": "#c2a14e", "black oilcloth": "#2b2b2d",
    },
  },
  wood: {
    title: "Wood and house",
    colors: {
      "pine": "#c69a62", "oak": "#a67c4a", "walnut": "#5f412b", "mahogany": "#70382a",
      "cherry": "#8f4f33", "ebony": "#3b312c", "weathered board": "#8c857a", "thatch": "#a8905f",
      "brick red": "#a3492f", "yellow brick": "#c4a268", "roof tile": "#a85a3c", "slate": "#5d666e",
      "limestone": "#cfc4a9", "whitewash": "#e6e1d6", "shutter green": "#3f6650", "barn red": "#7d2f28",
    },
  },
  sky: {
    title: "Sky and land",
    colors: {
      "noon sky": "#6f9ed6", "pale sky": "#a9c6e2", "hazy sky": "#c3d0d8", "evening sky": "#e0ab83",
      "deep sea": "#27506f", "shallow sea": "#4f93a0", "river": "#5e7a72", "wet sand": "#a08a68",
      "spring grass": "#7da63f", "meadow": "#6d8f3e", "dry grass": "#b3a065", "beech leaf": "#55803a",
      "fir": "#304e36", "heather": "#8a6a86", "bare earth": "#86603f", "gravel road": "#a59a87",
    },
  },
  metal: {
    title: "Metal and vehicles",
    colors: {
      "brass": "#b89243", "gold": "#d9a52b", "copper": "#a8613d", "verdigris": "#6e9a86",
      "iron": "#5b5a59", "rust": "#8f4a26", "silver": "#b9bab8", "tin": "#9b9c98",
      "tram cream": "#e2d2a0", "tram red": "#a8282c", "engine green": "#22472f", "bus blue": "#2f5c8f",
      "car maroon": "#5e2227", "taxi yellow": "#d8a51f", "boat white": "#ebe9e2", "tyre": "#333131",
    },
  },
};
