"""Settings to collect static files in a build: production's, with placeholders for the values of a running shop."""

import base64
import os
import secrets

# Random, so that a shop that is started with these settings by mistake has no publicly known secrets.
_PLACEHOLDERS = {
    "SECRET_KEY": secrets.token_urlsafe(48),
    "PII_KEYS": f"1:{base64.urlsafe_b64encode(os.urandom(32)).decode()}",
    "ALLOWED_HOSTS": "localhost",
    "DATABASE_URL": "postgresql://nobody@localhost/none",
    "REDIS_URL": "redis://localhost",
    "CACHE_URL": "redis://localhost",
    "SITE_URL": "https://localhost",
}
for _name, _value in _PLACEHOLDERS.items():
    os.environ.setdefault(_name, _value)

from config.settings.production import *  # noqa: E402, F403
