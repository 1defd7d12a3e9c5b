"""From coarse chroma and full-size lightness to a photo, and pictures made of photos."""
