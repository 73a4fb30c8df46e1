"""Every address the router knows, with what to fill into it, and the people who may stand before it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from approvals import decisions, threads
from approvals.ballots import Ballot
from approvals.models import Edits, Interrupt, Policy, Thread, Verdict
from tests.conftest import REQUEST, Cast, open_question, work_off
from tests.test_http_race import form
from tests.test_main_job import seen

# Of a request that rita sent and erin changed: who somebody is to it.
RELATIONS = ("anonymous", "disabled", "requester", "editor", "reviewer", "outsider", "removed", "operator", "superuser")
ADMIN = "admin"
_PART = re.compile(r"<(?:([a-z]+):)?([a-z_]+)>")


@dataclass
class World:
    """A question that erin changed and somebody else has to approve."""

    cast: Cast
    people: dict[str, User]
    thread: Thread
    question: Interrupt
    clients: dict[str, Client] = field(default_factory=dict)

    def client(self, relation: str) -> Client:
        if relation not in self.clients:
            client = Client()
            if relation in self.people:
                client.force_login(self.people[relation])
            self.clients[relation] = client
            User.objects.filter(username="gone").update(is_active=False)
        return self.clients[relation]


def world_of(cast: Cast) -> World:
    Policy.objects.update(edits=Edits.SECOND, undo_seconds=60)
    auditors = Group.objects.create(name="auditors")
    cast.rita.groups.add(*cast.alice.groups.all())
    people = {
        "disabled": _person("gone", *cast.alice.groups.all()),
        "requester": cast.rita,  # a reviewer as well, so that four eyes are what keeps her out
        "editor": _person("erin", *cast.alice.groups.all()),
        "reviewer": cast.alice,
        "outsider": _person("olga", auditors),
        "removed": _person("rob", *cast.alice.groups.all()),
        "operator": cast.oscar,
        "superuser": User.objects.create(username="root", is_superuser=True, is_staff=True),
    }
    thread = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    work_off(thread)
    asked = open_question(thread)
    ballot = Ballot(Verdict.EDIT, seen(asked), arguments={**asked.value["arguments"], "content": "Dear Marta, sorry."})
    question = decisions.decide(people["editor"], asked.id, ballot)
    people["removed"].groups.clear()
    thread.refresh_from_db()
    world = World(cast, people, thread, question)
    for relation in RELATIONS:
        world.client(relation)
    return world


def routes() -> Iterator[tuple[str, str]]:
    """Each address by its name, with the route it has; those without a name by the route."""
    yield from _routes(get_resolver().url_patterns, "", "")


def _routes(patterns: list[Any], space: str, before: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _routes(pattern.url_patterns, f"{space}{inner}", route)
        elif isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}" if pattern.name else route, route


def _person(username: str, *groups: Group) -> User:
    person = User.objects.create(username=username)
    person.groups.set(groups)
    return person


@dataclass(frozen=True)
class Way:
    """One way in: an address and a method, with a form that would be taken."""

    name: str
    method: str
    path: str
    form: dict[str, Any] = field(default_factory=dict)

    def knock(self, client: Client) -> str:
        """How the door was opened, in the words of the table."""
        cookies = client.cookies.output(header="", sep=";")
        send = getattr(client, self.method.lower())
        answer = send(self.path, self.form) if self.method == "POST" else send(self.path)
        client.cookies.clear()
        client.cookies.load(cookies)  # signing out is one of the ways
        if answer.status_code in {302, 303} and "/login/" in answer["Location"]:
            return "sign-in"
        said = {200: "yes", 302: "yes", 303: "yes", 204: "yes", 401: "sign-in", 403: "no", 404: "hidden", 405: "never"}
        return said.get(answer.status_code, f"{answer.status_code}")


# A part of a route that is not known by name is 1, which is nothing of ours.
def path_of(route: str, world: World) -> str:
    """The address with everything filled in."""
    parts = {
        "thread_id": world.thread.id,
        "interrupt_id": world.question.id,
        "checkpoint_id": world.question.checkpoint_id,
        "name": "prompt_chain",
    }
    path = "/" + _PART.sub(lambda found: str(parts.get(found[2], 1)), route).replace("^", "").replace("$", "")
    step = world.question.checkpoint_id
    return f"{path}?from={step}&to={step}" if path.endswith("/compare/") else path


def form_of(name: str, world: World) -> dict[str, Any]:
    """What would be taken, where an empty form says nothing about who may send it."""
    on_screen = form(world.question)
    forms: dict[str, dict[str, Any]] = {
        "decision": on_screen,
        "glass": {**on_screen, "note": "It burns."},
        "new": {"request": REQUEST},
        "messages": {"request": "And another thing.", "discard": "1"},
        "snooze": {"until": "change"},
        "comments": {"text": "I look into it."},
        "assignment": {"person": "alice"},
        "cancellation": {"reason": "Not needed."},
    }
    return forms.get(name, {})
