"""The client's own tests pass without the rest of the project."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "python"


def test_the_clients_own_tests_pass_with_the_client_alone(tmp_path):
    # given a directory without the project, in which only the client's package can be imported
    ran = subprocess.run(
        [sys.executable, "-m", "unittest", "discover", "-s", str(CLIENT / "tests")],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CLIENT / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # then
    assert ran.returncode == 0, ran.stderr
    found = re.search(r"Ran (\d+) tests", ran.stderr)
    assert found
    assert int(found[1]) >= 10


def test_the_client_needs_nothing_of_the_project():
    code = "import sys, liuke; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CLIENT,
        env={"PYTHONPATH": str(CLIENT / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert not {"django", "rest_framework", "msgspec", "core", "crm", "loyalty"} & set(
        re.findall(r"'([^']+)'", ran.stdout)
    )
