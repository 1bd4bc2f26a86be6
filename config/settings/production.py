"""Settings of a shop's own server: secrets, hosts and servers must be named, cookies travel over HTTPS only."""

from config import env
from config.settings.base import *  # noqa: F403

_missing = [
    name
    for name in ("SECRET_KEY", "PII_KEYS", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL", "CACHE_URL", "SITE_URL")
    if not env.text(name)
]
if _missing:
    raise env.ConfigurationError(f"Production needs these variables: {', '.join(_missing)}. See docs/operations.md.")

SECOND_FACTOR_REQUIRED = env.boolean("SECOND_FACTOR_REQUIRED", True)
WEBHOOKS_ALLOW_PRIVATE = env.boolean("WEBHOOKS_ALLOW_PRIVATE", False)
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
