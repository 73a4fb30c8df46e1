"""`python -m tests.golden`: the threads of this release, into a directory of its version, which must not be there."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def main() -> int:
    text = (HERE.parent.parent / "pyproject.toml").read_text()
    version = text.partition('version = "')[2].partition('"')[0]
    into = HERE / version
    if into.exists():
        print(f"{into} is there. What a release has written stays as it is: raise the version first.", file=sys.stderr)
        return 1
    into.mkdir()
    os.environ["GOLDEN_INTO"] = str(into)
    return pytest.main(["-q", str(HERE / "writing.py")])


if __name__ == "__main__":
    sys.exit(main())
