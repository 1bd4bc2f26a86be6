"""Settings with working defaults for a machine without configuration. See docs/operations.md."""

import logging
import warnings
from datetime import timedelta
from typing import Any, cast

import dj_database_url
from django.templatetags.static import static
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from kombu import Queue

from config import env, mail, schedules
from core.embedded import places

BASE_DIR = env.ROOT
DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.text("SECRET_KEY") or env.generated_secret("SECRET_KEY")
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", ["*"])
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS", [])
SITE_URL = env.text("SITE_URL", f"http://localhost:{env.text('PORT', '8000')}").rstrip("/")
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
PII_KEYS = env.pii_keys(env.text("PII_KEYS") or env.generated_pii_keys())

OUR_APPS = ["core", "crm", "loyalty", "analytics", "campaigns"]
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "anymail",
    "axes",
    "corsheaders",
    "csp",
    "django_celery_beat",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "template_partials",
    *OUR_APPS,
    "config",
]

MIDDLEWARE = [
    "core.http.bounds.HeaderLimitMiddleware",
    "core.http.middleware.IncomingHeadersMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "core.http.cors.MemberCorsMiddleware",
    "core.http.bounds.BodyLimitMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.http.middleware.DatabaseUnavailableMiddleware",
    "core.http.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "core.http.middleware.CsrfViewMiddleware",
    "core.http.middleware.AuthenticationMiddleware",
    "core.http.middleware.StaffLocaleMiddleware",
    "core.http.middleware.PrivatePagesMiddleware",
    "core.http.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "core.http.middleware.SecondFactorMiddleware",
    "core.http.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.http.middleware.CSPMiddleware",
    "core.http.middleware.AdminContentPolicyMiddleware",
    "core.http.middleware.RequestLogMiddleware",
    "core.http.middleware.ActorMiddleware",
    "core.http.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "core.http.middleware.RequestMetricsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "core.User"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.console.context.shell",
            ],
            "libraries": {"crm": "crm.customers.console.filters", "campaigns": "campaigns.coupons.console.filters"},
            "builtins": [
                "core.console.template_tags",
                "core.lists.template_tags",
                "template_partials.templatetags.partials",
            ],
        },
    }
]

# Statements of a web request end after a minute (set in wsgi.py and asgi.py); those of a job may last as long as its
# task.
DATABASE_OPTIONS = {
    "connect_timeout": 5,
    "application_name": "liuke",
    "server_side_binding": False,
    "options": f"-c statement_timeout={env.integer('DATABASE_STATEMENT_TIMEOUT', 3600) * 1000}",
}
_database = dict(dj_database_url.parse(env.database_url()))
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "core.db.postgres",
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": env.integer("DATABASE_MAX_AGE", 600),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**cast("dict", _database.get("OPTIONS", {})), **DATABASE_OPTIONS},
    }
}

REDIS_URL = env.redis_url()
CACHE_URL = env.cache_url()
CACHES = {
    "default": {
        "BACKEND": "core.db.cache.ForgivingRedisCache",
        "LOCATION": env.redis_database(CACHE_URL, 1),
        "KEY_PREFIX": "liuke",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
}

CELERY_BROKER_URL = env.broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Retry without limit: a worker that lost its queue waits for it.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A task that runs longer than the visibility timeout is delivered a second time while it still runs. So the timeout is
# far above the hard limit.
CELERY_TASK_TIME_LIMIT = 3600
CELERY_TASK_SOFT_TIME_LIMIT = 3540
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 7200, "socket_timeout": 10, "socket_connect_timeout": 5}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Long tasks have their own worker: two imports at once would leave no process for points and messages.
CELERY_TASK_DEFAULT_QUEUE = schedules.SHORT
LONG_QUEUE = schedules.LONG
CELERY_TASK_QUEUES = [Queue(schedules.SHORT), Queue(LONG_QUEUE)]
CELERY_TASK_ROUTES = {task: {"queue": LONG_QUEUE} for task in schedules.LONG_TASKS}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

