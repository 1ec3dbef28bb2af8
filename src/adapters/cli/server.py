"""The server process: it looks after workers, which answer requests."""

import multiprocessing
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from adapters.cli import logs
from adapters.cli.failures import Failed
from adapters.cli.worker import prepare
from adapters.settings import Settings

_GRANIANS: Final = {
    "debug": LogLevels.info,
    "info": LogLevels.info,
    "warning": LogLevels.warning,
    "error": LogLevels.error,
    "critical": LogLevels.critical,
}

_log = structlog.get_logger("clinic.server")


def serve(settings: Settings) -> None:
    """
    Serve until SIGTERM or SIGINT, then let running requests end, within the bound of the settings.

    The workers read the environment, so *settings* have to be what it asks for. Raises Failed where
    an address is not free.
    """
    variables = settings.variables
    logs.configure(variables.log_level)
    if settings.workers < (variables.workers or 1):
        _log.warning("storage in memory belongs to one process", workers=settings.workers)
    if settings.storage_kind == "memory" and settings.identity == "local":
        _log.warning("users in memory belong to this process, so nobody can sign in")
    require_free(settings.host, variables.port, "CLINIC_HOST and CLINIC_PORT")
    # A worker is a fresh process: it inherits neither threads nor connections.
    multiprocessing.set_start_method("spawn", force=True)
    if settings.storage_kind != "memory":
        _prepare(settings)
    with _metrics(settings):
        _log.info(
            "starting",
            address=_address(settings.host, variables.port),
            storage=settings.storage_kind,
            identity=settings.identity,
            workers=settings.workers,
        )
        Granian(
            "adapters.cli.worker:app",
            factory=True,
            address=settings.host,
            port=variables.port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            workers=settings.workers,
            workers_kill_timeout=max(1, round(variables.shutdown_timeout.total_seconds())),
            respawn_failed_workers=True,
            log_level=_GRANIANS[variables.log_level],
            log_dictconfig=logs.configuration(variables.log_level),
        ).serve()
    _log.info("stopped")


def _prepare(settings: Settings) -> None:
    """
    Prepare the storage once, before the workers, which would all want to do it.

    A process of its own does so, for what that loads would stay here as long as the server runs.
    """
    told, telling = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=prepare, args=(telling,))
    process.start()
    telling.close()
    try:
        reason = told.recv()
    except EOFError:
        reason = None
    process.join()
    if reason is not None:
        raise Failed(reason)
    if process.exitcode:
        raise Failed(f"{settings.storage_setting}: the storage could not be prepared")


def require_free(host: str, port: int, settings: str) -> None:
    """
    Raise Failed where nobody could listen at this address.

    Workers share their port, and would share it with those of another server, too.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Failed(f"cannot listen on {host}, port {port}: {reason}; see {settings}") from None


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _metrics(settings: Settings) -> Iterator[None]:
    """Serve the sums over all workers, which write to files of one folder."""
    if settings.metrics_port is None:
        yield
        return
    require_free(
        settings.metrics_host, settings.metrics_port, "CLINIC_METRICS_HOST and CLINIC_METRICS_PORT"
    )
    folder = tempfile.mkdtemp(prefix="clinic-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
    finally:
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]
        shutil.rmtree(Path(folder), ignore_errors=True)
