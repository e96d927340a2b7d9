"""One settings file; the README lists the environment variables that drive it."""

import logging
import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from config.env import env, make_credential_key, make_secret_key, secret
from config.unfold import UNFOLD  # noqa: F401  read by django-unfold

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data")).strip()).absolute()

DEBUG = env.bool("DEBUG", default=False)
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").strip().upper()
if LOG_LEVEL not in logging.getLevelNamesMapping():
    raise ImproperlyConfigured(f"LOG_LEVEL: {LOG_LEVEL} is none of {', '.join(logging.getLevelNamesMapping())}.")
DATABASE_URL = env.str("DATABASE_URL", default="").strip()

# An embedded database is one machine's own, so its secrets may live beside it. With a database of the operator's,
# made-up secrets would differ between machines, and be gone with the disk while the data they protect stays.
SECRETS_DIR = DATA_DIR / "secrets" if DEBUG or not DATABASE_URL else None
SECRET_KEY = secret("SECRET_KEY", make=make_secret_key, keep_under=SECRETS_DIR)
CREDENTIAL_KEYS = [
    key.strip()
    for key in secret("CREDENTIAL_KEYS", make=make_credential_key, keep_under=SECRETS_DIR).split(",")
    if key.strip()
]
for _position, _key in enumerate(CREDENTIAL_KEYS, start=1):
    try:
        Fernet(_key)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"CREDENTIAL_KEYS: key {_position} is no Fernet key, which is 32 bytes in URL-safe base64 (44 characters)."
        ) from error


def _whole_number(name: str, default: int, *, least: int = 1) -> int:
    try:
        number: int = env.int(name, default=default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error
    if number < least:
        raise ImproperlyConfigured(f"{name}: {least} or more")
    return number


def _positive_seconds(name: str, default: float) -> float:
    try:
        seconds: float = env.float(name, default=default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error
    if not 0 < seconds < math.inf:
        raise ImproperlyConfigured(f"{name}: more than 0")
    return seconds


ALLOWED_HOSTS = [host.strip() for host in env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])]
# Requests per linked account and minute; 0 means no limit.
API_RATE_LIMIT = _whole_number("API_RATE_LIMIT", 600, least=0)

PUBLIC_URL = env.str("PUBLIC_URL", default="").strip().rstrip("/")  # how platforms reach us, for addresses we show

# From one sync to the next, and to the next that lists everything.
SYNC_INTERVAL = timedelta(minutes=_whole_number("SYNC_INTERVAL_MINUTES", 30))
FULL_SYNC_INTERVAL = timedelta(hours=_whole_number("FULL_SYNC_INTERVAL_HOURS", 24))
# How often a worker shows that it is alive, looks at the schedules, and for workers that are not alive any more.
WORKER_HEARTBEAT_SECONDS = _positive_seconds("WORKER_HEARTBEAT_SECONDS", 5.0)
WORKER_STALLED_SECONDS = 4 * WORKER_HEARTBEAT_SECONDS  # of silence: its jobs are then done by others
# What workers add to their niceness: where the API is served on the same machine, its readers come first.
WORKER_NICENESS = _whole_number("WORKER_NICENESS", 10, least=0)

# Webhooks that we send: how long to wait after each failed attempt (after the last one named, always so long), when to
# give up, and how long to leave a target alone that keeps failing.
_RETRY_SECONDS = ["1", "2", "60", "300", "1800", "7200", "21600"]
try:
    WEBHOOK_RETRY_SECONDS = [float(seconds) for seconds in env.list("WEBHOOK_RETRY_SECONDS", default=_RETRY_SECONDS)]
except ValueError as error:
    raise ImproperlyConfigured(f"WEBHOOK_RETRY_SECONDS: {error}") from error
WEBHOOK_GIVE_UP_AFTER = timedelta(hours=_whole_number("WEBHOOK_GIVE_UP_HOURS", 72))
WEBHOOK_TIMEOUT_SECONDS = _positive_seconds("WEBHOOK_TIMEOUT_SECONDS", 10.0)
WEBHOOK_PAUSE = timedelta(seconds=_positive_seconds("WEBHOOK_PAUSE_SECONDS", 30.0))

# Whether webhooks, and addresses that customers enter, may lead to this machine and its network.
ALLOW_PRIVATE_ADDRESSES = env.bool("ALLOW_PRIVATE_ADDRESSES", default=False)

