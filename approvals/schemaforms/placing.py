"""Issues about a whole value, brought to the places of the form that they are about."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .containers import Choice
from .nodes import Node
from .values import Path
from .wording import Issue, sentence

_ABOUT_A_KEY: Final = ("missing", "extra_forbidden")


@dataclass(frozen=True, kw_only=True)
class Placed:
    node: Node
    text: str
    inside: Path


def placed_issues(tree: Node, issues: Sequence[Issue], *, value: Any, failed: Collection[str]) -> list[Placed]:
    """One for each place, none where a field has spoken, none for a parent whose child has one.

    `failed` are the names of fields that could not be read.
    """
    placed: dict[Node, Placed] = {}
    for issue in issues:
        one = _placed(tree, issue, value=value)
        placed.setdefault(one.node, one)
    wrong = {node.name for node in placed} | set(failed)
    return [one for node, one in placed.items() if node.name not in failed and not _is_said_below(one, wrong=wrong)]


def _placed(tree: Node, issue: Issue, *, value: Any) -> Placed:
    node, here = tree, value
    inside: list[str | int] = []
    for position, part in enumerate(issue.path):
        if isinstance(node, Choice) and issue.names_kinds and part in node.names and not inside:
            if node.names[str(part)] is not node.chosen:
                # What another kind would have wanted; it counts only if nothing is wrong with the chosen one.
                return _at(node, replace(issue, code="which_kind", said=""), inside=())
            continue
        child = None if inside else node.child(part)
        is_there, here = _member(here, part)
        is_last = position == len(issue.path) - 1
        if child is not None:
            node = child
        elif is_there or (is_last and issue.code in _ABOUT_A_KEY):
            inside.append(part)
    return _at(node, issue, inside=tuple(inside))


def _at(node: Node, issue: Issue, *, inside: Path) -> Placed:
    return Placed(node=node, text=sentence(issue, hints=node.hints, inside=inside), inside=inside)


def _member(value: Any, part: str | int) -> tuple[bool, Any]:
    if isinstance(value, dict) and part in value:
        return True, value[part]
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return True, value[part]
    return False, value


def _is_said_below(one: Placed, *, wrong: Collection[str]) -> bool:
    if one.inside:
        return False
    return any(node.name in wrong for node in one.node.walk() if node.name != one.node.name)
