"""A dear approval by somebody who has not shown for a while who they are: first they do, and lose nothing typed."""

from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.urls import reverse

from approvals.ballots import Ballot
from approvals.crossing import risk_of
from approvals.models import Interrupt, Verdict
from approvals.reauthentication import is_asked, is_fresh, methods_of, reauthenticated_at
from approvals.views import answers
from approvals.views.doors import Visit
from approvals.views.unsent_ballots import keep_ballot

ACCEPTS: Final = (Verdict.APPROVE, Verdict.EDIT)
PROVE: Final = "Prove that it is you, then send your decision again."
NO_WAY: Final = "Accepting this needs a second factor, since you sign in elsewhere. Set one up, then decide."
NOT_YET_SENT: Final = (
    "This was not sent yet: you had to prove who you are. Check it and send it again; secrets must be typed again."
)


def prove_first(request: Visit, interrupt: Interrupt, ballot: Ballot) -> HttpResponse | None:
    """Where to go instead; None when nothing is in the way."""
    if not _accepts(ballot) or not interrupt.is_open or is_fresh(request, risk_of(interrupt, ballot)):
        return None
    methods = methods_of(request)
    reason = PROVE if methods else NO_WAY
    if answers.wants_json(request):
        return JsonResponse({"error": "reauthenticate", "message": reason}, status=403)
    keep_ballot(request, interrupt.id, why=NOT_YET_SENT)
    messages.warning(request, reason)
    page = reverse("thread", args=[interrupt.thread_id])
    if not methods:
        return answers.SeeOther(reverse("mfa_index") if settings.HOLDPOINT_FACTORS else page)
    return answers.SeeOther(f"{methods[0]}?{urlencode({'next': page})}")


def proved_at(request: Visit, interrupt: Interrupt, ballot: Ballot) -> datetime | None:
    """For the record, where a proof was asked for: when they gave it."""
    return reauthenticated_at(request) if _accepts(ballot) and is_asked(risk_of(interrupt, ballot)) else None


def _accepts(ballot: Ballot) -> bool:
    return any(part.verdict in ACCEPTS for part in ballot.replies or (ballot,))
