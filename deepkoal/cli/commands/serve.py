"""`serve`: answer requests over HTTP and gRPC."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deepkoal.cli.arguments.argument_types import whole_number
from deepkoal.cli.console import UsageError, report, start_tensorflow
from deepkoal.errors import DeepkoalError
from deepkoal.memory import make_memory_returnable
from deepkoal.serving.limits import GRPC_PORT, REST_PORT, Limits
from deepkoal.serving.opening import AUTO, ENGINES, MODEL_FILE

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
        f"{DEFAULT_PRESET} is served as it came with the library",
    )
    serve.add_argument(
        "--engine",
        choices=ENGINES,
        default=AUTO,
        help="tensorflow runs a version's SavedModel, litert and onnx its .tflite or .onnx file, "
        "without TensorFlow; auto goes by the files there are, and without MODELS takes litert "
        "where it is installed (%(default)s)",
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
    with contextlib.ExitStack() as stack:
        models, engine, prepare = arguments.models, arguments.engine, None
        if models is None:
            models = stack.enter_context(_temporary_folder())
            engine, prepare = _plan_preset(models, engine)
        elif engine in (AUTO, "tensorflow") and any(models.glob(f"*/*/{MODEL_FILE}")):
            prepare = start_tensorflow
        serve(
            models,
            host=arguments.host,
            rest_port=arguments.rest_port,
            grpc_port=arguments.port,
            monitoring_port=arguments.monitoring_port,
            limits=limits,
            log=report,
            prepare=prepare,
            engine=engine,
        )
    return 0


def _plan_preset(models: Path, engine: str) -> tuple[str, Callable[[], None]]:
    """Return the engine for the default preset, and what puts it into an empty folder."""
    from deepkoal.inference.backends import SUFFIXES, has_litert
    from deepkoal.models.weights import find_shipped
    from deepkoal.pretrained.networks import BACKEND_FILE

    folder = models / DEFAULT_PRESET / "1"
    if engine == "litert" or (engine == AUTO and has_litert()):

        def link() -> None:
            suffix = SUFFIXES["litert"]
            folder.mkdir(parents=True)
            file = folder / f"{DEFAULT_PRESET}{suffix}"
            file.symlink_to(find_shipped(DEFAULT_PRESET, f"{BACKEND_FILE}{suffix}").resolve())

        return "litert", link
    if engine == "onnx":
        raise UsageError("--engine onnx needs MODELS with a .onnx file; deepkoal export writes it")

    def export() -> None:
        start_tensorflow()
        from deepkoal.export import export_saved_model
        from deepkoal.inference.colorizer import Colorizer

        report(f"no MODELS given: exporting {DEFAULT_PRESET}, for this run only")
        export_saved_model(Colorizer.from_preset(DEFAULT_PRESET), folder)

    return "tensorflow", export


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="deepkoal-serve-")
    except OSError as error:
        raise DeepkoalError(
            f"no folder for temporary files ({error}); set TMPDIR to one that may be written"
        ) from error
    with folder as name:
        yield Path(name)
