"""A server in a thread, for tests that want a real one."""

import contextlib
import socket
import threading

import uvicorn


@contextlib.contextmanager
def serve(app):
    """Serve an app as the command does; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