LANGUAGE_CODE = env.text("LANGUAGE_CODE", "en")
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.text("STATIC_ROOT") or str(BASE_DIR / "staticfiles")
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
# Without collectstatic the folder does not exist, and with finders it is not needed.
warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
MEDIA_ROOT = env.text("MEDIA_ROOT") or str(places.locations().directory / "media")
# Uploads hold personal data, so no other user of the machine may read them.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("FORM_LIMIT_KB", 4 * 1024) * 1024
UPLOAD_LIMIT = env.integer("UPLOAD_LIMIT_MB", 12) * 1024 * 1024
IMPORT_UPLOAD_LIMIT = env.integer("IMPORT_UPLOAD_LIMIT_MB", 1024) * 1024 * 1024
# Limit on the unpacked size of a compressed import.
IMPORT_UNPACKED_LIMIT = env.integer("IMPORT_UNPACKED_LIMIT_MB", 8 * 1024) * 1024 * 1024
# Limits on API bodies: with a member's token or no key, with a server key, and for batch endpoints.
MEMBER_BODY_LIMIT = env.integer("MEMBER_BODY_LIMIT_KB", 128) * 1024
API_BODY_LIMIT = env.integer("API_BODY_LIMIT_KB", 2 * 1024) * 1024
BATCH_BODY_LIMIT = env.integer("BATCH_BODY_LIMIT_KB", 32 * 1024) * 1024
HEADER_LIMIT = 8 * 1024
HEADERS_LIMIT = 32 * 1024
ADDRESS_LIMIT = 16 * 1024

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "core.security.accounts.StaffAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_FORMS = {"change_password": "core.security.forms.StaffChangePasswordForm"}
# core.security.attempts counts failures and locks accounts; a second limit before it would hide its page.
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": False}
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "core.security.accounts.StaffMfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "core.security.second_step.CodeForm",
    "reauthenticate": "core.security.second_step.ConfirmationForm",
}
MFA_TOTP_ISSUER = "Liuke"
SECOND_FACTOR_REQUIRED = env.boolean("SECOND_FACTOR_REQUIRED", False)
AXES_FAILURE_LIMIT = env.integer("LOGIN_FAILURE_LIMIT", 8)
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_HANDLER = "core.security.attempts.PasswordAttempts"
AXES_CLIENT_IP_CALLABLE = "core.security.attempts.address_of"
AXES_USERNAME_CALLABLE = "core.security.attempts.account_of"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_ENABLE_ADMIN = False

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-src": ["'self'"],
        "manifest-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "core.api.authentication.ServerKeyAuthentication",
        "crm.customers.api.authentication.MemberTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["core.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["core.api.renderers.MsgspecRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.api.renderers.MsgspecParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.api.renderers.PlainNegotiation",
    "DEFAULT_PAGINATION_CLASS": "core.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["core.api.throttling.KeyThrottle"],
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "core.api.exceptions.handle",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_FORMATTER_CLASS": "core.api.exceptions.Formatter",
    "ERROR_SCHEMA": "core.api.schema",
    "ALLOWED_ERROR_STATUS_CODES": [
        *("400", "401", "403", "404", "405", "409", "413", "414", "415", "422", "429", "431", "503")
    ],
}
# Sites whose pages may call the API with a member's token: https://shop.example.com, without a path.
CORS_ALLOWED_ORIGINS = env.items("CORS_ALLOWED_ORIGINS", [])
CORS_URLS_REGEX = r"^/api/v1/"
CORS_ALLOW_METHODS = ["GET", "POST", "PUT", "PATCH"]
CORS_ALLOW_HEADERS = ["accept", "accept-language", "authorization", "content-type", "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = ["retry-after", "x-request-id"]
CORS_PREFLIGHT_MAX_AGE = 600
API_RATE_LIMIT = env.integer("API_RATE_LIMIT", 6000)
# 401 answers to one address in a minute; further wrong keys get 429, a valid key keeps working.
AUTH_FAILURE_LIMIT = env.integer("AUTH_FAILURE_LIMIT", 60)
MEMBER_TOKEN_RATE_LIMIT = env.integer("MEMBER_TOKEN_RATE_LIMIT", 120)
SPECTACULAR_SETTINGS = {
    "TITLE": "Liuke API",
    "VERSION": "1",
    "DESCRIPTION": "Customers, orders, points, segments, coupons and tickets of one shop.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    # Lazy: in production the name of the file is known only after the manifest of static files was read.
    "SWAGGER_UI_FAVICON_HREF": lazy(static, str)("img/icon.svg"),
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    # Fields of one name with different choices: the name of each set in the schema.
    "ENUM_NAME_OVERRIDES": {
        "BroadcastStateEnum": "campaigns.broadcasts.models.BroadcastState.values",
        "TicketStatusEnum": "crm.desk.models.TicketStatus",
        "SegmentKindEnum": "analytics.segments.models.SegmentKind.values",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums"],
}

_mail = mail.from_environment()
EMAIL_PROVIDER, EMAIL_UNUSED_KEYS = _mail.provider, _mail.unused
EMAIL_BACKEND = _mail.backend
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.integer("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 20
# Without a mail server, messages are written to files, so that a trial never sends to a real customer.
EMAIL_FILE_PATH = str(places.locations().directory / "mail")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "shop@localhost")
# The provider's keys, and in WEBHOOK_SECRET the name:password of our callback address; several separated by commas
# during a change.
ANYMAIL = _mail.anymail

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "core.processes.logs.formatter"},
    },
    "filters": {"storm": {"()": "core.processes.logs.StormFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["storm"]}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "WARNING")},
    "loggers": {
        "liuke": {"level": env.text("LOG_LEVEL", "INFO")},
        "axes": {"level": "ERROR"},
        "django.request": {"level": "ERROR"},
    },
}
DJANGO_STRUCTLOG_CELERY_ENABLED = False
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO

SENTRY_DSN = env.text("SENTRY_DSN")
if SENTRY_DSN:
    import sentry_sdk.types

    def _without_query(event: sentry_sdk.types.Event, _hint: dict[str, Any]) -> sentry_sdk.types.Event:
        # The query string may hold a phone number from a search.
        event.get("request", {}).pop("query_string", None)
        return event

    sentry_sdk.init(
        SENTRY_DSN,
        send_default_pii=False,
        environment=env.text("ENVIRONMENT", "production"),
        before_send=_without_query,
        before_send_transaction=_without_query,
    )

UNFOLD = {
    "SITE_TITLE": "Liuke",
    "SITE_HEADER": "Liuke",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "THEME": "core.console.admin_index.theme",
}
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]
METRICS_TOKEN = env.text("METRICS_TOKEN")
BACKUP_KEY = env.text("BACKUP_KEY")
BACKUP_PASSPHRASE_FILE = env.text("BACKUP_PASSPHRASE_FILE")
COMPUTE_SHARDS = env.integer("COMPUTE_SHARDS", 2)
MESSAGE_LEASE_SECONDS = env.integer("MESSAGE_LEASE_SECONDS", 60)
# In a trial the receiver is on the same machine or network. production.py turns this off, and plain HTTP with it.
WEBHOOKS_ALLOW_PRIVATE = env.boolean("WEBHOOKS_ALLOW_PRIVATE", True)
