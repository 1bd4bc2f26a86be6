"""Production as in the README: the named variables, one command, and static files on every page."""

from __future__ import annotations

import base64
import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.embedded import places
from tests.e2e.shop import ROOT, free_port, wait_until

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Start PostgreSQL and two Valkey servers as a shop's own; return their variables."""
    folder = tmp_path_factory.mktemp("servers")
    names = {"DATABASE_URL", "REDIS_URL", "CACHE_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in names} | {"LIUKE_VAR": str(folder)}
    keeper = subprocess.Popen(
        [sys.executable, "-c", "from core import embedded; embedded.attach(); print('up', flush=True); input()"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "up\n"
    place = places.locations(folder)
    yield {"DATABASE_URL": place.database_url, "REDIS_URL": place.redis_url, "CACHE_URL": place.cache_url}
    keeper.communicate("\n", timeout=60)


def named_in_the_readme() -> list[str]:
    text = (ROOT / "README.md").read_text()
    sentence = text[text.index("refuses to start without") :].split("turns on")[0]
    return re.findall(r"`([A-Z_]+)`", sentence)


def production(servers: dict[str, str], folder: Path, **changes: str) -> dict[str, str]:
    values = {
        "SECRET_KEY": "a-long-and-random-secret-of-this-test-0123456789-abcdefghij",
        "PII_KEYS": "1:" + base64.urlsafe_b64encode(bytes(range(32))).decode(),
        "ALLOWED_HOSTS": "crm.example.com",
        "SITE_URL": "https://crm.example.com",
        **servers,
    }
    assert sorted(values) == sorted(named_in_the_readme())
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **inherited,
        **values,
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "LIUKE_VAR": str(folder / "var"),
        "STATIC_ROOT": str(folder / "static"),
        "TRUSTED_PROXIES": "127.0.0.1",
        "WEB_WORKERS": "1",
        "TASK_WORKERS": "1",
        "PORT": str(free_port()),
        **changes,
    }


def get(environment: dict[str, str], path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", int(environment["PORT"]), timeout=20)
    try:
        connection.request("GET", path, headers={"Host": "crm.example.com", "X-Forwarded-Proto": "https"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_each_named_variable_is_needed(servers, tmp_path):
    for name in named_in_the_readme():
        environment = production(servers, tmp_path)
        del environment[name]
        done = subprocess.run(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (
            1,
            f"Production needs these variables: {name}. See docs/operations.md.\n",
        )


def test_production_as_the_readme_says_serves_pages_with_their_static_files(servers, tmp_path):
    # given the variables of the README, and no collected files
    environment = production(servers, tmp_path)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        # when it is started
        wait_until("production answers", lambda: get(environment, "/healthz")[0] == 200, 300)

        # then its pages open, with all their styles and scripts
        for page in ("/accounts/login/", "/api/docs/"):
            status, body = get(environment, page)
            assert status == 200, body[:500]
            files = re.findall(r'(?:href|src)="(/static/[^"]+)"', body.decode())
            assert len(files) >= 3
            assert {path: get(environment, path)[0] for path in files} == dict.fromkeys(files, 200)
        assert all(re.search(r"\.[0-9a-f]{12}\.", path) for path in files)
        assert get(environment, "/readyz")[0] == 200
        # no demo shop, and data without access for others
        assert get(environment, "/")[0] == 302
        assert (tmp_path / "var").stat().st_mode & 0o077 in {0, 0o010}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output


def test_static_files_are_collected_again_only_when_their_sources_change(tmp_path):
    script = (
        "import django; django.setup()\n"
        "from core.http import static_files\n"
        "print(static_files.manifest_problem() == '', static_files.collect_when_changed(),\n"
        "      static_files.manifest_problem() == '', static_files.collect_when_changed())\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.static",
        "STATIC_ROOT": str(tmp_path / "static"),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False True True False\n"
