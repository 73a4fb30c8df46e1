"""A user's own langgraph.json: which graphs it names, and what they need in order to be imported."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values


class BadLanggraphJson(ValueError):
    """The file cannot be used at all; the sentence says why."""


@dataclass(frozen=True)
class Place:
    """Where a chain is found: `module:attribute`, or `./file.py:attribute` relative to `base`."""

    path: str
    description: str = ""
    base: Path | None = None


@dataclass(frozen=True)
class LanggraphJson:
    """`roots` are the local directories its graphs are imported from; `environment` what they want to be set."""

    file: Path
    graphs: Mapping[str, Place] = field(default_factory=dict)
    roots: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    # Names written twice: which of the graphs was meant cannot be known, so none of them is used.
    doubled: frozenset[str] = frozenset()

    def prepare(self) -> None:
        """Open its directories for import, behind everything else, and set what is not set yet."""
        sys.path.extend(str(root) for root in self.roots if str(root) not in sys.path)
        for name, value in self.environment.items():
            os.environ.setdefault(name, value)


def read_langgraph_json(file: Path) -> LanggraphJson:
    """Read and check the file; changes nothing in this process. Raises BadLanggraphJson."""
    file = file.resolve()
    try:
        content, doubled = _parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadLanggraphJson(f"{file} cannot be read: {error}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("graphs"), dict):
        raise BadLanggraphJson(f'{file} names no graphs. Write {{"graphs": {{"name": "./file.py:graph"}}}}.')
    graphs = {name: _place(file, name, found) for name, found in content["graphs"].items()}
    return LanggraphJson(
        file=file,
        graphs=graphs,
        roots=_roots(file, content.get("dependencies", [])),
        environment=_environment(file, content.get("env", {})),
        doubled=frozenset(doubled & graphs.keys()),
    )


def _parse(text: str) -> tuple[Any, set[str]]:
    """The content, and every key that some object holds twice: JSON would keep the last one without a word."""
    doubled: set[str] = set()

    def note_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                doubled.add(key)
            found[key] = value
        return found

    return json.loads(text, object_pairs_hook=note_doubles), doubled


def _place(file: Path, name: str, found: Any) -> Place:
    """A path, or an object that holds one."""
    described = found if isinstance(found, dict) else {"path": found}
    path, description = described.get("path"), described.get("description") or ""
    if not isinstance(path, str) or not path or not isinstance(description, str):
        raise BadLanggraphJson(
            f'{file}: write the graph {name!r} as "./file.py:graph", or as an object with path and description.'
        )
    return Place(path, description, file.parent)


def _roots(file: Path, dependencies: Any) -> tuple[Path, ...]:
    """Entries that begin with a dot are directories; any other is a package that has to be installed already."""
    if not isinstance(dependencies, list) or not all(isinstance(entry, str) for entry in dependencies):
        raise BadLanggraphJson(f'{file}: write dependencies as a list of text, for example ["."].')
    roots = tuple(_directories(file.parent, dependencies))
    for root in roots:
        if not root.is_dir():
            raise BadLanggraphJson(f"{file}: the dependency {root} is not a directory.")
    return roots


def _directories(base: Path, dependencies: Iterable[str]) -> Iterable[Path]:
    return ((base / entry).resolve() for entry in dependencies if entry.startswith("."))


def _environment(file: Path, env: Any) -> dict[str, str]:
    """A mapping, or the name of a file of NAME=value lines."""
    if isinstance(env, dict):
        return {str(name): str(value) for name, value in env.items()}
    if not isinstance(env, str):
        raise BadLanggraphJson(f'{file}: write env as an object, or as the name of a file, for example ".env".')
    if not env:
        return {}
    source = file.parent / env
    if not source.is_file():
        raise BadLanggraphJson(f"{file}: its env file {source} does not exist. Make it, or take env out.")
    return {name: value for name, value in dotenv_values(source).items() if value is not None}
