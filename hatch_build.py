"""
Puts pdf.js, which the page of reports runs on, from its npm package into the package.

A wheel has to have it; where somebody only works on the code and there is no npm, the page does
without it. `python hatch_build.py` does the same by hand.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "pdfjs-dist"
VERSION = "4.10.38"
SHA512 = "/Y3fcFrXEAsMjJXeL9J8+ZG9U01LbuWaYypvDW2ycW1jL269L3js3DVBjDJ0Up9Np1uqDXsDrRihHANhZOlwdQ=="
FOLDER = Path(__file__).parent / "src" / "adapters" / "xealth" / "pdfjs"
# What the page asks for, and where the package has it.
FILES = {
    "build/pdf.mjs": "build/pdf.min.mjs",
    "build/pdf.worker.mjs": "build/pdf.worker.min.mjs",
    "build/pdf.sandbox.mjs": "build/pdf.sandbox.min.mjs",
    "web/pdf_viewer.mjs": "web/pdf_viewer.mjs",
    "web/pdf_viewer.css": "web/pdf_viewer.css",
    "LICENSE": "LICENSE",
}
FOLDERS = {"web/images": "web/images", "web/cmaps": "cmaps", "web/standard_fonts": "standard_fonts"}
MARK = "VERSION"


class NoPdfJs(RuntimeError):
    """pdf.js cannot be had."""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling leaves it open
    """Runs before a wheel is put together, also before an editable one."""

    def initialize(self, version: str, _build_data: dict[str, Any]) -> None:
        """Provide pdf.js."""
        try:
            provide()
        except NoPdfJs as error:
            if version != "editable":
                raise
            self.app.display_warning(f"reports will not be shown: {error}")


def provide(folder: Path = FOLDER) -> Path:
    """Fill the folder where it is not filled yet, and return it. Raises NoPdfJs."""
    mark = folder / MARK
    if mark.exists() and mark.read_text() == VERSION:
        return folder
    with tempfile.TemporaryDirectory() as temporary:
        package = _unpacked(Path(temporary))
        filled = Path(temporary) / "pdfjs"
        for name, source in FILES.items():
            (filled / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(package / source, filled / name)
        for name, source in FOLDERS.items():
            shutil.copytree(package / source, filled / name)
        (filled / MARK).write_text(VERSION)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(filled, folder)
    return folder


def _unpacked(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise NoPdfJs(f"npm is needed to fetch {PACKAGE}")
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archive = folder / f"{PACKAGE}-{VERSION}.tgz"
    if done.returncode or not archive.exists():
        raise NoPdfJs(f"npm could not fetch {PACKAGE} {VERSION}: {done.stderr.strip()}")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise NoPdfJs(f"{PACKAGE} {VERSION} is not what it was")
    with tarfile.open(archive) as tar:
        members = [each for each in tar.getmembers() if _is_wanted(each.name)]
        tar.extractall(folder, members=members, filter="data")
    return folder / "package"


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name).relative_to("package")
    return str(path) in FILES.values() or str(path.parent) in FOLDERS.values()


if __name__ == "__main__":
    sys.stdout.write(f"{provide()}\n")
