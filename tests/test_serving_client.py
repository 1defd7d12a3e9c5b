"""The client against servers that drip, refuse, encrypt or go away."""

import base64
import contextlib
import gc
import itertools
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from local_server import serve

from deepkoal.client import Client, rest_transport, transport, wire
from deepkoal.errors import DeepkoalError
from deepkoal.serving.errors import ServingError
from deepkoal.serving.http.rest_api import build_app
from deepkoal.serving.limits import Limits, MemoryBudget
from deepkoal.serving.metrics import Metrics
from deepkoal.serving.versions.repository import Repository

ANSWER = json.dumps({"predictions": [{"b64": base64.b64encode(b"image").decode()}]}).encode()


class Recorder:
    """An app that answers every request, and notes what came over which connection."""

    def __init__(self):
        self.paths, self.headers, self.connections, self.bodies = [], [], [], []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.paths.append(scope["path"])
        self.headers.append(dict(scope["headers"]))
        self.connections.append(scope["client"])
        self.bodies.append(json.loads(body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": ANSWER})


@contextlib.contextmanager
def dripping(head, body):
    """Serve an answer whose parts come a byte every 50 ms; give the address and the connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted, is_over = [], threading.Event()

        def answer(connection):
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                for part, drips in ((head, not body), (body, True)):
                    step = 1 if drips else len(part) or 1
                    for start in range(0, len(part), step):
                        if is_over.wait(0.05):
                            return
                        connection.sendall(part[start : start + step])
                is_over.wait(60)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    accepted.append(connection)
                    threading.Thread(target=answer, args=[connection]).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", accepted
        finally:
            is_over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


# --- deadlines ---------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "body"),
    [(HEAD, b" " * 1000), (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000, b""), (b"", b"")],
    ids=["body", "headers", "silence"],
)
def test_an_answer_that_drips_ends_at_the_deadline(head, body):
    with dripping(head, body) as (address, accepted):
        start = time.monotonic()
        with (
            Client(f"http://{address}", timeout=0.5, attempts=4) as client,
            pytest.raises(ServingError, match="no answer in time") as caught,
        ):
            client.colorize(b"photo")
        assert caught.value.code == "DEADLINE_EXCEEDED"
        assert time.monotonic() - start < 10, "fifty seconds' worth of bytes would have come"
        assert len(accepted) == 1


def test_silence_over_grpc_ends_at_the_deadline():
    with dripping(b"", b"") as (address, _):
        with (
            Client(f"grpc://{address}", timeout=0.3) as client,
            pytest.raises(ServingError) as caught,
        ):
            client.colorize(b"photo")
        assert caught.value.code in ("DEADLINE_EXCEEDED", "UNAVAILABLE")


def test_a_deadline_holds_for_all_attempts_together(monkeypatch):
    clock = [0.0]
    given = []

    class Clock:
        monotonic = staticmethod(lambda: clock[0])

        @staticmethod
        def sleep(seconds):
            clock[0] += seconds

    monkeypatch.setattr(transport, "time", Clock)

    def attempt(seconds):
        given.append(seconds)
        clock[0] += 0.8
        raise ServingError("UNAVAILABLE", "no")

    with pytest.raises(ServingError):
        transport.retry(attempt, 100, 2)
    assert given[0] == 2
    assert all(later <= earlier - 0.8 for earlier, later in itertools.pairwise(given))
    assert clock[0] < 2.8


def test_a_call_ends_when_the_client_is_closed():
    with dripping(b"", b"") as (address, accepted):
        client = Client(f"http://{address}", timeout=60)
        with futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(client.colorize, b"photo")
            while not accepted:
                time.sleep(0.01)
            client.close()
            with pytest.raises(ServingError, match="closed"):
                call.result(30)
        with pytest.raises(DeepkoalError, match="this client is closed"):
            client.colorize(b"photo")


def test_a_forgotten_client_ends_its_thread():
    before = set(threading.enumerate())
    client = Client("http://127.0.0.1:1")
    (thread,) = set(threading.enumerate()) - before
    del client
    gc.collect()
    assert not thread.is_alive()


def test_an_open_client_does_not_keep_the_interpreter(tmp_path):
    program = "from deepkoal.client import Client; client = Client('http://127.0.0.1:1')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


# --- what is sent ------------------------------------------------------------------------------


def test_connections_are_kept_and_headers_and_any_name_are_sent():
    recorder = Recorder()
    with serve(recorder) as address:
        for model in ("é", "a b", "50%", "a?b#c", "koala-lite"):
            headers = {"Authorization": "Bearer x"}
            with Client(address, model=model, version=3, headers=headers) as client:
                with futures.ThreadPoolExecutor(1) as pool:  # from any thread
                    assert pool.submit(client.colorize, b"photo").result() == b"image"
                assert client.colorize(b"photo") == b"image"
            assert recorder.paths[-1] == f"/v1/models/{model}/versions/3:predict"
        assert recorder.headers[0][b"authorization"] == b"Bearer x"
        assert recorder.headers[0][b"content-type"] == b"application/json"
        first, second, *_ = recorder.connections
        assert first == second


@pytest.mark.parametrize("model", ["", "a/b", "a:b", "..", "caf\udce9"])
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_names_that_no_server_has_are_refused_at_once(scheme, model):
    with pytest.raises(DeepkoalError, match="expected a model's name"):
        Client(f"{scheme}://127.0.0.1:1", model=model)


def test_addresses_and_headers_that_are_none_are_refused_at_once():
    for address in ("http://a:b:c", "http://127.0.0.1:99999"):
        with pytest.raises(DeepkoalError, match="no address"):
            Client(address)
    with pytest.raises(DeepkoalError, match="no text"):
        Client("http://127.0.0.1:1", headers={"X": "\udce9"})
    with pytest.raises(DeepkoalError, match="version as a whole number, got '1'"):
        Client("grpc://127.0.0.1:1", version="1")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: c.colorize("old.jpg"), "a photo as a file's bytes, got 'old.jpg'"),
        (lambda c: c.variations(None), "a photo as a file's bytes, got None"),
        (lambda c: c.colorize(b"", reference=Path("a.jpg")), "a reference as a file's bytes"),
        (lambda c: c.colorize(b"", vibrance="1"), "vibrance as a number, got '1'"),
        (lambda c: c.colorize(b"", detail=128.5), "detail as a whole number, got 128.5"),
        (lambda c: c.colorize(b"", palette=None), "a palette's name, got None"),
        (lambda c: c.variations(b"", count="4"), "count as a whole number, got '4'"),
    ],
)
def test_values_of_another_type_are_refused_at_once(ask, message):
    client = Client("http://127.0.0.1:1", attempts=1)
    with client, pytest.raises(DeepkoalError, match=message):
        ask(client)


# --- too large ---------------------------------------------------------------------------------


class Unloaded:
    """A service without models."""

    def __init__(self):
        self.limits = Limits(request_megabytes=1)
        self.budget = MemoryBudget(self.limits)
        self.metrics = Metrics()
        self.repository = Repository("nowhere", print)
        self.use = lambda seen, *place: self.repository.use(*place)
        self.admit = contextlib.nullcontext


@contextlib.contextmanager
def grpc_server(handler, **options):
    server = grpc.server(futures.ThreadPoolExecutor(1), options=list(options.items()))
    handlers = {"Predict": grpc.unary_unary_rpc_method_handler(handler)}
    service = wire.PREDICT.split("/")[1]
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def test_what_is_too_large_is_sent_once_and_has_one_code(monkeypatch):
    pauses = []
    monkeypatch.setattr(transport.time, "sleep", pauses.append)
    limit = {"grpc.max_receive_message_length": 2**20}
    with (
        serve(build_app(Unloaded())) as rest,
        grpc_server(lambda request, context: b"", **limit) as rpc,
    ):
        for address in (rest, rpc):
            with Client(address) as client, pytest.raises(ServingError) as caught:
                client.colorize(bytes(2**20))
            assert (caught.value.code, caught.value.http_status) == ("INVALID_ARGUMENT", 413)
            assert "large" in str(caught.value)
    assert not pauses


def test_headers_are_sent_over_grpc():
    seen = []

    def answer(request, context):
        seen.append(dict(context.invocation_metadata()))
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")

    with (
        grpc_server(answer) as address,
        Client(address, headers={"Authorization": "Bearer x"}) as client,
        pytest.raises(ServingError, match="who are you") as caught,
    ):
        client.colorize(b"photo")
    assert caught.value.code == "UNAUTHENTICATED"
    assert seen[0]["authorization"] == "Bearer x"


# --- TLS ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@contextlib.contextmanager
def tls_server(certificate):
    """Answer one request on each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with (
                        contextlib.suppress(ssl.SSLError, ConnectionError),
                        context.wrap_socket(connection, server_side=True) as secure,
                    ):
                        while not secure.recv(65536).endswith(b"}]}"):
                            pass
                        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(ANSWER)}\r\n"
                        secure.sendall(f"{head}Connection: close\r\n\r\n".encode() + ANSWER)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_certificates_are_checked_unless_asked_otherwise(certificate, tmp_path):
    with tls_server(certificate) as address:
        with (
            Client(address, attempts=1) as client,
            pytest.raises(ServingError, match="certificate"),
        ):
            client.colorize(b"photo")
        for verify in (certificate[0], str(certificate[0]), False):
            with Client(address, verify=verify) as client:
                assert client.colorize(b"photo") == b"image"
    (tmp_path / "none.pem").write_text("no certificate")
    with pytest.raises(DeepkoalError, match="expected certificates as PEM"):
        rest_transport.make_tls_context(tmp_path / "none.pem")
    for scheme in ("https", "grpcs"):
        with pytest.raises(DeepkoalError, match="cannot be read"):
            Client(f"{scheme}://127.0.0.1:1", verify=tmp_path / "missing.pem")
    with pytest.raises(DeepkoalError, match="cannot leave certificates unchecked"):
        Client("grpcs://127.0.0.1:1", verify=False)


def test_grpc_may_be_encrypted(certificate):
    server = grpc.server(futures.ThreadPoolExecutor(1))
    pair = (certificate[1].read_bytes(), certificate[0].read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        address = f"grpcs://127.0.0.1:{port}"
        with (
            Client(address, verify=certificate[0]) as client,
            pytest.raises(ServingError) as caught,
        ):
            client.colorize(b"photo")
        assert caught.value.code == "UNIMPLEMENTED", "reached, though there is no such method"
    finally:
        server.stop(None).wait()


def test_the_old_place_of_the_client_works_with_a_warning():
    with pytest.warns(DeprecationWarning, match=r"now deepkoal\.client\.Client"):
        from deepkoal.serving.client import Client as OldClient
    assert OldClient is Client
