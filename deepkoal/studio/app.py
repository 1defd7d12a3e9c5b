"""The studio's server: the page, and its HTTP interface."""

from __future__ import annotations

import base64
import functools
import importlib.resources
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from deepkoal.errors import DeepkoalError
from deepkoal.guidance import VIBRANCE_RANGE, list_palettes
from deepkoal.image_io import SAMPLES, Sample, read_sample
from deepkoal.inference.colorizer import Colorizer
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.studio.lru_store import GoneError
from deepkoal.studio.open_photo import MAX_BYTES, VARIATIONS, draw_thumbnail
from deepkoal.studio.schemas import HintsRequest, OptionsRequest, ThumbnailsRequest
from deepkoal.studio.security import SecurityMiddleware, answer_error
from deepkoal.studio.session import Session, clean_name

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE = "page.html"


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
    _add_opening(app, session, first, max_bytes)
    _add_readings(app, session)
    _add_errors(app)
    return SecurityMiddleware(app, max_bytes)


def _add_page(app: FastAPI) -> None:
    """Serve the page and its parts: files that are listed once, whatever path is requested."""
    for file in importlib.resources.files(__package__).iterdir():
        media_type = _TYPES.get(f".{file.name.rpartition('.')[2]}")
        if media_type is not None:
            path = "/" if file.name == _PAGE else f"/{file.name}"
            _add_file(app, path, file.read_bytes(), media_type)


def _add_file(app: FastAPI, path: str, data: bytes, media_type: str) -> None:
    # Not a lambda with default arguments, which FastAPI takes for parameters of the query.
    @app.get(path)
    def get_file() -> Response:
        return Response(data, media_type=media_type)


def _add_opening(app: FastAPI, session: Session, first: str | None, max_bytes: int) -> None:
    samples = {sample.file: sample for sample in SAMPLES}

    @app.get("/api/about")
    def get_about() -> dict[str, Any]:
        return {
            "photo": first,
            "distribution": "logits" in session.colorizer.backend.outputs,
            "maxBytes": max_bytes,
            "vibrance": VIBRANCE_RANGE,
            "variations": VARIATIONS,
            "palettes": [
                {"name": p.name, "title": p.title, "summary": p.summary, "colors": list(p.colors)}
                for p in list_palettes()
            ],
            "samples": [
                {"file": s.file, "what": s.what, "credit": f"{s.credit}, {s.license}"}
                for s in SAMPLES
            ],
        }

    @app.post("/api/photos", status_code=201)
    async def open_photo(request: Request, name: str = "photo") -> dict[str, Any]:
        key = await run_in_threadpool(session.open, await request.body(), name)
        return _describe(session, key)

    @app.post("/api/samples/{file}", status_code=201)
    def open_sample(file: str) -> dict[str, Any]:
        return _describe(session, session.open_sample(_find_sample(samples, file)))

    @app.get("/api/samples/{file}")
    def show_sample(file: str) -> Response:
        return _answer_picture(_draw_sample(_find_sample(samples, file)))

    @app.post("/api/references", status_code=201)
    async def open_reference(request: Request, name: str = "photo") -> dict[str, Any]:
        data = await request.body()
        key, picture = await run_in_threadpool(session.open_reference, data, name)
        return {"id": key, "name": clean_name(name), "picture": _inline(picture)}


def _add_readings(app: FastAPI, session: Session) -> None:
    @app.get("/api/photos/{key}")
    def describe(key: str) -> dict[str, Any]:
        return _describe(session, key)

    @app.get("/api/photos/{key}/before")
    def show_before(key: str) -> Response:
        return _answer_picture(session.photos.get(key).before)

    @app.get("/api/photos/{key}/colors")
    def list_colors(key: str, x: float, y: float) -> dict[str, Any]:
        return {"colors": session.photos.get(key).list_colors(x, y)}

    @app.post("/api/photos/{key}/preview")
    def color(key: str, options: OptionsRequest) -> Response:
        photo = session.photos.get(key)
        return _answer_picture(photo.color(**options.to_color_options(photo, session)))

    @app.post("/api/photos/{key}/thumbnails")
    def draw_thumbnails(key: str, wanted: ThumbnailsRequest) -> dict[str, Any]:
        photo = session.photos.get(key)
        variations = [None if each is None else each.find(photo) for each in wanted.variations]
        pictures = photo.draw_thumbnails(
            variations, **wanted.options.to_color_options(photo, session)
        )
        return {"pictures": [_inline(picture) for picture in pictures]}

    @app.post("/api/photos/{key}/doubt")
    def get_doubt(key: str, given: HintsRequest) -> dict[str, Any]:
        photo, hints = session.photos.get(key), given.list_hints()
        points = [{"x": x, "y": y} for x, y in photo.suggest_hints(hints)]
        return {"picture": _inline(photo.draw_doubt(hints)), "points": points}

    @app.post("/api/photos/{key}/file")
    def finish(key: str, options: OptionsRequest) -> Response:
        photo = session.photos.get(key)
        with session.heavy:
            data, kind = photo.finish(**options.to_color_options(photo, session))
        name = quote(photo.name_result(kind), safe="")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(data, media_type=f"image/{kind.lower()}", headers=headers)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(DeepkoalError)
    def answer_failure(request: Request, error: DeepkoalError) -> Response:
        return answer_error(404 if isinstance(error, GoneError) else 400, error)

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


def _describe(session: Session, key: str) -> dict[str, Any]:
    photo = session.photos.get(key)
    return {"id": key, "name": photo.name, "width": photo.width, "height": photo.height}


def _find_sample(samples: dict[str, Sample], file: str) -> Sample:
    if file not in samples:
        raise DeepkoalError(f"no sample photo {file!r}; there are {', '.join(samples)}")
    return samples[file]


@functools.cache
def _draw_sample(sample: Sample) -> bytes:
    return draw_thumbnail(desaturate(read_sample(sample).rgb))


def _answer_picture(data: bytes) -> Response:
    return Response(data, media_type="image/png" if data.startswith(b"\x89PNG") else "image/jpeg")


def _inline(data: bytes) -> str:
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
