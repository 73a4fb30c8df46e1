"""The web process: pages over HTTP, and one socket that says what changed."""

import os
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "approvals.settings")
os.environ.setdefault("HOLDPOINT_DATABASE_POOL", "1")

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from approvals.execution import refuse_apart  # noqa: E402  the apps must be loaded first
from approvals.urls import websocket_urlpatterns  # noqa: E402
from approvals.watch import exposition, tracing  # noqa: E402

refuse_apart()
tracing.set_up("web")
exposition.serve(with_rows=True)

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(cast(Any, websocket_urlpatterns)))),
    }
)
