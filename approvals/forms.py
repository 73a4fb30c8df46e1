"""The forms that are not made from a schema: what a decision carries, a reason, filters, one's own settings."""

import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils.http import url_has_allowed_host_and_scheme

from approvals.ballots import Seen
from approvals.models import Verdict

LONGEST_REASON = 2_000
LONGEST_SEARCH = 200
THEMES = [("system", "As on this device"), ("light", "Light"), ("dark", "Dark")]
_KEY = re.compile(r"[\w-]{1,64}", re.ASCII)


def new_key() -> str:
    """For a form that must not act twice, however often it is sent."""
    return str(uuid.uuid4())


def local_path(path: str, *, otherwise: str) -> str:
    """Where to go next, if it is a place of ours."""
    is_ours = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_ours else otherwise


@dataclass(frozen=True)
class DecisionPost:
    """A decision form as it was sent. `confirmed` carries the verdict a second time, from the step that asks again;
    a reason to choose goes with a rejection alone.
    """

    verdict: Verdict | None
    is_confirmed: bool
    seen: Seen
    note: str
    key: str
    next: str
    reason_code: str = ""
    breaks_glass: bool = False

    @classmethod
    def read(cls, data: QueryDict) -> "DecisionPost":
        confirmed = data.get("confirmed", "")
        verdict = confirmed or data.get("verdict", "")
        key = data.get("key", "")
        return cls(
            verdict=Verdict(verdict) if verdict in Verdict.values else None,
            is_confirmed=bool(confirmed),
            seen=Seen(
                interrupt_id=data.get("seen_interrupt", ""),
                checkpoint_id=data.get("seen_checkpoint", ""),
                payload_sha256=data.get("seen_sha256", ""),
            ),
            note=data.get("note", "").replace("\r\n", "\n"),
            key=key if _KEY.fullmatch(key) else "",
            next=data.get("next", ""),
            reason_code=data.get("reason_code", "") if verdict == Verdict.REJECT else "",
            breaks_glass=data.get("glass") == "1",
        )


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=LONGEST_REASON, required=False, widget=forms.Textarea(attrs={"rows": 2}))


class RequiredReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=LONGEST_REASON,
        error_messages={"required": "Say why: the reason stays in the record."},
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class SettingsForm(forms.Form):
    theme = forms.ChoiceField(choices=THEMES, widget=forms.RadioSelect)
    keys = forms.BooleanField(required=False)


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to, as its address says."""

    q: str
    chain: str
    status: str
    split: str
    selected: str
    after: str

    @classmethod
    def read(cls, query: QueryDict) -> "Filters":
        text: dict[str, Any] = {name: query.get(name, "").replace("\0", "") for name in cls.__dataclass_fields__}
        return cls(**{**text, "q": text["q"].strip()[:LONGEST_SEARCH]})

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.chain or self.status)

    def query(self, **changes: str) -> str:
        """The address of the same list with something changed; what is empty is left out."""
        kept = {"split": self.split, "q": self.q, "chain": self.chain, "status": self.status, **changes}
        found = {name: value for name, value in kept.items() if value}
        return f"?{urlencode(found)}" if found else "?"
