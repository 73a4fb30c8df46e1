"""Names of nodes as people may see them, and the path in one sentence. Names come from graph authors: never trusted."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from langgraph.constants import END, START

TERMINALS = {START: "start", END: "end"}
NAMES_TOLD = 12
LONGEST_TOLD = 60
ELLIPSIS = "…"
# What LangChain calls the nodes of an agent's middleware.
MIDDLEWARE = re.compile(r"(\w+?)(?:Middleware)?\.((?:before|after|wrap)_\w+)")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Widths of an 11 px sans serif, in pixels.
BOLDER = 1.1
NARROW, USUAL, CAPITAL, WIDE, FULL = 3.4, 6.2, 7.6, 9.4, 11.4


class PathTaken(Protocol):
    """What is known of a thread's way: see chains.snapshots.Path."""

    @property
    def done(self) -> Sequence[str]: ...

    @property
    def current(self) -> Sequence[str]: ...

    @property
    def waiting(self) -> Sequence[str]: ...

    @property
    def taken(self) -> Collection[tuple[str, str]]: ...

    @property
    def cut(self) -> bool: ...

    @property
    def failed(self) -> Sequence[str]: ...

    @property
    def inside(self) -> "Mapping[str, PathTaken]": ...


@dataclass(frozen=True)
class Untaken:
    """Of a graph that has not begun."""

    done: tuple[str, ...] = ()
    current: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    taken: frozenset[tuple[str, str]] = frozenset()
    cut: bool = False
    failed: tuple[str, ...] = ()
    inside: Mapping[str, PathTaken] = field(default_factory=dict)


NOTHING = Untaken()


def readable(name: str) -> str:
    """Without characters that hide, reorder or break what stands beside them."""
    return "".join("·" if unicodedata.category(letter)[0] == "C" else letter for letter in label(name))


def label(name: str) -> str:
    """`HumanInTheLoopMiddleware.after_model` reads "Human in the loop: after model"; names of authors stay."""
    found = MIDDLEWARE.fullmatch(name)
    if not found:
        return TERMINALS.get(name, name)
    return f"{HUMP.sub(' ', found[1]).capitalize()}: {found[2].replace('_', ' ')}"


def text_width(text: str) -> float:
    """As wide as it gets: the label of the node where the request stands is bold."""
    return BOLDER * sum(map(_letter_width, text))


def shortened(text: str, *, width: float) -> str:
    """The middle goes: names differ at their ends."""
    if text_width(text) <= width:
        return text
    kept = len(text)
    while kept > 2 and text_width(_without_middle(text, kept)) > width:
        kept -= 1
    return _without_middle(text, kept)


def sentence(path: PathTaken, following: Mapping[str, Sequence[str]]) -> str:
    """`following`: for each node, the nodes its edges lead to."""
    return " ".join(filter(None, (_so_far(path), _now(path), _next(path, following)))) or "Nothing has run yet."


def inside(way: Sequence[str], words: str) -> str:
    """`way`: the nodes that the subgraph is in, each in the one before."""
    return f"Inside {_way(way)}: {words[:1].lower()}{words[1:]}"


def not_known(way: Sequence[str]) -> str:
    return f"What ran inside {_way(way)} is not saved."


def _way(way: Sequence[str]) -> str:
    return " › ".join(map(_told, way))


def _letter_width(letter: str) -> float:
    if letter in "ijltfrI.,:;'|!()[]":
        return NARROW
    if letter in "mwMW@%":
        return WIDE
    if unicodedata.east_asian_width(letter) in "WF":
        return FULL
    return CAPITAL if letter.isupper() else USUAL


def _without_middle(text: str, kept: int) -> str:
    end = kept * 2 // 5
    return text[: kept - end] + ELLIPSIS + text[len(text) - end :]


def _so_far(path: PathTaken) -> str:
    if not path.done:
        return ""
    runs = [_counted(name, len(list(same))) for name, same in groupby(path.done)]
    earlier = len(runs) - NAMES_TOLD
    told = ([f"{earlier} earlier steps"] if earlier > 0 else []) + runs[-NAMES_TOLD:]
    return f"Path so far: {ELLIPSIS + ' ' if path.cut else ''}{', '.join(told)}."


def _counted(name: str, count: int) -> str:
    return _told(name) if count == 1 else f"{_told(name)} ×{count}"


def _now(path: PathTaken) -> str:
    said = [f"Failed at {_listed(path.failed, 'and')}."] if path.failed else []
    going = [node for node in path.current if node not in path.failed]
    if path.waiting:
        said.append(f"Waiting at {_listed(path.waiting, 'and')}.")
    elif going:
        said.append(f"Now at {_listed(going, 'and')}.")
    return " ".join(said) or ("Finished." if path.done else "")


def _next(path: PathTaken, following: Mapping[str, Sequence[str]]) -> str:
    targets = list(dict.fromkeys(target for node in path.waiting for target in following.get(node, ())))
    if not targets:
        return ""
    if len(targets) == 1:
        return f"Next if approved: {_told(targets[0])}."
    return f"Next, depending on the answer: {_listed(targets, 'or')}."


def _listed(names: Iterable[str], word: str) -> str:
    *most, last = (_told(name) for name in names)
    return f"{', '.join(most)} {word} {last}" if most else last


def _told(name: str) -> str:
    text = readable(name)
    return text if len(text) <= LONGEST_TOLD else text[:LONGEST_TOLD] + ELLIPSIS
