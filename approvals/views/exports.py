"""Taking out the record as a file: for operators, and noted in the record before the file is given away."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import IO, cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header

from approvals.policies import Act, NotAllowed, require
from approvals.record.export import Format, export
from approvals.views import answers
from approvals.views.doors import Visit, acting
from approvals.views.record_filters import RecordFilters

CONTENT_TYPES = {Format.CSV: "text/csv; charset=utf-8", Format.JSONL: "application/jsonl; charset=utf-8"}
CHUNK = 64 * 1024


@acting
def export_record(request: Visit) -> HttpResponse:
    """On disk first, whole: who gets the file gets all of it, and the record knows its hash."""
    try:
        require(request.user, Act.EXPORT)
    except NotAllowed as error:
        return answers.answer(request, error)
    filters = RecordFilters(request.POST)
    if not filters.is_valid() or request.POST.get("format") not in list(Format):
        return render(request, "decisions/not_exported.html", {"filters": filters}, status=422)
    format = Format(request.POST["format"])
    with ExitStack() as closing:
        file = closing.enter_context(tempfile.TemporaryFile())
        exported = export(file, format, filters.narrowing, by=request.user)
        closing.pop_all()
    file.seek(0)
    response = StreamingHttpResponse(_streamed(request, file), content_type=CONTENT_TYPES[format])
    name = f"holdpoint-record-{timezone.localtime():%Y%m%d-%H%M%S}.{format.value}"
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Record-Rows"], response["X-Record-SHA256"] = str(exported.rows), exported.sha256
    return cast(HttpResponse, response)


def _streamed(request: HttpRequest, file: IO[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
    """As the server wants it: under ASGI a plain iterator would be read whole into memory."""
    return _slowly(file) if isinstance(request, ASGIRequest) else _chunks(file)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


async def _slowly(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await sync_to_async(file.read)(CHUNK):
            yield chunk
