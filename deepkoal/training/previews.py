"""Pictures of a run's progress: before, after and truth of the same photos at each epoch."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import ops

from deepkoal.color import clip_to_gamut, denormalize_l, lab_to_rgb
from deepkoal.image_io import write_image
from deepkoal.training.devices import predict_here
from deepkoal.training.task import Batch, join_input, read_ab, rgb_to_l_ab

PHOTOS = 8


def draw_grid(network: keras.Model, batch: Batch) -> np.ndarray:
    """Draw grey, colored and true photos, a row of three for each.

    Args:
        network: takes what `batch` brings, as `ColorizationTask.trunk` does.
        batch: `rgb` (B, H, W, 3) uint8 and perhaps `embedding` (B, D).

    Returns:
        rgb uint8 (B·H, 3·W, 3).
    """
    rgb = batch["rgb"]
    l_norm, _ = rgb_to_l_ab(rgb)
    ab = read_ab(predict_here(network, join_input(l_norm, batch)))
    ab = ops.image.resize(ab, ops.shape(rgb)[1:3], data_format="channels_last")
    lab = ops.concatenate([denormalize_l(l_norm), ab], axis=-1)
    grey = ops.concatenate([lab[..., :1], ab * 0], axis=-1)
    rows = [lab_to_rgb(clip_to_gamut(part)) * 255 for part in (grey, lab)]
    grid = ops.concatenate([*rows, ops.cast(rgb, "float32")], axis=2)
    pixels = np.rint(np.clip(ops.convert_to_numpy(grid), 0, 255)).astype("uint8")
    return np.asarray(pixels.reshape(-1, *pixels.shape[2:]))


class Previews(keras.callbacks.TensorBoard):
    """Write Keras' TensorBoard logs and, at each epoch, the grid of `draw_grid`.

    The grid goes to TensorBoard and, for a look without it, to `previews/`.

    Args:
        trunk: the network as the batch feeds it.
        batch: photos to show; the first eight are.
        run_dir: the run's folder.
    """

    def __init__(self, trunk: keras.Model, batch: Batch, run_dir: Path) -> None:
        super().__init__(run_dir / "tensorboard", write_graph=False)
        self._trunk = trunk
        self._batch = {name: part[:PHOTOS] for name, part in batch.items()}
        self._run_dir = run_dir

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draw and write the grid."""
        super().on_epoch_end(epoch, logs)
        grid = draw_grid(self._trunk, self._batch)
        folder = self._run_dir / "previews"
        folder.mkdir(exist_ok=True)
        write_image(folder / f"epoch-{epoch + 1:04d}.jpg", grid)
        writer = self.summary.create_file_writer(str(self._run_dir / "tensorboard" / "previews"))
        with writer.as_default():
            self.summary.image("before, after, truth", grid[None], step=epoch)
        writer.close()
