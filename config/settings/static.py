"""Settings of a build that collects static files: production's, with placeholders for what only a running shop has."""

import base64
import os
import secrets

# Random, so that a shop started with these settings by mistake is not open to those who read this file.
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
