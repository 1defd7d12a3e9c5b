"""`serve`: answer requests over HTTP and gRPC."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deepkoal.cli.arguments.argument_types import whole_number
from deepkoal.cli.console import report, start_tensorflow
from deepkoal.errors import DeepkoalError
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
    port = whole_number(0, 65535)
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 for all (%(default)s)",
    )
    serve.add_argument(
        "--rest-port",
        type=port,
        default=REST_PORT,
        metavar="PORT",
        help="for REST; 0 for a free one (%(default)s)",
    )
    serve.add_argument(
        "--port", type=port, default=GRPC_PORT, metavar="PORT", help="for gRPC (%(default)s)"
    )
    serve.add_argument(
        "--monitoring-port",
        type=port,
        metavar="PORT",
        help="a listener of its own for health and metrics; 0 for a free one (none: they are "
        "answered on --rest-port alone)",
    )
    serve.add_argument(
        "--timeout",
        type=whole_number(1),
        metavar="SECONDS",
        help=f"longest a request may take ({Limits.seconds:g})",
    )
    serve.add_argument(
        "--max-request",
        type=whole_number(1),
        metavar="MIB",
        help=f"largest request ({Limits.request_megabytes})",
    )
    serve.add_argument(
        "--max-requests",
        type=whole_number(1),
        metavar="N",
        help=f"most that wait or run; further ones are turned away ({Limits.requests})",
    )
    serve.add_argument(
        "--workers",
        type=whole_number(1),
        metavar="N",
        help="how many batches run at a time (one a core)",
    )
    serve.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Serve the newest version of each model, and newer ones as they come, until interrupted."""
    make_memory_returnable()
    start_tensorflow()
    try:
        from deepkoal.serving.server import serve
    except ModuleNotFoundError as error:
        raise DeepkoalError(
            f"serving needs a package that is not installed ({error.name}); install deepkoal[serve]"
        ) from error
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
