"""A Ray cluster of several nodes on this machine, and an S3 server, for tests."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PORTS = (
    "metrics_agent_port",
    "runtime_env_agent_port",
    "dashboard_agent_listen_port",
    "metrics_export_port",
)


def find_free_ports(count):
    """Ports that nothing listens on, found together, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def start_cluster(nodes=2, cores=1):
    """Yield a cluster of nodes of so many cores each, the first its head; this process joins it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Or a full machine would end workers.
    os.environ["RAY_memory_monitor_refresh_ms"] = "0"  # noqa: SIM112 -- Ray's name for it
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 -- or other tests would starve them
    os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"
    # A dead node refuses each of five checks at once; a slow one has as long for each as ever.
    os.environ["RAY_health_check_period_ms"] = "300"  # noqa: SIM112
    # A dozen processes import Ray: compiled once, not by each.
    unset = os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    import ray
    from ray._private.node import Node
    from ray._raylet import persist_port
    from ray.cluster_utils import Cluster

    start = Node.start_ray_processes

    def start_without_waiting(node):
        # A node dies where its agents have not noted their ports within 15 s, which Python's
        # imports alone may take on a busy machine; so these are noted beforehand.
        for name in PORTS:
            port = getattr(node._ray_params, name)
            persist_port(node._session_dir, node._node_id, name, port)
        start(node)

    folder = tempfile.mkdtemp(prefix="ray-")  # short, for it is the path of sockets
    # It notes its address below, in a folder that has to be there, and other clusters would find.
    os.environ["RAY_TMPDIR"] = folder
    Path(folder, "ray").mkdir()
    settings = {"num_cpus": cores, "object_store_memory": 80 << 20, "temp_dir": folder}
    settings["include_log_monitor"] = False  # nobody reads them
    cluster = Cluster()
    Node.start_ray_processes = start_without_waiting
    try:
        for index in range(nodes):
            more = {} if index else {"include_dashboard": False}
            ports = dict(zip(PORTS, find_free_ports(len(PORTS)), strict=True))
            cluster.add_node(**settings, **more, **ports)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        Node.start_ray_processes = start
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ["RAY_TMPDIR"]
        if unset is not None:
            os.environ["PYTHONDONTWRITEBYTECODE"] = unset


@contextlib.contextmanager
def serve_s3(root):
    """Yield what follows the `?` of addresses in a server of a folder of buckets."""
    (port,) = find_free_ports(1)
    program = shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
    address = f"127.0.0.1:{port}"
    command = [program, "serve", "s3", "--addr", address, "--auth-key", "key,secret"]
    # Or it would not see what tests change; of 0 its cleaner would spin and take a core.
    command += ["--dir-cache-time", "10ms", str(root)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield f"scheme=http&endpoint_override={address}&region=us-east-1"
        finally:
            server.kill()
