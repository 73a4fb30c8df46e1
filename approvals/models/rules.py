"""Rules: what a question keeps of the policy it was asked under, beyond its columns. Written once, never changed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any


class StepKind(StrEnum):
    REMIND = "remind"
    ESCALATE = "escalate"


@dataclass(frozen=True)
class Step:
    """What happens at a moment, if nobody has decided by then. `groups` join those who may decide."""

    at: datetime
    kind: StepKind
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Step":
        at = datetime.fromisoformat(kept["at"])
        return cls(at, StepKind(kept["kind"]), tuple(kept.get("groups", ())))

    @property
    def kept(self) -> dict[str, Any]:
        return {"at": self.at.isoformat(), "kind": self.kind.value, "groups": list(self.groups)}


@dataclass(frozen=True)
class OtherPolicy:
    """One more policy that a part of the question falls under. Who decides must be one of its people, too."""

    policy: str
    version: int
    why: str
    groups: tuple[str, ...]
    people: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "OtherPolicy":
        return cls(kept["policy"], kept["version"], kept["why"], tuple(kept["groups"]), _people(kept["people"]))

    @property
    def kept(self) -> dict[str, Any]:
        return {**asdict(self), "groups": list(self.groups), "people": [list(person) for person in self.people]}


@dataclass(frozen=True)
class Rules:
    """The defaults are those of questions that were asked before there were such rules."""

    version: int = 0
    # Why this policy and no other, in words.
    why: str = ""
    veto: bool = True
    edits: str = "alone"
    # Names of arguments that an edit may change; none named: all of them.
    editable: tuple[str, ...] = ()
    approval_needs_note: bool = False
    reject_reasons: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    # Who may decide besides members of groups: (id, name).
    people: tuple[tuple[int, str], ...] = ()
    # Of several parts: the policies besides the one whose name the question has.
    others: tuple[OtherPolicy, ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Rules":
        """What this version does not know is left out, so that an older one can read a newer one's rows."""
        known = {field.name: kept[field.name] for field in fields(cls) if field.name in kept}
        for name in ("editable", "reject_reasons"):
            known[name] = tuple(known.get(name, ()))
        known["steps"] = tuple(Step.of(step) for step in known.get("steps", ()))
        known["people"] = _people(known.get("people", ()))
        known["others"] = tuple(OtherPolicy.of(other) for other in known.get("others", ()))
        return cls(**known)

    @property
    def kept(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **asdict(self),
            "editable": list(self.editable),
            "reject_reasons": list(self.reject_reasons),
            "steps": [step.kept for step in self.steps],
            "people": [list(person) for person in self.people],
            "others": [other.kept for other in self.others],
        }


def _people(kept: Iterable[Any]) -> tuple[tuple[int, str], ...]:
    return tuple((int(number), str(name)) for number, name in kept)
