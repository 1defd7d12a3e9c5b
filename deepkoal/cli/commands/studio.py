"""`studio`: color photos in the browser."""

from __future__ import annotations

import argparse
import asyncio
import socket
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepkoal.cli.arguments.argument_types import MOST_PORT, add_number
from deepkoal.cli.arguments.model_options import (
    add_backend_option,
    add_model_options,
    load_colorizer,
)
from deepkoal.cli.console import report, show
from deepkoal.errors import PhotoError, needs_extra

if TYPE_CHECKING:
    from deepkoal.inference.colorizer import Colorizer

HOST = "127.0.0.1"
PORT = 8600
_PATIENCE_S = 2


def add_verbs(verbs: Any) -> None:
    """Add the verb to the parser's."""
    studio = verbs.add_parser(
        "studio",
        help="color photos in the browser",
        description="Open a page on which photos are colored, guided and downloaded. It is served "
        "to this machine alone, and photos never leave it. Its address is printed; Ctrl+C ends it.",
    )
    studio.add_argument("photo", nargs="?", type=Path, metavar="PHOTO", help="to begin with")
    help_port = "to listen on (%(default)s); 0 takes any that is free"
    add_number(studio, "--port", "N", help_port, low=0, high=MOST_PORT, default=PORT)
    studio.add_argument(
        "--no-browser", dest="browser", action="store_false", help="do not open the browser"
    )
    add_model_options(studio)
    add_backend_option(studio, auto=True)
    studio.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    with needs_extra("the studio", "serve"):
        import fastapi  # noqa: F401 -- refused at once, not after the network was loaded

        from deepkoal.serving.http.http_server import name_url, open_port
    photo = None if arguments.photo is None else _read(arguments.photo)
    with open_port(HOST, arguments.port, "--port") as listener:
        colorizer = load_colorizer(arguments)
        from deepkoal.studio import create_studio

        app = create_studio(colorizer, photo)
        listener.listen()  # from now on a browser waits, and is not refused
        url = f"{name_url(listener)}/"
        show(url)
        report("the studio is open; Ctrl+C ends it")
        if arguments.browser:
            # It waits for the browser, if that is one of text.
            threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
        _warm_up(colorizer)
        asyncio.run(_serve(app, listener))
        report("the studio is closed")
    return 0


def _read(path: Path) -> tuple[bytes, str]:
    try:
        return path.read_bytes(), path.name
    except OSError as error:
        raise PhotoError(
            f"{path}: cannot be read ({error.strerror}); check the path and your permissions"
        ) from error


def _warm_up(colorizer: Colorizer) -> None:
    """Color photos of two shapes, after which the network is compiled for all.

    The browser starts in the meantime; its requests wait at the socket.
    """
    import numpy as np

    colorizer.colorize_batch([np.zeros((64, width), np.uint8) for width in (64, 96)])


async def _serve(app: Any, listener: socket.socket) -> None:
    from deepkoal.serving.http.http_server import serve_http, stop_signals

    with stop_signals() as stop:
        await serve_http(app, listener, stop, _PATIENCE_S, ready=lambda: None)
