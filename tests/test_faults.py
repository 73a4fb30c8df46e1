"""The short part of `make faults`, in a process and on servers of its own: no promise is broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SERVERS = ("DATABASE_URL", "REDIS_URL")


@pytest.mark.timeout(900)
def test_no_fault_breaks_a_promise(capsys: pytest.CaptureFixture[str]) -> None:
    own = {name: value for name, value in os.environ.items() if name not in SERVERS}

    faults = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--short"],
        cwd=ROOT,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )

    with capsys.disabled():  # the table is worth reading when all is well, too
        print("", *(line for line in faults.stdout.splitlines() if line.startswith("|")), sep="\n")
    assert (faults.returncode, faults.stdout.splitlines()[-1]) == (0, "0 violations"), faults.stdout
