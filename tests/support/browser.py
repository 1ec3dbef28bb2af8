"""A browser without a window, told what to do over a pipe."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import attrs

PATIENCE: Final = 60.0


def chromium() -> str | None:
    """Return where Chromium is, if it is there."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@attrs.define
class Browser:
    """One page; what its console said is kept."""

    _commands: int
    _answers: int
    _session: str | None = None
    _buffer: bytes = b""
    _numbers: "Iterator[int]" = attrs.field(factory=lambda: itertools.count(1))
    console: list[str] = attrs.field(factory=list)

    def start(self) -> None:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)

    def wait_for(self, expression: str) -> Any:
        """Return what an expression is as soon as that is something."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
            if value := found["result"].get("value"):
                return value
            time.sleep(0.05)
        raise AssertionError(f"it was never so: {expression}; the console: {self.console}")

    def screenshot(self, path: Path) -> None:
        shot = self._call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return cast("dict[str, Any]", answer["result"])
            if answer.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled"):
                self.console.append(json.dumps(answer["params"])[:500])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            read = os.read(self._answers, 65536)
            assert read, "the browser is gone"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        return cast("dict[str, Any]", json.loads(message))


@contextmanager
def browsing(program: str, folder: Path) -> Iterator[Browser]:
    """Start a browser that keeps its things in a folder."""
    commands, to = os.pipe()
    answers, out = os.pipe()
    command = (
        f"exec {program} --headless --no-sandbox --disable-gpu --remote-debugging-pipe "
        f"--window-size=900,1000 --user-data-dir={folder} 3<&{commands} 4>&{out}"
    )
    process = subprocess.Popen(
        ["bash", "-c", command], pass_fds=(commands, out), stderr=subprocess.DEVNULL
    )
    os.close(commands)
    os.close(out)
    try:
        browser = Browser(to, answers)
        browser.start()
        yield browser
    finally:
        process.terminate()
        process.wait(PATIENCE)
        os.close(to)
        os.close(answers)
