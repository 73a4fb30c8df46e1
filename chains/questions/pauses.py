"""A static breakpoint: LangGraph stops there without asking anything; a plain yes lets it go on."""

from collections.abc import Mapping
from typing import Any

from chains.asking import Verdict
from chains.questions.shapes import Item, Kind, Question, require

MARK = "holdpoint_pause"


def read(value: Any) -> Question | None:
    if not isinstance(value, Mapping) or MARK not in value:
        return None
    where = [place for place in ("before", "after") if value.get(place)]
    require(value[MARK] == 1, "It was written by another version.")
    require(bool(where), "It does not say where it stands.")
    names = {place: _names(value[place]) for place in where}
    title = " and ".join(f"{place} {', '.join(names[place])}" for place in where)
    item = Item(
        action="",
        title=f"Paused {title}",
        description=f"Continues with {', '.join(_names(value['next']))}." if value.get("next") else "",
        arguments=value.get("state"),
        allowed=(Verdict.APPROVE,),
        schema=None,
        silent=(Verdict.APPROVE,),
    )
    return Question(Kind.PAUSE, (item,))


def _names(value: Any) -> list[str]:
    require(isinstance(value, list) and bool(value), "It does not name the nodes.")
    require(all(isinstance(name, str) for name in value), "The name of one of its nodes is not text.")
    return list(value)
