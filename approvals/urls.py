"""The table of contents: pages and the socket side by side."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from approvals.consumers import ChangesConsumer, ProgressConsumer
from approvals.views import (
    compare,
    decisions,
    failed,
    files,
    health,
    history,
    interrupts,
    parts,
    people,
    queue,
    replay,
    requests,
    runs,
    signing_in,
    state,
    threads,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", people.home, name="home"),
    path("accounts/", include("approvals.sign_in_urls")),
    path("me/", people.me, name="me"),
    path("new/", requests.chains, name="chains"),
    path("new/<str:name>/", requests.new, name="new"),
    path("requests/", requests.mine, name="requests"),
    path("queue/", queue.queue, name="queue"),
    path("queue/count/", queue.badge, name="badge"),
    path("interrupts/<uuid:interrupt_id>/decision/", interrupts.decision, name="decision"),
    path("interrupts/<uuid:interrupt_id>/undo/", interrupts.undo, name="undo"),
    path("threads/", threads.threads, name="threads"),
    path("failed/", failed.failed, name="failed"),
    path("t/<uuid:thread_id>/", threads.thread, name="thread"),
    path("t/<uuid:thread_id>/news/", threads.news, name="news"),
    path("t/<uuid:thread_id>/history/", history.history, name="history"),
    path("t/<uuid:thread_id>/compare/", compare.compare, name="compare"),
    path("t/<uuid:thread_id>/part/", parts.part, name="part"),
    path("t/<uuid:thread_id>/raw/", parts.raw, name="raw"),
    path("t/<uuid:thread_id>/state/", state.state, name="state"),
    path("t/<uuid:thread_id>/replay/<slug:checkpoint_id>/", replay.replay, name="replay"),
    path("t/<uuid:thread_id>/files/<str:token>/<str:name>", files.file, name="file"),
    path("t/<uuid:thread_id>/messages/", runs.send_message, name="messages"),
    path("t/<uuid:thread_id>/runs/", runs.carry_on, name="runs"),
    path("t/<uuid:thread_id>/effects/<int:effect_id>/", runs.settle_effect, name="effect"),
    path("t/<uuid:thread_id>/cancellation/", runs.stop, name="cancellation"),
    path("decisions/", decisions.decisions, name="decisions"),
    path("healthz", health.healthz, name="healthz"),
    path("admin/login/", signing_in.admin_sign_in),
    path("admin/", admin.site.urls),
]
# Channels routes ASGI applications with the same function.
websocket_urlpatterns = [
    path("changes/", ChangesConsumer.as_asgi()),  # type: ignore[arg-type]
    path("t/<uuid:thread_id>/progress/", ProgressConsumer.as_asgi()),  # type: ignore[arg-type]
]
