"""uvicorn, set up for an API server as its only client."""

import contextlib
import ssl
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """One of several in a process, which listens for signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def server(app: FastAPI, address: str, port: int, tls: ssl.SSLContext | None = None) -> Server:
    """A server for an app; plain HTTP without `tls`."""
    return Server(
        uvicorn.Config(
            app,
            host=address,
            port=port,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            # The API server keeps idle connections for about 90 s; whoever closes first makes it
            # refuse a write.
            timeout_keep_alive=120,
            server_header=False,
            date_header=False,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        )
    )
