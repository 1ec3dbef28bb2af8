"""What each process of the server runs."""

import multiprocessing
import os
import signal
import threading

from litestar.types import ASGIApp

from adapters.cli import logs
from adapters.container import Container
from adapters.settings import read_settings


def app() -> ASGIApp:
    """Return the application that the environment asks for."""
    settings = read_settings()
    logs.configure(settings.variables.log_level, delayed=True)
    threading.Thread(target=_stop_with_the_server, daemon=True).start()
    return Container(settings=settings).asgi()


def _stop_with_the_server() -> None:
    """Stop this process when the one that looks after it was killed, so that the port gets free."""
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os.kill(os.getpid(), signal.SIGTERM)
