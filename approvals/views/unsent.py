"""What somebody had typed when their form could not be taken: kept for them, and for nobody else.

The form carries a signed mark that says who it was drawn for. When it comes back from somebody who is no longer signed
in, the mark proves whose words they are; they wait in the browser's new session until that person has signed in.
"""

import time
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest, QueryDict

MARK: Final = "by"
KEPT_FOR: Final = 60 * 60
LARGEST: Final = 256 * 1024

_SALT = "holdpoint.unsent"
_SESSION = "unsent"
_NOT_KEPT = ("csrfmiddlewaretoken", MARK)
_FORM_LIVES_FOR = 30 * 24 * 60 * 60


def mark_for(person_id: int) -> str:
    return signing.dumps(person_id, salt=_SALT)


def writer_of(request: HttpRequest) -> int | None:
    """Whom the form that came back was drawn for."""
    try:
        return int(signing.loads(request.POST.get(MARK, ""), salt=_SALT, max_age=_FORM_LIVES_FOR))
    except (signing.BadSignature, ValueError, TypeError):
        return None


def keep(request: HttpRequest, *, writer: int, path: str, dropped: Collection[str], more: Mapping[str, str]) -> None:
    """For the page at `path`, with `more`. Secrets are to be `dropped`: a session is stored in plain text."""
    pairs = [(name, text) for name, texts in request.POST.lists() for text in texts]
    kept = [(name, text) for name, text in pairs if name not in _NOT_KEPT and name not in dropped]
    query = urlencode([*kept, *more.items()])
    if len(query) <= LARGEST:
        request.session[_SESSION] = {"by": writer, "path": path, "query": query, "at": time.time()}


def kept(request: HttpRequest, person_id: int) -> QueryDict | None:
    """This person's draft for this very page."""
    draft: Any = request.session.get(_SESSION)
    if not isinstance(draft, dict) or draft["path"] != request.path:
        return None
    if draft["by"] != person_id or time.time() - draft["at"] > KEPT_FOR:
        forget(request)
        return None
    return QueryDict(draft["query"])


def forget(request: HttpRequest) -> None:
    request.session.pop(_SESSION, None)
