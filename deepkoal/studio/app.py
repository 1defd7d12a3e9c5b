"""The studio's server: the page, and its HTTP interface."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from importlib.resources.abc import Traversable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from deepkoal.errors import DeepkoalError
from deepkoal.inference.colorizer import Colorizer
from deepkoal.studio.choices import MAX_BYTES
from deepkoal.studio.http.coloring import add_coloring
from deepkoal.studio.http.opening import add_opening
from deepkoal.studio.http.painting import add_painting
from deepkoal.studio.http.security import SecurityMiddleware, answer_error
from deepkoal.studio.http.wording import reword
from deepkoal.studio.photos.lru_store import GoneError
from deepkoal.studio.session import Session

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE = "index.html"


def create_studio(
    colorizer: Colorizer, photo: tuple[bytes, str] | None = None, *, max_bytes: int = MAX_BYTES
) -> ASGIApp:
    """Return the studio's server.

    Args:
        colorizer: colors the photos.
        photo: file and name of a photo that the page opens with.
        max_bytes: largest photo file.

    Returns:
        An ASGI app, for a server that listens on this machine alone: it answers no other name.

    Raises:
        PhotoError: the file to open with is not a photo.
    """
    session = Session(colorizer)
    first = None if photo is None else session.open(*photo)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_page(app)
    add_opening(app, session, first, max_bytes)
    add_coloring(app, session)
    add_painting(app, session)
    _add_errors(app)
    return SecurityMiddleware(app, max_bytes)


def _add_page(app: FastAPI) -> None:
    """Serve the page and its parts: files that are listed once, whatever path is requested."""
    for path, file in _list_files(importlib.resources.files(__package__) / "page", "/"):
        media_type = _TYPES.get(f".{file.name.rpartition('.')[2]}")
        if media_type is not None:
            _add_file(app, "/" if path == f"/{_PAGE}" else path, file.read_bytes(), media_type)


def _list_files(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _list_files(entry, f"{path}{entry.name}/")
        else:
            yield f"{path}{entry.name}", entry


def _add_file(app: FastAPI, path: str, data: bytes, media_type: str) -> None:
    # Not a lambda with default arguments, which FastAPI takes for parameters of the query.
    @app.get(path)
    def get_file() -> Response:
        return Response(data, media_type=media_type)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(GoneError)
    def answer_gone(request: Request, error: GoneError) -> Response:
        return answer_error(404, error, gone=error.kind)

    @app.exception_handler(DeepkoalError)
    def answer_failure(request: Request, error: DeepkoalError) -> Response:
        return answer_error(400, reword(str(error)))

    @app.exception_handler(RequestValidationError)
    def answer_misuse(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return answer_error(400, f"the request is not understood ({where}: {first['msg']})")

    @app.exception_handler(HTTPException)
    def answer_missing(request: Request, error: HTTPException) -> Response:
        return answer_error(
            error.status_code, f"{request.method} {request.url.path}: {error.detail}"
        )

    @app.exception_handler(MemoryError)
    def answer_memory(request: Request, error: MemoryError) -> Response:
        return answer_error(507, "not enough memory for this photo; scale it down")

    @app.exception_handler(Exception)
    def answer_bug(request: Request, error: Exception) -> Response:
        return answer_error(
            500,
            f"the studio failed at this ({type(error).__name__}); what it printed in its terminal "
            "says more",
        )
