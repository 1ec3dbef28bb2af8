"""What each process of the server runs."""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from adapters.cli import logs
from adapters.cli.failures import INTERRUPTED, Failed
from adapters.cli.running import prepared, run
from adapters.settings import read_settings

if TYPE_CHECKING:
    from litestar.types import ASGIApp


def app() -> "ASGIApp":
    """Return the application that the environment asks for."""
    from adapters.container import Container  # noqa: PLC0415 - the server, which is here too, is small

    settings = read_settings()
    logs.configure(settings.variables.log_level, delayed=True)
    threading.Thread(target=_stop_with_the_server, daemon=True).start()
    application = Container(settings=settings).asgi()
    # All that there is now stays: no collection of garbage has to look it through again.
    gc.freeze()
    return application


def prepare(failure: "Connection[str, None]") -> None:
    """Bring the storage to the schema of this version, or tell what is in the way."""
    settings = read_settings()
    logs.configure(settings.variables.log_level)
    threading.Thread(target=_stop_with_the_server, daemon=True).start()
    try:
        run(prepared(settings))
    except Failed as error:
        failure.send(str(error))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _stop_with_the_server() -> None:
    """Stop this process when the one that looks after it was killed, so that the port gets free."""
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os.kill(os.getpid(), signal.SIGTERM)
