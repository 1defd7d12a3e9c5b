"""How photos come in: opened, samples, references, and sessions of earlier."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from deepkoal.errors import DeepkoalError
from deepkoal.image_io import SAMPLES, Sample, read_sample
from deepkoal.rendering.contact_sheets import desaturate
from deepkoal.studio.choices import describe_choices
from deepkoal.studio.photos.drawing import draw_thumbnail, inline, name_type
from deepkoal.studio.photos.open_photo import VARIATIONS
from deepkoal.studio.session import Session, clean_name
from deepkoal.studio.session_files import apply_session, describe_session, read_session
from deepkoal.style.paintings import PAINTINGS

_SHOWN_FIRST = ("camera.png", "coffee.png", "rocket.jpg")
_OFFERED = sorted(
    SAMPLES,
    key=lambda sample: (sample.file not in _SHOWN_FIRST, sample.file),
)
"""Sample photos, those first whose colors the network finds best: by eye."""


def add_opening(app: FastAPI, session: Session, first: str | None, max_bytes: int) -> None:
    """Add what the page asks for to open something.

    Args:
        app: gets the routes.
        session: keeps what is opened.
        first: id of the photo that the page begins with.
        max_bytes: largest photo file.
    """
    samples = {sample.file: sample for sample in _OFFERED}

    @app.get("/api/about")
    def get_about() -> dict[str, Any]:
        return {
            **describe_choices(),
            "photo": first,
            "distribution": "logits" in session.colorizer.backend.outputs,
            "maxBytes": max_bytes,
            "variations": VARIATIONS,
            "missing": [],
            "styles": [
                {"name": name, "title": painting.title, "facts": painting.facts}
                for name, painting in PAINTINGS.items()
            ],
            "samples": [
                {"file": s.file, "what": s.what, "credit": f"{s.credit}, {s.license}"}
                for s in _OFFERED
            ],
        }

    @app.post("/api/photos", status_code=201)
    async def open_photo(request: Request, name: str = "photo") -> dict[str, Any]:
        key = await run_in_threadpool(session.open, await request.body(), name)
        return describe_photo(session, key)

    @app.post("/api/samples/{file}", status_code=201)
    def open_sample(file: str) -> dict[str, Any]:
        return describe_photo(session, session.open_sample(_find_sample(samples, file)))

    @app.get("/api/samples/{file}")
    def show_sample(file: str) -> Response:
        return answer_picture(_draw_sample(_find_sample(samples, file)))

    @app.post("/api/references", status_code=201)
    async def open_reference(request: Request, name: str = "photo") -> dict[str, Any]:
        data = await request.body()
        key, picture = await run_in_threadpool(session.open_reference, data, name)
        return {"id": key, "name": clean_name(name), "picture": inline(picture)}

    @app.post("/api/styles", status_code=201)
    async def open_style(request: Request, name: str = "photo") -> dict[str, Any]:
        data = await request.body()
        key, picture = await run_in_threadpool(session.open_style, data, name)
        return {"id": key, "name": clean_name(name), "picture": inline(picture)}

    @app.post("/api/sessions")
    async def describe_file(request: Request, name: str = "photo") -> dict[str, Any]:
        return describe_session(read_session(await request.body(), clean_name(name)))

    @app.post("/api/photos/{key}/session/apply")
    async def apply_file(key: str, request: Request, name: str = "photo") -> dict[str, Any]:
        saved = read_session(await request.body(), clean_name(name))
        return apply_session(saved, session.photos.get(key), key)


def describe_photo(session: Session, key: str) -> dict[str, Any]:
    """Return what the page is told of a photo.

    Raises:
        GoneError: the photo is no longer kept.
    """
    photo = session.photos.get(key)
    return {"id": key, "name": photo.name, "width": photo.width, "height": photo.height}


def answer_picture(data: bytes) -> Response:
    """Return a picture as an answer."""
    return Response(data, media_type=name_type(data))


def _find_sample(samples: dict[str, Sample], file: str) -> Sample:
    if file not in samples:
        raise DeepkoalError(f"no sample photo {file!r}; there are {', '.join(samples)}")
    return samples[file]


@functools.cache
def _draw_sample(sample: Sample) -> bytes:
    return draw_thumbnail(desaturate(read_sample(sample).rgb))
