"""Examples for containers and service managers: their commands, variables and files exist."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import yaml

from config.processes import command_lines

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
UNITS = sorted((ROOT / "docs/examples/systemd").glob("*.service"))


def variables_of_the_readme() -> set[str]:
    return set(re.findall(r"`([A-Z][A-Z_]+)`", README)) | {"DJANGO_SETTINGS_MODULE"}


def example_variables() -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=", (ROOT / "docs/examples/env").read_text(), re.M))


def test_the_example_of_variables_names_all_that_production_needs_and_nothing_unknown():
    sentence = README[README.index("refuses to start without") :].split("turns on")[0]
    assert set(re.findall(r"`([A-Z_]+)`", sentence)) <= example_variables()
    assert example_variables() - variables_of_the_readme() == {"POSTGRES_PASSWORD"}


def test_compose_runs_each_process_and_keeps_queue_and_cache_apart():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = compose["services"]
    commands = {name: service.get("command", "") for name, service in services.items()}
    assert {name for name in command_lines() if commands[name].endswith(f"manage.py run {name}")} == set(
        command_lines()
    )
    assert "--maxmemory-policy noeviction" in commands["queue"]
    assert "--appendonly yes" in commands["queue"]
    assert "--maxmemory-policy allkeys-lru" in commands["cache"]
    for name in ("migrate", *command_lines()):
        environment = services[name]["environment"]
        assert {"DATABASE_URL", "REDIS_URL", "CACHE_URL"} == set(environment)
        hosts = {re.sub(r".*[@/]([a-z]+):\d+.*", r"\1", url) for url in environment.values()}
        assert hosts <= set(services)
    assert {name for name, service in services.items() if service["restart"] == "unless-stopped"} == set(services) - {
        "migrate"
    }


def test_the_image_is_built_by_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text().replace("$(VENV)", ".venv")
    targets = re.findall(r"^RUN make (.+)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert targets == [".venv/.runtime", "static"]
    assert all(re.search(rf"^{re.escape(target)}:", makefile, re.M) for target in targets)


def test_each_process_has_a_unit_that_is_always_started_again():
    assert {unit.stem.removeprefix("liuke-") for unit in UNITS} >= set(command_lines())
    for name in command_lines():
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        parser.read(ROOT / f"docs/examples/systemd/liuke-{name}.service")
        service = parser["Service"]
        assert service["ExecStart"].endswith(f"manage.py run {name}")
        assert (service["Restart"], parser["Unit"]["StartLimitIntervalSec"]) == ("always", "0")
        assert service["UMask"] == "0077"


def test_the_commands_of_the_operations_page_copy_files_that_exist():
    # Given
    page = (ROOT / "docs/operations.md").read_text()
    copied = next(line for line in page.splitlines() if line.strip().startswith("cp docs/examples/systemd"))
    # When
    patterns = re.findall(r"docs/examples/systemd/\S+", copied)
    names = {pattern: sorted(path.stem for path in ROOT.glob(pattern)) for pattern in patterns}
    # Then
    assert names["docs/examples/systemd/*.timer"] == ["liuke-backup"]
    assert set(re.findall(r"liuke-\w+", page.split("systemctl enable")[1].split("```")[0])) <= set(
        names["docs/examples/systemd/*.service"]
    )


def test_every_unit_and_the_operations_page_read_one_file_of_variables():
    assert {re.search(r"^EnvironmentFile=(.+)$", unit.read_text(), re.M)[1] for unit in UNITS} == {"/etc/liuke/env"}
    page = (ROOT / "docs/operations.md").read_text()
    assert set(re.findall(r"/etc/liuke[\w./]*", page)) == {"/etc/liuke/env"}


def test_the_nightly_backup_of_systemd_runs_the_command_of_the_operations_page():
    page = (ROOT / "docs/operations.md").read_text()
    command = re.search(r"manage\.py backup --output \S+ --keep \d+ --verify", page)[0]
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read([ROOT / f"docs/examples/systemd/liuke-backup.{suffix}" for suffix in ("service", "timer")])
    assert parser["Service"]["ExecStart"] == f"/srv/liuke/.venv/bin/python {command}"
    assert (parser["Timer"]["OnCalendar"], parser["Install"]["WantedBy"]) == ("*-*-* 03:15", "timers.target")
