"""The settings of this chain."""

import functools
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Options(BaseModel):
    """`shop`: the file the shop is kept in. Workers that share threads must share it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shop: str | None = Field(default=None, min_length=1)


class BadOption(ValueError):
    """A setting of the chain is not one it knows; the sentence names it and what is allowed."""


def read_options(values: Mapping[str, Any]) -> Options:
    unknown = sorted(set(values) - set(Options.model_fields))
    if unknown:
        raise BadOption(f"support_agent has no option {unknown[0]!r}. Its only option is shop, the path of a file.")
    try:
        return Options.model_validate(dict(values))
    except ValidationError:
        raise BadOption(f"support_agent: option shop is {values['shop']!r}. Set it to the path of a file.") from None


def shop_file(options: Options) -> Path:
    """The file that was named; else one beside Holdpoint's other data; else one that lives as long as the process."""
    if options.shop:
        return Path(options.shop)
    if kept := os.environ.get("HOLDPOINT_VAR"):
        return Path(kept) / "support_agent.sqlite3"
    return Path(_own_directory(os.getpid()).name) / "support_agent.sqlite3"


@functools.cache
def _own_directory(process: int) -> tempfile.TemporaryDirectory[str]:
    """One for each process, so that a fork does not lose its shop when its parent ends."""
    return tempfile.TemporaryDirectory(prefix="holdpoint-shop-")
