"""`serve`: answer requests over HTTP and gRPC."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepkoal.cli.arguments.argument_types import MOST_PORT, add_number
from deepkoal.cli.console import report
from deepkoal.errors import needs_extra
from deepkoal.keras_runtime import start_tensorflow
from deepkoal.memory import make_memory_returnable
from deepkoal.serving.limits import GRPC_PORT, REST_PORT, Limits

DEFAULT_PRESET = "koala-lite"


def add_verbs(verbs: Any) -> None:
    """Add the verb to the parser's."""
    serve = verbs.add_parser(
        "serve",
        help="answer requests over HTTP and gRPC, as TensorFlow Serving does",
        description=_run.__doc__,
    )
    serve.add_argument(
        "models",
        type=Path,
        nargs="?",
        metavar="MODELS",
        help="folder that holds NAME/VERSION as written by deepkoal export; without it, "
        f"{DEFAULT_PRESET} is exported for as long as the server runs",
    )
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 for all (%(default)s)",
    )
    free_one = "for REST; 0 for a free one (%(default)s)"
    add_number(serve, "--rest-port", "PORT", free_one, low=0, high=MOST_PORT, default=REST_PORT)
    add_number(
        serve, "--port", "PORT", "for gRPC (%(default)s)", low=0, high=MOST_PORT, default=GRPC_PORT
    )
    longest = f"longest a request may take ({Limits.seconds:g})"
    add_number(serve, "--timeout", "SECONDS", longest)
    add_number(serve, "--max-request", "MIB", f"largest request ({Limits.request_megabytes})")
    most = f"most that wait or run; further ones are turned away ({Limits.requests})"
    add_number(serve, "--max-requests", "N", most)
    add_number(serve, "--workers", "N", "how many batches run at a time (one a core)")
    serve.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Serve the newest version of each model, and newer ones as they come, until interrupted."""
    make_memory_returnable()
    start_tensorflow()
    with needs_extra("serving", "serve"):
        from deepkoal.serving.server import serve
    given = {
        "seconds": arguments.timeout,
        "request_megabytes": arguments.max_request,
        "requests": arguments.max_requests,
        "workers": arguments.workers,
    }
    limits = Limits(**{name: value for name, value in given.items() if value is not None})
    with _find_models(arguments.models) as models:
        serve(
            models,
            host=arguments.host,
            rest_port=arguments.rest_port,
            grpc_port=arguments.port,
            limits=limits,
            log=report,
        )
    return 0


@contextlib.contextmanager
def _find_models(given: Path | None) -> Iterator[Path]:
    """Yield the folder to serve: where none was given, a temporary one with the default preset."""
    if given is not None:
        yield given
        return
    from deepkoal.export import export_saved_model
    from deepkoal.inference.colorizer import Colorizer

    report(f"no MODELS given: exporting {DEFAULT_PRESET}, for this run only")
    with tempfile.TemporaryDirectory(prefix="deepkoal-serve-") as folder:
        models = Path(folder)
        export_saved_model(Colorizer.from_preset(DEFAULT_PRESET), models / DEFAULT_PRESET / "1")
        yield models
