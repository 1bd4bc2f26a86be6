"""Settings of a shop's own server: secrets, hosts and servers are required, cookies are sent only over HTTPS."""

from config import env
from config.settings.base import *  # noqa: F403
from core.embedded import places

_missing = [
    name
    for name in ("SECRET_KEY", "PII_KEYS", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL", "CACHE_URL", "SITE_URL")
    if not env.text(name)
]
if _missing:
    raise places.ConfigurationError(f"Production needs these variables: {', '.join(_missing)}. See docs/operations.md.")

SECOND_FACTOR_REQUIRED = env.boolean("SECOND_FACTOR_REQUIRED", True)
WEBHOOKS_ALLOW_PRIVATE = env.boolean("WEBHOOKS_ALLOW_PRIVATE", False)
# `make up` listens on 127.0.0.1, so a request from this machine comes from its proxy; local programs could only forge
# their own address. A proxy on another machine must be named. IncomingHeadersMiddleware drops X-Forwarded-* of others.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES") or ["127.0.0.0/8", "::1"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.boolean("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31536000)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = False
# Findings of `check --deploy`, each with the reason why it is accepted:
SILENCED_SYSTEM_CHECKS = [
    # core.http.middleware.CsrfViewMiddleware is Django's, but only for people: programs send no cookie that could be
    # abused.
    "security.W003",
    # Other names below the shop's domain do not belong to this site. So it neither requires HTTPS for them nor adds the
    # domain to the browsers' preload list, from which a removal takes months.
    "security.W005",
    "security.W021",
    # Names of enumerations and operations in the API schema, which are the same in every setting.
    "drf_spectacular.W001",
]
