"""Photos, requests for them, and many at a time: wrk."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image
from serving_parts import encode
from skimage import data

PREDICT = "/v1/models/koala-lite:predict"
CONNECTIONS = 16
SCRIPT = """
local bodies = {}
for i = 1, 4 do
  local file = io.open("%s/" .. i .. ".json")
  bodies[i] = file:read("*a")
  file:close()
end
local i = 0
request = function()
  i = i + 1
  return wrk.format("POST", "/v1/models/koala-lite:predict", {}, bodies[i %% 4 + 1])
end
"""


def make_photos() -> list[bytes]:
    """Return four photos as JPEG files."""
    names = ("astronaut", "chelsea", "coffee", "rocket")
    small = [Image.fromarray(getattr(data, name)()).resize((256, 256)) for name in names]
    return [encode(np.asarray(photo)) for photo in small]


def body(photo: bytes) -> bytes:
    """Return a request for a photo."""
    return json.dumps({"instances": [{"b64": base64.b64encode(photo).decode()}]}).encode()


def run_wrk(url: str, seconds: float, folder: Path) -> dict[str, float]:
    """Return requests a second, p50 and p99 in ms, requests, and failed ones."""
    for number, photo in enumerate(make_photos(), 1):
        (folder / f"{number}.json").write_bytes(body(photo))
    (folder / "post.lua").write_text(SCRIPT % folder)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "60s"]
    command += ["--latency", "-s", str(folder / "post.lua"), url]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    milliseconds = {"us": 0.001, "ms": 1, "s": 1000}
    figures = {}
    for share in ("50", "99"):
        found = re.search(rf"^ +{share}% +([\d.]+)(us|ms|s)\s*$", output, re.MULTILINE)
        assert found, output
        value, unit = found.groups()
        figures[f"p{share}"] = float(value) * milliseconds[unit]
    figures["rate"] = float(re.search(r"Requests/sec: +([\d.]+)", output)[1])
    figures["count"] = int(re.search(r"(\d+) requests in", output)[1])
    errors = re.findall(
        r"Non-2xx or 3xx responses: (\d+)|(?:connect|read|write|timeout) (\d+)", output
    )
    figures["failed"] = sum(int(number) for pair in errors for number in pair if number)
    return figures


def show(name: str, figures: dict[str, float]) -> None:
    """Print what wrk measured."""
    print(
        f"{name}: {figures['rate']:.1f} photos/s, p50 {figures['p50']:.0f} ms, "
        f"p99 {figures['p99']:.0f} ms, {figures['count']} answered, {figures['failed']} failed",
        flush=True,
    )
