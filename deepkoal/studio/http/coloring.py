"""What an open photo is asked for: pictures of it under options, doubts, and files."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Query, Response

from deepkoal.errors import DeepkoalError
from deepkoal.restoration import RestorationOptions
from deepkoal.studio.http.opening import answer_picture, describe_photo
from deepkoal.studio.http.requests import (
    FileRequest,
    PlaceRequest,
    SessionRequest,
    ThumbnailsRequest,
    WindowRequest,
)
from deepkoal.studio.photos.drawing import DRAFT_PIXELS, PREVIEW_PIXELS, encode, inline
from deepkoal.studio.photos.open_photo import OpenPhoto
from deepkoal.studio.photos.result_file import write_result
from deepkoal.studio.photos.windows import draw_window
from deepkoal.studio.schemas import HintsRequest, OptionsRequest
from deepkoal.studio.session import Session
from deepkoal.studio.session_files import name_session, save_look, write_session


def add_coloring(app: FastAPI, session: Session) -> None:
    """Add what the page asks of a photo that is open.

    Args:
        app: gets the routes.
        session: keeps the photos.
    """

    @app.get("/api/photos/{key}")
    def describe(key: str) -> dict[str, Any]:
        return describe_photo(session, key)

    @app.get("/api/photos/{key}/source")
    def send_source(key: str) -> Response:
        data = session.photos.get(key).data
        return Response(data, media_type="application/octet-stream")

    @app.get("/api/photos/{key}/before")
    def show_before(key: str) -> Response:
        return answer_picture(session.photos.get(key).before)

    @app.get("/api/photos/{key}/colors")
    def list_colors(key: str, place: Annotated[PlaceRequest, Query()]) -> dict[str, Any]:
        return {"colors": session.find(key, rotation=place.rotation).list_colors(place.x, place.y)}

    @app.post("/api/photos/{key}/nearest")
    def list_nearest(key: str, options: OptionsRequest) -> dict[str, Any]:
        photo = options.find(key, session)
        return {"nearest": photo.list_nearest(options.list_hints(photo))}

    @app.post("/api/photos/{key}/preview")
    def color(key: str, options: OptionsRequest) -> Response:
        return _show(key, options, session, PREVIEW_PIXELS)

    @app.post("/api/photos/{key}/draft")
    def sketch(key: str, options: OptionsRequest) -> Response:
        return _show(key, options, session, DRAFT_PIXELS)

    @app.post("/api/photos/{key}/window")
    def show_window(key: str, wanted: WindowRequest) -> dict[str, Any]:
        box, options = wanted.box, wanted.options
        photo = options.find(key, session)
        if box.left + box.width > photo.width or box.top + box.height > photo.height:
            raise DeepkoalError(f"the window lies outside {photo.name}")
        preview = photo.render(options.to_color_options(photo, session), options.working_size)
        edges = box.top, box.left, box.height, box.width
        restoration = RestorationOptions.from_json(options.restoration)
        repaired = session.read_repaired(key, restoration, options.rotation)
        full = session.read_full(key, options.rotation)
        styled, _ = session.styles.restyle(preview, options.style_choice, name_place(key, options))
        before, after = draw_window(full, repaired, preview, edges, wanted.scale, styled)
        return {"before": inline(encode(before)), "after": inline(encode(after))}

    @app.post("/api/photos/{key}/thumbnails")
    def draw_thumbnails(key: str, wanted: ThumbnailsRequest) -> dict[str, Any]:
        photo = wanted.options.find(key, session)
        looks = [look.change(wanted.options) for look in wanted.looks]
        return {"pictures": [inline(_draw(photo, look, session)) for look in looks]}

    @app.post("/api/photos/{key}/carries")
    def list_carries(key: str, options: OptionsRequest) -> dict[str, Any]:
        photo = options.find(key, session)
        own = options.model_copy(update={"album": []}).to_color_options(photo, session)
        _, carries = options.carry(photo, session, own)
        return {"carries": [dataclasses.asdict(carry) for carry in carries]}

    @app.post("/api/photos/{key}/doubt")
    def get_doubt(key: str, given: HintsRequest) -> dict[str, Any]:
        photo = given.find(key, session)
        hints = given.list_hints(photo)
        points = [{"x": x, "y": y} for x, y in photo.suggest_hints(hints)]
        return {"picture": inline(photo.draw_doubt(hints)), "points": points}

    @app.post("/api/photos/{key}/file")
    def finish(
        key: str, options: OptionsRequest, asked: Annotated[FileRequest, Query()]
    ) -> Response:
        choice, photo = asked.choice, options.find(key, session)
        own = options.model_copy(update={"album": []}).to_color_options(photo, session)
        colors, carries = options.carry(photo, session, own) if options.album else (own, [])
        look = save_look(key, photo, options, session, None)
        lines = [str(carry) for carry in carries if carry.taken]
        place = name_place(key, options)
        # Only now, as photos of the album may have to be opened for it, one at a time as well.
        with session.heavy:
            file = write_result(
                photo,
                colors,
                look,
                choice,
                carried=lines,
                restyle=lambda rgb: session.styles.finish(rgb, look.style, place),
            )
        answer = _answer_file(file.data, file.name, f"image/{file.kind.lower()}")
        answer.headers["x-not-kept"] = ", ".join(file.lost)
        return answer

    @app.post("/api/photos/{key}/session")
    def save(key: str, asked: SessionRequest) -> Response:
        photo = session.find(key, rotation=asked.options.rotation)
        data = write_session(key, photo, asked.options, session, asked.reference)
        return _answer_file(data, name_session(photo), "application/json")


def name_place(key: str, options: OptionsRequest) -> str:
    """Return what tells a photo, as it is repaired and rotated, from others."""
    return f"{key} {RestorationOptions.from_json(options.restoration)} {options.rotation}"


def _show(key: str, options: OptionsRequest, session: Session, pixels: int) -> Response:
    """Return a photo under its options; a header says where a style's texture is missing."""
    photo = options.find(key, session)
    rgb = photo.render(options.to_color_options(photo, session), options.working_size, pixels)
    styled, is_whole = session.styles.restyle(rgb, options.style_choice, name_place(key, options))
    answer = answer_picture(photo.encode(styled))
    answer.headers["x-texture"] = "there" if is_whole else "missing"
    return answer


def _draw(photo: OpenPhoto, look: OptionsRequest, session: Session) -> bytes:
    return photo.draw_thumbnail(look.to_color_options(photo, session), look.working_size)


def _answer_file(data: bytes, name: str, media_type: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(data, media_type=media_type, headers={"content-disposition": disposition})
