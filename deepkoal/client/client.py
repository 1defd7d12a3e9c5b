"""A client of `deepkoal serve` and of TensorFlow Serving: photo bytes in, photo bytes out.

It imports neither TensorFlow nor Keras.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from deepkoal.client.grpc_transport import GrpcTransport
from deepkoal.client.rest_transport import RestTransport
from deepkoal.client.transport import Array, ServedModel, Transport, retry
from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import is_model_name

if TYPE_CHECKING:
    from deepkoal.guidance import AnyHint, Hint

ATTEMPTS = 4
SECONDS = 60.0


class Client:
    """A served model.

    May be used from several threads. Connections are kept alive between calls: close it, or use it
    in a `with` statement.

    Args:
        address: `http://HOST:PORT` (or `https://…`) for REST, `grpc://HOST:PORT` (or `grpcs://…`)
            for gRPC.
        model: its name on the server.
        version: None for the newest.
        timeout: seconds for each call, all attempts and pauses together.
        attempts: most times a request is sent. It is sent again only where the server cannot be
            reached or has too much to do.
        verify: with `https` and `grpcs`, how the server's certificate is checked: True by the
            authorities that the system trusts, or a PEM file of others instead. False checks
            nothing (`https` only).
        headers: sent with each request, as `{"Authorization": "Bearer …"}`.

    Raises:
        DeepkoalError: the address or the model's name is none, certificates cannot be read, or a
            limit is out of range.
    """

    def __init__(
        self,
        address: str,
        *,
        model: str = "koala-lite",
        version: int | None = None,
        timeout: float = SECONDS,
        attempts: int = ATTEMPTS,
        verify: bool | str | Path = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if not (timeout > 0 and attempts >= 1):
            raise DeepkoalError(
                f"timeout must be above 0 and attempts at least 1, not {timeout} and {attempts}"
            )
        if not is_model_name(model):
            raise DeepkoalError(
                f"expected a model's name, which has text without / and :, not {model!r}"
            )
        self._timeout = timeout
        self._attempts = attempts
        served = ServedModel(address, model, version, verify=verify, headers=headers or {})
        self._transport = _build_transport(served)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def colorize(
        self,
        photo_bytes: bytes,
        *,
        hints: Sequence[Hint] = (),
        palette: str = "",
        vibrance: float | None = None,
    ) -> bytes:
        """Color a photo file and return it.

        Args:
            photo_bytes: a JPEG or PNG file.
            hints: colors of points of the upright photo, each a CSS color.
            palette: name of one that came with the library; empty for none.
            vibrance: 0.2…5; that of the export where None.

        Returns:
            A PNG file, 8-bit RGB, of the photo's size.

        Raises:
            ServingError: a DeepkoalError with a `code`; INVALID_ARGUMENT for a photo that is
                damaged or too large.
            DeepkoalError: a hint is not a `Hint`, or its color is not a CSS color.
        """
        photo = _pack([photo_bytes])
        if not hints and not palette and vibrance is None:
            (image_bytes,) = self._predict("serving_default", photo_bytes=photo)
            return image_bytes
        if hints:
            from deepkoal.guidance import check_kind  # here, so that coloring needs NumPy alone

            hints = [_check_point(hint) for hint in check_kind(hints)]
        # A list without elements has no shape in JSON, so that no hint is sent as one of no color.
        points = [(hint.x, hint.y) for hint in hints] or [(0.0, 0.0)]
        colors = [_name_color(hint).encode() for hint in hints] or [b""]
        (image_bytes,) = self._predict(
            "colorize_guided",
            photo_bytes=photo,
            hint_points=np.asarray([points], np.float32),
            hint_colors=_pack(colors)[None],
            palette=_pack([palette.encode()]),
            vibrance=np.asarray([1 if vibrance is None else vibrance], np.float32),
        )
        return image_bytes

    def variations(self, photo_bytes: bytes, count: int = 4, seed: int = 0) -> list[bytes]:
        """Color a photo file in several plausible ways and return them.

        Args:
            photo_bytes: a JPEG or PNG file.
            count: how many.
            seed: of the choice, from 0 up.

        Returns:
            PNG files, most likely first; the first is that of `colorize`.

        Raises:
            ServingError: as `colorize`.
        """
        numbers = {"count": np.asarray([count], np.int32), "seed": np.asarray([seed], np.int32)}
        return self._predict("variations", photo_bytes=_pack([photo_bytes]), **numbers)

    def _predict(self, signature: str, **inputs: Array) -> list[bytes]:
        return retry(
            lambda seconds: self._transport.predict(signature, inputs, seconds),
            self._attempts,
            self._timeout,
        )


def _build_transport(served: ServedModel) -> Transport:
    scheme, _, rest = served.address.partition("://")
    served = replace(served, tls=scheme.endswith("s"))
    if rest and scheme in ("http", "https"):
        return RestTransport(served)
    if rest and scheme in ("grpc", "grpcs"):
        return GrpcTransport(replace(served, address=rest))
    raise DeepkoalError(
        "expected an address as http://127.0.0.1:8501 or grpc://127.0.0.1:8500, not "
        f"{served.address!r}"
    )


def _pack(strings: Sequence[bytes]) -> Array:
    packed = np.empty(len(strings), object)
    packed[:] = strings
    return packed


def _check_point(hint: AnyHint) -> Hint:
    """Return a hint, if it is a point in pixels with a color, which is all that can be sent."""
    from deepkoal.guidance import Hint

    if not isinstance(hint, Hint) or hint.relative or hint.is_own:
        raise DeepkoalError(
            "a served model takes hints as points in pixels with a color, not strokes, regions, "
            f"own or relative ones, such as {hint!r:.120}; color with deepkoal.Colorizer for these"
        )
    return hint


def _name_color(hint: Hint) -> str:
    """Return a hint's color as `#rrggbb`."""
    if not isinstance(hint.color, str):
        raise DeepkoalError(
            f"a hint's color is sent as a CSS color, #rrggbb or a name, not as ab {hint.color!r}"
        )
    from PIL import ImageColor  # likewise

    red, green, blue = ImageColor.getrgb(hint.color)[:3]
    return f"#{red:02x}{green:02x}{blue:02x}"
