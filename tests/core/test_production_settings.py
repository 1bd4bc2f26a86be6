"""Production settings from the README pass Django's deployment check."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys

import pytest

from config.env import ROOT

NEEDED = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "PII_KEYS": f"1:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
    "ALLOWED_HOSTS": "shop.example.com",
    "DATABASE_URL": "postgresql://liuke:secret@127.0.0.1:1/liuke",
    "REDIS_URL": "redis://127.0.0.1:1",
    "CACHE_URL": "redis://127.0.0.1:2",
    "SITE_URL": "https://shop.example.com",
}
SHOW = "from django.conf import settings as s; print(s.TRUSTED_PROXIES, s.SECOND_FACTOR_REQUIRED)"


def manage(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LIUKE_VAR") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=inherited | NEEDED | more, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_check_deploy_has_nothing_to_say():
    done = manage("check", "--deploy", "--fail-level", "DEBUG")
    assert (done.returncode, "no issues" in done.stdout + done.stderr) == (0, True), done.stdout + done.stderr


def test_check_deploy_still_sees_a_weak_setting():
    done = manage("check", "--deploy", "--fail-level", "WARNING", SECURE_SSL_REDIRECT="no", SECRET_KEY="short")
    assert done.returncode == 1
    assert "security.W009" in done.stderr


@pytest.mark.parametrize(
    ("variables", "trusted"), [({}, "['127.0.0.0/8', '::1']"), ({"TRUSTED_PROXIES": "10.0.0.0/8"}, "['10.0.0.0/8']")]
)
def test_a_proxy_on_the_same_machine_is_trusted_unless_others_are_named(variables, trusted):
    assert manage("shell", "--no-imports", "-c", SHOW, **variables).stdout.strip() == f"{trusted} True"