# Origins of products whose pages may show the link page in a frame, and are told when an account was linked.
LINK_EMBED_ORIGINS = [origin.strip() for origin in env.list("LINK_EMBED_ORIGINS", default=[]) if origin.strip()]
for _origin in LINK_EMBED_ORIGINS:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", _origin):
        raise ImproperlyConfigured(f"LINK_EMBED_ORIGINS: {_origin} is no origin, such as https://app.example.com")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "procrastinate.contrib.django",
    "config",
    "unified",  # for its templates
    "linked_accounts",
    "linking",
    "passthrough",
    "remote_users",
    "applications",
    "interviews",
    "field_mappings",
    "sync",
    "webhooks",
]

MIDDLEWARE = [
    "api.middleware.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "api.middleware.CompressionMiddleware",
    "api.middleware.EntityTagMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "linked_accounts.idempotency.IdempotencyMiddleware",
]

ROOT_URLCONF = "config.urls"
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024  # of a request: passthrough uploads files
APPEND_SLASH = False  # the API serves both spellings of a path and never redirects
WSGI_APPLICATION = "config.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

if DATABASE_URL:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: postgresql://user:password@host/name")
else:
    DATABASES = {"default": {"ENGINE": "config.embedded_postgres", "NAME": "interloop", "USER": "postgres"}}
DATABASES["default"]["CONN_MAX_AGE"] = None  # one connection a thread, kept
# The list's prepared statements are few and each is good for every tenant: planning costs more than running them.
_OPTIONS = DATABASES["default"].setdefault("OPTIONS", {})
_OPTIONS["options"] = f"{_OPTIONS.get('options', '')} -c plan_cache_mode=force_generic_plan".strip()

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # serves the packages' own files: no collectstatic step
WHITENOISE_AUTOREFRESH = DEBUG

LOGIN_REDIRECT_URL = "/admin/"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["linked_accounts.authentication.AccountTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["linked_accounts.throttling.LinkedAccountThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.ORJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.ORJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.renderers.FixedNegotiation",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "api.pagination.CreatedAtCursorPagination",
    "DEFAULT_SCHEMA_CLASS": "api.schema.UnifiedAutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "api.exceptions.exception_handler",
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Interloop",
    "VERSION": "0.1.0",
    "DESCRIPTION": (BASE_DIR / "docs" / "api.md").read_text(),
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": "/", "description": "This server"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/ats/v1",
    "TAGS": [  # in the order of the documentation pages
        {"name": name}
        for name in (
            "interviews",
            "async-tasks",
            "applications",
            "job-interview-stages",
            "users",
            "candidates",
            "jobs",
            "reject-reasons",
            "sync-status",
            "account-details",
            "available-actions",
            "passthrough",
            "async-passthrough",
            "linked-accounts",
            "field-mappings",
            "remote-fields",
            "target-fields",
            "issues",
            "link-token",
            "account-token",
            "delete-account",
            "generate-key",
            "regenerate-key",
            "audit-trail",
            "webhook-receivers",
            "selective-sync",
            "default-scopes",
            "linked-account-scopes",
        )
    ],
    "ENUM_NAME_OVERRIDES": {
        "AccountStatusEnum": "linked_accounts.models.LinkedAccount.Status",
        "SyncStatusEnum": "sync.models.ModelSync.Status",
        "AsyncStatusEnum": "interviews.models.AsyncPost.Status",
        "SyncResultEnum": "sync.models.Result",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "api.schema.without_slashes"],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "ApiKey": {"type": "http", "scheme": "bearer", "description": "An API key of the organization."},
            "AccountToken": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Account-Token",
                "description": "The token of the linked account that the request is about.",
            },
        }
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/interloop/icon.svg",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True, "displayOperationId": False},
    "REDOC_DIST": "SIDECAR",
}

_LOG_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info,
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_LOG_PROCESSORS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _LOG_PROCESSORS,
        }
    },
    "filters": {"without_secrets": {"()": "api.middleware.WithoutSecrets"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["without_secrets"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        # Answers below 500 are no trouble of ours, and every request is logged once by api.middleware.
        "django.request": {"level": "ERROR"},
        **{
            name: {"level": LOG_LEVEL}
            for name in (
                "api",
                "connectors",
                "interviews",
                "applications",
                "remote_users",
                "linked_accounts",
                "linking",
                "passthrough",
                "field_mappings",
                "sync",
                "webhooks",
            )
        },
    },
}
