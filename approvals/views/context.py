"""What every page shows around its content; each part is looked up when a template asks for it."""

from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from approvals.models import Interrupt
from approvals.models.interrupt_queries import InterruptQuerySet
from approvals.models.people import name_of
from approvals.policies import Act, groups_of, may
from approvals.views.counting import count_of
from approvals.views.waiting import for_me, notices_of

THEME, KEYS = "theme", "keys"


class Shell:
    def __init__(self, request: HttpRequest) -> None:
        self._cookies = request.COOKIES
        self._user = getattr(request, "user", None)

    @classmethod
    def of(cls, request: HttpRequest) -> "Shell":
        """One for each request, so that views and templates look things up once."""
        found: Shell = vars(request).setdefault("shell", cls(request))
        return found

    @cached_property
    def person(self) -> User | None:
        return self._user if isinstance(self._user, User) else None

    @cached_property
    def sees_queue(self) -> bool:
        return self.person is not None and bool(may(self.person, Act.SEE_QUEUE))

    @cached_property
    def sees_policies(self) -> bool:
        return self.sees_queue or (self.person is not None and bool(may(self.person, Act.CHANGE_POLICIES)))

    @cached_property
    def may_submit(self) -> bool:
        return self.person is not None and bool(may(self.person, Act.SUBMIT))

    @cached_property
    def mine(self) -> InterruptQuerySet:
        return Interrupt.objects.none() if self.person is None else for_me(self.person)

    @cached_property
    def waiting(self) -> int:
        """How many questions wait for this person; the length of the list that the queue shows."""
        return count_of(self.mine)

    @cached_property
    def unread(self) -> int:
        """How many notices this person has not marked as read."""
        return count_of(notices_of(self.person).unread()) if self.person else 0

    @cached_property
    def name(self) -> str:
        return name_of(self.person)

    @cached_property
    def role(self) -> str:
        """The person's groups, as the line under their name."""
        return ", ".join(sorted(groups_of(self.person))).capitalize() if self.person else ""

    @property
    def theme(self) -> str:
        theme = self._cookies.get(THEME, "")
        return theme if theme in ("light", "dark") else ""

    @property
    def keys(self) -> bool:
        return self._cookies.get(KEYS) != "off"


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell.of(request)}
