"""The table of contents: pages and the socket side by side."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from approvals.consumers import ChangesConsumer
from approvals.views import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("admin/", admin.site.urls),
]
websocket_urlpatterns = [path("changes/", ChangesConsumer.as_asgi())]
