"""`serve`: answer requests over HTTP and gRPC."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deepkoal.atomic_files import temporary_folder
from deepkoal.cli.arguments.argument_types import MOST_PORT, add_number
from deepkoal.cli.console import UsageError, report
from deepkoal.errors import needs_extra
from deepkoal.keras_runtime import start_tensorflow
from deepkoal.memory import make_memory_returnable
from deepkoal.serving.limits import GRPC_PORT, REST_PORT, Limits
from deepkoal.serving.versions.opening import AUTO, BACKENDS, MODEL_FILE

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
        "--backend",
        choices=BACKENDS,
        default=AUTO,
        help="tensorflow runs a version's SavedModel, litert and onnx its .tflite or .onnx file, "
        "without TensorFlow; auto goes by the files there are, and without MODELS takes litert "
        "where it is installed (%(default)s)",
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
    own = "a listener of its own for health and metrics (none: --rest-port answers for them, too)"
    add_number(serve, "--monitoring-port", "PORT", own, low=0, high=MOST_PORT)
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
    with needs_extra("serving", "serve"):
        from deepkoal.serving.server import serve
    given = {
        "seconds": arguments.timeout,
        "request_megabytes": arguments.max_request,
        "requests": arguments.max_requests,
        "workers": arguments.workers,
    }
    limits = Limits(**{name: value for name, value in given.items() if value is not None})
    with contextlib.ExitStack() as stack:
        models, backend, prepare = arguments.models, arguments.backend, None
        if models is None:
            models = stack.enter_context(temporary_folder())
            backend, prepare = _plan_preset(models, backend)
        elif backend in (AUTO, "tensorflow") and any(models.glob(f"*/*/{MODEL_FILE}")):
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
            backend=backend,
        )
    return 0


def _plan_preset(models: Path, backend: str) -> tuple[str, Callable[[], None]]:
    """Return the backend for the default preset, and what puts it into an empty folder."""
    from deepkoal.inference.backends import SUFFIXES, has_litert
    from deepkoal.models.weights import find_shipped
    from deepkoal.pretrained.networks import BACKEND_FILE

    folder = models / DEFAULT_PRESET / "1"
    if backend == "litert" or (backend == AUTO and has_litert()):

        def link() -> None:
            suffix = SUFFIXES["litert"]
            folder.mkdir(parents=True)
            file = folder / f"{DEFAULT_PRESET}{suffix}"
            file.symlink_to(find_shipped(DEFAULT_PRESET, f"{BACKEND_FILE}{suffix}").resolve())

        return "litert", link
    if backend == "onnx":
        raise UsageError("--backend onnx needs MODELS with a .onnx file; deepkoal export writes it")

    def export() -> None:
        start_tensorflow()
        from deepkoal.export import export_saved_model
        from deepkoal.inference.colorizer import Colorizer

        report(f"no MODELS given: exporting {DEFAULT_PRESET}, for this run only")
        export_saved_model(Colorizer.from_preset(DEFAULT_PRESET), folder)

    return "tensorflow", export
