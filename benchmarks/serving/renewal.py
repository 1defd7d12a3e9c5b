"""New versions, and a new server in the place of a killed one, under load."""

from __future__ import annotations

import concurrent.futures
import json
import shutil
import signal
import time
import urllib.request
from pathlib import Path

from asking import PREDICT, body, make_photos, run_wrk, show
from process import show_memory
from serving_parts import post, running_server


def swap(models: Path, seconds: float, folder: Path) -> None:
    """Load while new versions come."""
    copy = Path(shutil.copytree(models, folder / "swapped"))
    with running_server(copy) as server, concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(run_wrk, server.url, seconds, folder)
        for version in ("2", "3", "4"):
            time.sleep(seconds / 5)
            target = copy / "koala-lite" / version
            target.mkdir()
            for path in sorted((copy / "koala-lite" / "1").rglob("*"), reverse=True):
                if path.is_file():  # slowly, so that half of it is seen
                    place = target / path.relative_to(copy / "koala-lite" / "1")
                    place.parent.mkdir(exist_ok=True, parents=True)
                    shutil.copy(path, place)
                    time.sleep(1.5)
        show("load while versions 2, 3 and 4 come", running.result())
        with urllib.request.urlopen(server.url + "/v1/models/koala-lite") as answer:
            states = json.load(answer)["model_version_status"]
        print("  " + ", ".join(f"{state['version']} {state['state']}" for state in states))
        show_memory(server.process.pid, "after three swaps")


def kill(models: Path, seconds: float, folder: Path) -> None:
    """Kill the server under load and start it again on its ports."""
    ports = {}
    for turn in range(3):
        start = time.perf_counter()
        with (
            running_server(models, **ports) as server,
            concurrent.futures.ThreadPoolExecutor() as pool,
        ):
            print(
                f"start {turn + 1}: listening after {time.perf_counter() - start:.1f} s", end="; "
            )
            ports = {
                "rest_port": int(server.url.rpartition(":")[2]),
                "port": int(server.target.rpartition(":")[2]),
            }
            print("one photo:", post(server.url + PREDICT, body(make_photos()[0]))[0], end="; ")
            running = pool.submit(run_wrk, server.url, 5, folder)
            time.sleep(3)
            print("killed:", server.stop(signal.SIGKILL), flush=True)
            running.result()
