"""Errors of the domain as answers: a page that says what happened and what to do, or the same as JSON."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from approvals.comments import BadComment
from approvals.decisions import AlreadyDecided, Changed, LimitPassed, MissingSeen, TooLate
from approvals.delegations import BadDelegation
from approvals.drafting import TooLarge
from approvals.inspection import BrokenChain, CheckpointsAway, HeadMoved, PassesBy, UnknownChain
from approvals.models import KeyReused, Thread
from approvals.policies import NotAllowed
from approvals.queueing import BadMoment, CannotHold, Held
from approvals.threads import Discards, NotNow
from approvals.views.questions import changed_since


@dataclass(frozen=True)
class Answer:
    status: int
    code: str
    title: str


ANSWERS: dict[type[Exception], Answer] = {
    MissingSeen: Answer(400, "missing_seen", "The form was incomplete"),
    Changed: Answer(409, "changed", "The question changed while you were reading"),
    LimitPassed: Answer(409, "limit_passed", "The time to decide is over"),
    AlreadyDecided: Answer(409, "already_decided", "Somebody decided this first"),
    TooLate: Answer(409, "too_late", "It is too late to take this back"),
    KeyReused: Answer(409, "key_reused", "This form was already sent"),
    Discards: Answer(409, "discards", "A question is still open"),
    HeadMoved: Answer(409, "head_moved", "The request went on"),
    PassesBy: Answer(409, "passes_by", "This goes past a question"),
    NotNow: Answer(409, "not_now", "This cannot be done now"),
    UnknownChain: Answer(409, "unknown_chain", "Its chain is not here any more"),
    CheckpointsAway: Answer(503, "checkpoints_away", "Its state cannot be read just now"),
    BrokenChain: Answer(409, "broken_chain", "Its chain cannot be loaded"),
    Held: Answer(409, "held", "Somebody else has claimed this"),
    CannotHold: Answer(422, "cannot_hold", "This cannot be assigned like that"),
    BadMoment: Answer(422, "bad_moment", "There is no such moment to come back"),
    BadComment: Answer(422, "bad_comment", "This comment was not kept"),
    BadDelegation: Answer(422, "bad_delegation", "This cannot be delegated like that"),
    TooLarge: Answer(413, "too_large", "This is too much for a draft"),
    NotAllowed: Answer(403, "not_allowed", "You may not do this"),
}
EXPECTED = tuple(ANSWERS)


def wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def answer(request: HttpRequest, error: Exception, *, thread: Thread | None = None, note: str = "") -> HttpResponse:
    """`note` is what the person had typed: it is shown again, to be copied."""
    found = ANSWERS[type(error)]
    if wants_json(request):
        body = {"error": found.code, "message": str(error), **_winner(error), **_difference(error)}
        return JsonResponse(body, status=found.status)
    context = {"answer": found, "message": str(error), "error": error, "thread": thread, "note": note}
    if isinstance(error, Changed):
        context["edits"] = changed_since(error)
    return render(request, "problem.html", context, status=found.status)


class SeeOther(HttpResponseRedirect):
    """After a form: look there, with a GET."""

    status_code = 303


def refused(message: str, *, field: str = "") -> JsonResponse:
    """For programs: a form that does not fit."""
    return JsonResponse({"error": "bad_answer", "message": message, "field": field}, status=422)


def _difference(error: Exception) -> dict[str, Any]:
    if not isinstance(error, Changed):
        return {}
    differs = [{"field": name, "before": old, "after": new} for name, old, new in changed_since(error)]
    return {"difference": differs, "interrupt": str(error.after.id) if error.after else None}


def _winner(error: Exception) -> dict[str, Any]:
    if not isinstance(error, AlreadyDecided):
        return {}
    return {"winner": error.winner, "verdict": error.verdict.value, "at": error.at.isoformat()}
