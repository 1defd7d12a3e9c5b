"""What is served: a version of a model, whatever runs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deepkoal.serving.errors import ServingError
from deepkoal.serving.tensors.signature import DEFAULT_SIGNATURE, Array, Arrays, Signature


class ServedVersion:
    """A loaded version of a model.

    Attributes:
        name: the model's.
        version: its number.
        users: how many requests hold it; it is closed when there are none.
        signatures: what can be asked for, by name.
        definitions: the same as `SignatureDef` messages.
    """

    signatures: Mapping[str, Signature]
    definitions: Mapping[str, Any]

    def __init__(self, name: str, version: int) -> None:
        self.name = name
        self.version = version
        self.users = 0

    def get_signature(self, name: str) -> Signature:
        """Return a signature by name; `serving_default` where it is empty.

        Raises:
            ServingError: FAILED_PRECONDITION, as TensorFlow Serving has it.
        """
        name = name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            known = ", ".join(sorted(self.signatures)) or "none"
            raise ServingError(
                "FAILED_PRECONDITION",
                f'Serving signature name: "{name}" not found in signature def; there are: {known}',
            )
        return self.signatures[name]

    def run(
        self, signature: Signature, inputs: Arrays, outputs: Iterable[str], seconds: float
    ) -> dict[str, Array]:
        """Compute a signature's outputs. Several threads may call.

        Args:
            signature: one of this version's.
            inputs: that passed `Signature.check_inputs`.
            outputs: names.
            seconds: after which the run may be stopped.

        Raises:
            ServingError: it failed, with a message for whoever sent the request.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Free its memory. Nothing may be running."""
