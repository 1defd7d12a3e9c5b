"""A server as a user starts it, and requests as others send them."""

import base64
import contextlib
import copy
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest.mock
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from tiny_networks import tiny_lite

START_SECONDS = 120
MAX_PIXELS = 300_000
"""Of a photo, in `export_tiny`."""


@dataclass
class Running:
    process: subprocess.Popen
    url: str
    target: str
    log: Path

    def stop(self, number=signal.SIGTERM):
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextlib.contextmanager
def running_server(models, *options, rest_port=0, port=0):
    """Run `deepkoal serve` as a process of its own, on free ports unless told."""
    command = [sys.executable, "-m", "deepkoal.cli", "serve", str(models), *options]
    command += ["--timeout", "300"]  # the first photo may take long where much else runs
    command += ["--rest-port", str(rest_port), "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            root = str(Path(__file__).parent.parent)
            process = subprocess.Popen(command, stderr=file, env={**os.environ, "PYTHONPATH": root})
        try:
            ports = wait_for_ports(process, log)
            yield Running(process, f"http://127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", log)
        finally:
            process.kill()
            process.wait()


def wait_for_ports(process, log):
    end = time.monotonic() + START_SECONDS
    pattern = r"listening on http://127\.0\.0\.1:(\d+) for REST, on port (\d+) for gRPC"
    while time.monotonic() < end and process.poll() is None:
        found = re.search(pattern, log.read_text(encoding="utf-8"))
        if found:
            return [int(port) for port in found.groups()]
        time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8"))


def export_tiny(folder):
    """Export `tiny_colorizer` under the name of koala-lite, of a thousandth of its size.

    Within the tests all processes copy one export, for tracing its signatures takes seconds.
    """
    from deepkoal.errors import DeepkoalError
    from deepkoal.export import export_saved_model

    kept = Path(os.environ.get("EXPORTED_ONCE", folder.parent / "tiny-export"), "1")
    if not kept.exists():
        with contextlib.suppress(DeepkoalError):  # where another process was quicker
            export_saved_model(tiny_colorizer(), kept, max_pixels=MAX_PIXELS)
    return Path(shutil.copytree(kept, folder))


def tiny_colorizer():
    """Return a colorizer none of whose settings is a default."""
    from deepkoal.color import ab_bins
    from deepkoal.guidance import DecodingConfig
    from deepkoal.inference.colorizer import Colorizer

    prior = np.random.default_rng(3).dirichlet(np.ones(len(ab_bins()))).astype("float32")
    decoding = DecodingConfig(0.5, gain=1.2, prior=prior)
    return Colorizer(tiny_lite(), working_size=96, decoding=decoding)


@contextlib.contextmanager
def open_as_written(folder):
    """Load an export as it is: optimizing a signature at its first calls takes seconds."""
    from deepkoal.serving.versions import saved_model

    config = copy.deepcopy(saved_model._CONFIG)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with unittest.mock.patch.multiple(saved_model, _CONFIG=config, WARMUP_FILE=Path("none")):
        served = saved_model.SavedModelVersion("tiny", 1, folder)
    yield served
    served.close()


def save_pixel(folder, level=255):
    """Write a network that answers every photo with a grey pixel: an export takes far longer."""
    import tensorflow as tf

    module = tf.Module()
    module.weights = tf.Variable(tf.zeros([100]))
    pixel = tf.constant(encode(np.full((1, 1, 3), level, "uint8"), "PNG"))
    module.color = tf.function(
        lambda photo_bytes: {"image_bytes": tf.fill(tf.shape(photo_bytes), pixel)},
        input_signature=[tf.TensorSpec([None], tf.string, name="photo_bytes")],
        autograph=False,
    )
    tf.saved_model.save(module, str(folder), {"serving_default": module.color})
    return folder


def encode(rgb, kind="JPEG"):
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, kind)
    return buffer.getvalue()


def make_photo(side=64):
    return encode(np.asarray(Image.fromarray(data.chelsea()).resize((side, side))))


def row_request(*photos, **more):
    rows = [{"b64": base64.b64encode(photo).decode()} for photo in photos]
    return {"instances": rows, **more}


def read_rows(answer):
    return [base64.b64decode(row["b64"]) for row in answer["predictions"]]


def post(url, body, seconds=300):
    """Return the status and the JSON of the answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, content, timeout=seconds) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
