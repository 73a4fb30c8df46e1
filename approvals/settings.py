"""Every setting, in one file. What is insecure or missing refuses to start, with a sentence that says what to set."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from approvals import environment
from approvals.checkpoint_settings import checkpoints_from_environment
from approvals.sign_in_settings import *  # noqa: F403  (all that is written in capitals there is a setting)
from approvals.sign_in_settings import SIGN_IN_APPS
from approvals.watch.settings import *  # noqa: F403

# Read by LangGraph once, at its first import: without it, whoever can write a checkpoint row can run code.
if os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true").lower() not in {"1", "true", "yes"}:
    raise ImproperlyConfigured("LANGGRAPH_STRICT_MSGPACK is off: checkpoints could run code. Unset it.")

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}

# --- Holdpoint ---------------------------------------------------------------------------------------------
HOLDPOINT_LOCAL = environment.flag("HOLDPOINT_LOCAL")
HOLDPOINT_MODEL = environment.text("HOLDPOINT_MODEL", "offline")
for model_key in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
    environment.hand_on(model_key)
HOLDPOINT_CHAINS = {
    "prompt_chain": "chains.graphs.prompt_chain:chain",
    "support_agent": "chains.graphs.support_agent:chain",
    **environment.pairs("HOLDPOINT_CHAINS"),
}
# A langgraph.json of one's own: its graphs are registered beside those of HOLDPOINT_CHAINS.
HOLDPOINT_LANGGRAPH_JSON = environment.text("HOLDPOINT_LANGGRAPH_JSON", "")
HOLDPOINT_CHAIN_OPTIONS = environment.json_object("HOLDPOINT_CHAIN_OPTIONS")
# Where checkpoints are kept; the application's own database unless said. docs/operators.md helps to choose.
HOLDPOINT_CHECKPOINTS = checkpoints_from_environment()
HOLDPOINT_CHECKPOINT_OPTIONS = environment.json_object("HOLDPOINT_CHECKPOINT_OPTIONS")
# Seals them when set: `id:key,id:key`, of which the first seals and all open (docs/sealing.md).
HOLDPOINT_CHECKPOINT_KEYS = environment.secret("HOLDPOINT_CHECKPOINT_KEYS", "")
# Seconds a run may go without a sign of life from its worker before another worker takes it over.
HOLDPOINT_LEASE_SECONDS = environment.number("HOLDPOINT_LEASE_SECONDS", 15, minimum=1)
HOLDPOINT_SWEEP_SECONDS = environment.number("HOLDPOINT_SWEEP_SECONDS", 2, minimum=0.1)
# Where files that people attach to forms are kept, if Django's default storage is the file system; never served as is.
HOLDPOINT_FILES = Path(environment.text("HOLDPOINT_FILES", str(BASE_DIR / "var" / "files")))
# Bytes that no attached file may exceed, whatever its schema allows.
HOLDPOINT_LARGEST_FILE = int(environment.number("HOLDPOINT_LARGEST_FILE", 25 * 1024 * 1024, minimum=1))
# package.module.function: a person to their manager, for policies that ask the requester's manager.
HOLDPOINT_MANAGER_OF = environment.text("HOLDPOINT_MANAGER_OF", "")
# Removes old checkpoints each night, of the chains that say for how long theirs are kept (docs/keeping.md).
HOLDPOINT_RETENTION = environment.flag("HOLDPOINT_RETENTION")
# The hour it begins at, in HOLDPOINT_TIME_ZONE, and the minutes it may take of a night.
HOLDPOINT_RETENTION_HOUR = int(environment.number("HOLDPOINT_RETENTION_HOUR", 2, minimum=0))
if HOLDPOINT_RETENTION_HOUR > 23:
    raise ImproperlyConfigured("HOLDPOINT_RETENTION_HOUR is no hour of the day. Set it to a number from 0 to 23.")
HOLDPOINT_RETENTION_MINUTES = environment.number("HOLDPOINT_RETENTION_MINUTES", 60, minimum=1)
# Where checkpoints go that are archived before they are removed.
HOLDPOINT_ARCHIVE = Path(archive) if (archive := environment.text("HOLDPOINT_ARCHIVE", "")) else None
# Whether people with the permission may decide alone in an emergency.
HOLDPOINT_BREAK_GLASS = environment.flag("HOLDPOINT_BREAK_GLASS", default=True)
# Seconds for which a claim keeps others from deciding.
HOLDPOINT_CLAIM_SECONDS = environment.number("HOLDPOINT_CLAIM_SECONDS", 900, minimum=10)
HOLDPOINT_MAX_ATTEMPTS = int(environment.number("HOLDPOINT_MAX_ATTEMPTS", 5, minimum=1))

# --- Django ------------------------------------------------------------------------------------------------
SECRET_KEY = environment.secret("HOLDPOINT_SECRET_KEY")
if len(SECRET_KEY) < 32 or SECRET_KEY.startswith("django-insecure"):
    raise ImproperlyConfigured("HOLDPOINT_SECRET_KEY is too weak. Set it to at least 32 random characters.")
# Signs the record. Kept apart from SECRET_KEY so that rotating one does not break the other.
HOLDPOINT_RECORD_KEY = environment.secret("HOLDPOINT_RECORD_KEY", f"record:{SECRET_KEY}")
# Keys that signed it before, the oldest first: they check lines, and sign none.
HOLDPOINT_RECORD_KEYS_OLD = environment.split(environment.secret("HOLDPOINT_RECORD_KEYS_OLD", ""))
DEBUG = environment.flag("HOLDPOINT_DEBUG")
ALLOWED_HOSTS = environment.names("HOLDPOINT_HOSTS", "localhost,127.0.0.1,[::1]")
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("HOLDPOINT_HOSTS holds '*'. List the host names people use, separated by commas.")
if (DEBUG or HOLDPOINT_LOCAL) and not set(ALLOWED_HOSTS) <= LOOPBACK:
    raise ImproperlyConfigured(
        "HOLDPOINT_DEBUG and HOLDPOINT_LOCAL are for this machine only. "
        "Unset them, or set HOLDPOINT_HOSTS to localhost."
    )

INSTALLED_APPS = [
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_htmx",
    *SIGN_IN_APPS,
    "approvals",
]
MIDDLEWARE = [
    "approvals.watch.requests.Watched",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
    "approvals.signing_in.required.SecondFactorFirst",
]
ROOT_URLCONF = "approvals.urls"
ASGI_APPLICATION = "approvals.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "approvals.views.context.shell",
            ],
        },
    }
]

DATABASE_URL = environment.address("DATABASE_URL", password="DATABASE_PASSWORD")
DATABASES: dict[str, dict[str, Any]] = {"default": dict(dj_database_url.parse(DATABASE_URL))}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL is not PostgreSQL. Set it to postgresql://user:password@host:port/name.")
# A process frozen inside a transaction keeps its locks, on a thread or on the sweep: for no longer than a lease.
of_connections = DATABASES["default"].setdefault("OPTIONS", {})
idle = f"-c idle_in_transaction_session_timeout={HOLDPOINT_LEASE_SECONDS * 1000:.0f}"
of_connections["options"] = f"{of_connections.get('options', '')} {idle}".strip()
# A database that vanished without a word is noticed within half a minute (the last is in milliseconds).
silence = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
of_connections.update({**silence, **of_connections})
# The web process alone pools its connections (asgi.py asks for it): ASGI would open one per request without.
# Workers keep one per thread, since a pool must not be carried over a fork.
if environment.flag("HOLDPOINT_DATABASE_POOL"):
    of_connections["pool"] = {"min_size": 2, "max_size": 20, "timeout": 10}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600
# A connection that died while it was idle is noticed before it is used, in the pool as well.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

REDIS_URL = environment.address("REDIS_URL", password="REDIS_PASSWORD")
if urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise ImproperlyConfigured("REDIS_URL is not a Redis address. Set it to redis://:password@host:port/0.")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "holdpoint"},
    }
}

# --- Celery: a doorbell that may be lost, doubled or late (docs/decisions/0004) --------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_DEFAULT_QUEUE = "holdpoint"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 0.5,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # A doorbell may be lost, so nobody keeps account of those that are under way: one that Redis refused to strike off
    # stayed counted for ever, and with as many as a worker may have at once it was deaf.
    "ack_emulation": False,
}

# --- People: how they sign in is in sign_in_settings.py ---------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# --- Browser --------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "approvals.views.requests.form_out_of_date"
CSRF_TRUSTED_ORIGINS = [] if HOLDPOINT_LOCAL else [f"https://{host}" for host in ALLOWED_HOSTS]
if not HOLDPOINT_LOCAL:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = environment.flag("HOLDPOINT_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
    SECURE_HSTS_SECONDS = 31_536_000
    # Believed only when the operator says that a proxy in front sets it and strips it from clients.
    if environment.flag("HOLDPOINT_BEHIND_PROXY"):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
DATA_UPLOAD_MAX_NUMBER_FILES = 20
MEDIA_ROOT = HOLDPOINT_FILES
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
COLLECTED_FILES = BASE_DIR / "staticfiles"
COLLECTING = environment.flag("HOLDPOINT_COLLECTING")
COLLECTED = (COLLECTED_FILES / "staticfiles.json").exists()
STATIC_ROOT = COLLECTED_FILES if COLLECTED or COLLECTING else None
WHITENOISE_USE_FINDERS = not COLLECTED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if COLLECTED or COLLECTING
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Words and time -------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = environment.text("HOLDPOINT_TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = True
