"""Signs of life for machines."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from approvals.watch.exposition import may_read
from approvals.watch.readiness import NAMES, checks


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Says nothing about the database or Redis."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether requests are carried on. `?only=database,saver` asks for these alone; who has the token hears why."""
    asked = set(request.GET.get("only", "").split(",")) - {""}
    if asked - set(NAMES):
        return JsonResponse({"error": "unknown_check", "checks": list(NAMES)}, status=400)
    found = [check for check in checks() if not asked or check.name in asked]
    ready = all(check.passed for check in found)
    answer: dict[str, object] = {"ready": ready, "checks": {check.name: check.passed for check in found}}
    if may_read(request.headers.get("Authorization", "")):
        answer["details"] = {check.name: {"said": check.said, "seconds": check.seconds} for check in found}
    response = JsonResponse(answer, status=200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would make an error of each 503
    return response
