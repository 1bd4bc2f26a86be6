"""Settings of the tests: the same servers and schema, cheap password hashing, no outgoing messages."""

from config import env
from config.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
API_RATE_LIMIT = 10_000_000
MEMBER_TOKEN_RATE_LIMIT = 10_000_000
AUTH_FAILURE_LIMIT = 10_000_000
AXES_ENABLED = False
# Tests empty all tables between two cases, also the ledger's.
DATABASE_OPTIONS["options"] = f"{DATABASE_OPTIONS['options']} -c liuke.reset=yes"  # noqa: F405
DATABASES["default"]["OPTIONS"] = DATABASE_OPTIONS  # noqa: F405
# Test databases are copies of one that is migrated already, where there is one (tests/prepared.py).
DATABASES["default"]["TEST"] = {"TEMPLATE": env.text("LIUKE_TEST_TEMPLATE") or None}  # noqa: F405
# Each parallel test process uses, and empties, its own cache.
CACHES["default"]["LOCATION"] = env.redis_database(CACHE_URL, 1 + int(env.text("PYTEST_XDIST_WORKER", "gw0")[2:]))  # noqa: F405
