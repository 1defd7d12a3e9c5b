"""A version of a model that is a SavedModel: it runs in a session of TensorFlow's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import rewriter_config_pb2

from deepkoal.serving.errors import CODES, ServingError, summarize_graph_error
from deepkoal.serving.tensors.messages import PredictionLog, SignatureDef
from deepkoal.serving.tensors.signature import Array, Arrays, Signature
from deepkoal.serving.tensors.tensor_protos import read_tensor
from deepkoal.serving.versions.served_version import ServedVersion

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")

_INTERNAL = ("__saved_model_init_op", "__saved_model_train_op")

_CONFIG = tf.compat.v1.ConfigProto()
_PLANNING = _CONFIG.graph_options.rewrite_options
_PLANNING.disable_tfg_optimizer = True
_PLANNING.meta_optimizer_iterations = rewriter_config_pb2.RewriterConfig.ONE
"""TensorFlow plans each signature as it is first run, which takes most of a model's loading. Half
of the planning is a pass on MLIR, which is left out here; and of the others one round has to do."""


class SavedModelVersion(ServedVersion):
    """A loaded SavedModel, deepkoal's or another.

    It runs in a session, as in TensorFlow Serving: that loads in a fraction of the time
    `tf.saved_model.load` takes, stops a run at its deadline and fails with the same codes.

    Args:
        name: the model's.
        version: its number.
        folder: the SavedModel's. Its warm-up records, if any, are run.

    Raises:
        ServingError: it cannot be loaded, as when half of it is there, or its warm-up fails.
    """

    def __init__(self, name: str, version: int, folder: Path) -> None:
        super().__init__(name, version)
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=_CONFIG)
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.loader.load(
                    self._session, [tf.saved_model.SERVING], str(folder)
                )
            self.definitions = {
                key: _copy(definition)
                for key, definition in meta_graph.signature_def.items()
                if key not in _INTERNAL
            }
            self.signatures = {
                key: Signature.read(key, definition) for key, definition in self.definitions.items()
            }
            self._warm_up(folder / WARMUP_FILE)
        except ServingError:
            self._session.close()
            raise
        except Exception as error:  # a damaged file can fail in the import of any of its ops
            self._session.close()
            cause = " ".join(str(error).split())[:300]
            raise ServingError(
                "FAILED_PRECONDITION", f"{folder}: cannot be loaded ({cause})"
            ) from error

    def run(
        self, signature: Signature, inputs: Arrays, outputs: Iterable[str], seconds: float
    ) -> dict[str, Array]:
        """Compute a signature's outputs.

        Args:
            signature: one of this version's.
            inputs: that passed `Signature.check_inputs`.
            outputs: names.
            seconds: after which the run is stopped.

        Raises:
            ServingError: with the code and the message of what failed in the graph.
        """
        slots = {name: signature.outputs[name] for name in outputs}
        options = tf.compat.v1.RunOptions(timeout_in_ms=max(1, int(1000 * seconds)))
        try:
            values = self._session.run(
                {name: slot.tensor for name, slot in slots.items()},
                {signature.inputs[name].tensor: array for name, array in inputs.items()},
                options=options,
            )
        except tf.errors.OpError as error:
            cause = summarize_graph_error(str(error.message)) or type(error).__name__
            raise ServingError(CODES[error.error_code], cause) from error
        return {name: np.asarray(value, slots[name].dtype) for name, value in values.items()}

    def close(self) -> None:
        """Free its memory. Nothing may be running."""
        self._session.close()

    def _warm_up(self, path: Path) -> None:
        if not path.is_file():
            return
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            try:
                request = PredictionLog.FromString(record).predict_log.request
            except DecodeError as error:
                raise ServingError(
                    "FAILED_PRECONDITION", f"{path}: not a warm-up record ({error})"
                ) from error
            signature = self.get_signature(request.model_spec.signature_name)
            inputs = {name: read_tensor(proto) for name, proto in request.inputs.items()}
            signature.check_inputs(inputs)
            self.run(signature, inputs, signature.choose_outputs(request.output_filter), 600)


def _copy(definition: Any) -> Any:
    """Return TensorFlow's `SignatureDef` as ours."""
    return SignatureDef.FromString(definition.SerializeToString())
