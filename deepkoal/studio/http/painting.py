"""Styles: what they look like, and the painting of their textures, which takes tens of seconds."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError
from typing import Any

from fastapi import FastAPI, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from deepkoal.errors import DeepkoalError
from deepkoal.studio.http.coloring import name_place
from deepkoal.studio.http.opening import answer_picture
from deepkoal.studio.http.wording import reword
from deepkoal.studio.photos.drawing import draw_thumbnail
from deepkoal.studio.schemas import OptionsRequest
from deepkoal.studio.session import Session
from deepkoal.style.styles import Style


def add_painting(app: FastAPI, session: Session) -> None:
    """Add what the page asks for to give photos styles.

    Args:
        app: gets the routes.
        session: keeps the photos, and the textures that were painted.
    """

    @app.get("/api/styles/{name}")
    def show_style(name: str) -> Response:
        Style.check_name(name)
        return answer_picture(_draw_style(name))

    @app.post("/api/photos/{key}/texture")
    async def paint(key: str, options: OptionsRequest) -> Response:
        work = await run_in_threadpool(_prepare, key, options, session)
        return StreamingResponse(_report(work), media_type="application/x-ndjson")


@functools.cache
def _draw_style(name: str) -> bytes:
    return draw_thumbnail(Style.named(name).rgb)


Progress = Callable[[], None]


def _prepare(
    key: str, options: OptionsRequest, session: Session
) -> tuple[int, Callable[[Progress], None]]:
    """Return the number of a texture's steps, and what paints it.

    Raises:
        GoneError: the photo is no longer kept.
        DeepkoalError: an option is not valid.
    """
    photo, choice = options.find(key, session), options.style_choice
    if choice is None:
        return 0, lambda progress: None
    colors = options.to_color_options(photo, session)
    steps = session.styles.open(choice)[1].count_steps()

    def work(progress: Progress) -> None:
        if steps:
            rgb = photo.render_full(colors, options.working_size)
            session.styles.paint(rgb, choice, name_place(key, options), progress)

    return steps, work


async def _report(prepared: tuple[int, Callable[[Progress], None]]) -> AsyncIterator[str]:
    """Yield a line of JSON for each step, then one that it is done or why not.

    Whoever no longer listens ends the work at its next step.
    """
    steps, work = prepared
    loop, lines, stop = (
        asyncio.get_running_loop(),
        asyncio.Queue[dict[str, Any]](),
        threading.Event(),
    )
    done = 0

    def send(**line: Any) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, line)

    def advance() -> None:
        nonlocal done
        if stop.is_set():
            raise CancelledError
        done += 1
        send(step=done, of=steps)

    def run() -> None:
        try:
            work(advance)
            send(done=True)
        except CancelledError:
            pass  # nobody listens
        except DeepkoalError as error:
            send(error=reword(str(error)))
        except Exception as error:
            send(error=f"the style could not be painted ({type(error).__name__})")
            raise

    painting = loop.run_in_executor(None, run)
    try:
        yield json.dumps({"step": 0, "of": steps}) + "\n"
        while True:
            line = await lines.get()
            yield json.dumps(line) + "\n"
            if "step" not in line:
                await painting
                return
    finally:
        stop.set()
