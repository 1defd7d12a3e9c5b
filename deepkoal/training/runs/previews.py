"""Photos as inference has them: what figures measure, and pictures of a run's progress."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from keras import ops

from deepkoal.arrays import ByteArray
from deepkoal.color import denormalize_l
from deepkoal.guidance import DecodingConfig
from deepkoal.image_io import write_image
from deepkoal.inference.prediction import Prediction
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.training.devices import predict_here
from deepkoal.training.optimizer import averaged_weights
from deepkoal.training.task import Batch, join_input, rgb_to_l_ab

PHOTOS = 8


def predict_photos(
    trunk: keras.Model, batch: Batch, decoding: DecodingConfig
) -> Iterator[tuple[Prediction, ByteArray]]:
    """Show a batch of photos to a network as they are, and yield each as inference has it.

    They are seen at their own size alone, and whole: borders are not looked for.

    Args:
        trunk: takes what batches bring, as `ColorizationTask.trunk` does.
        batch: photos, with their embeddings where the trunk needs them.
        decoding: as in `Colorizer`.

    Yields:
        The prediction, and the true photo, uint8 (H, W, 3).
    """
    photos = np.asarray(batch["rgb"])  # JAX would compile all of this anew for each batch's size
    l_norm, _ = rgb_to_l_ab(photos)
    outputs = predict_here(trunk, join_input(l_norm, batch))
    arrays = {name: np.asarray(ops.convert_to_numpy(x), "float32") for name, x in outputs.items()}
    all_l = denormalize_l(l_norm)[..., 0]
    for index, (l, rgb) in enumerate(zip(all_l, photos, strict=True)):
        own = {name: array[index] for name, array in arrays.items()}
        yield Prediction(l, own, decoding), rgb


def draw_grid(network: keras.Model, batch: Batch, decoding: DecodingConfig) -> ByteArray:
    """Draw grey, colored and true photos, a row of three for each.

    Args:
        network: takes what `batch` brings, as `ColorizationTask.trunk` does.
        batch: `rgb` (B, H, W, 3) uint8 and perhaps `embedding` (B, D).
        decoding: as in `Colorizer`, whose colors these are.

    Returns:
        rgb uint8 (B·H, 3·W, 3).
    """
    rows = [
        np.concatenate([desaturate(rgb), prediction.render(), rgb], axis=1)
        for prediction, rgb in predict_photos(network, batch, decoding)
    ]
    return np.concatenate(rows)


class Previews(keras.callbacks.TensorBoard):
    """Write Keras' TensorBoard logs and, at each epoch, the grid of `draw_grid`.

    The grid goes to TensorBoard and, for a look without it, to `previews/`.

    Args:
        trunk: the network as the batch feeds it.
        batch: photos to show; the first eight are.
        run_dir: the run's folder.
        decoding: as in `draw_grid`.
    """

    def __init__(
        self, trunk: keras.Model, batch: Batch, run_dir: Path, decoding: DecodingConfig
    ) -> None:
        super().__init__(run_dir / "tensorboard", write_graph=False)
        self._trunk, self._decoding = trunk, decoding
        self._batch = {name: part[:PHOTOS] for name, part in batch.items()}
        self._run_dir = run_dir

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draw and write the grid."""
        super().on_epoch_end(epoch, logs)
        with averaged_weights(self.model):
            grid = draw_grid(self._trunk, self._batch, self._decoding)
        folder = self._run_dir / "previews"
        folder.mkdir(exist_ok=True)
        write_image(folder / f"epoch-{epoch + 1:04d}.jpg", grid)
        writer = self.summary.create_file_writer(str(self._run_dir / "tensorboard" / "previews"))
        with writer.as_default():
            self.summary.image("before, after, truth", grid[None], step=epoch)
        writer.close()
