"""Backup and restore (F22): nothing is lost, a damaged or foreign archive changes nothing, a restored shop sends
nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from campaigns.messages.models import Message
from campaigns.messages.services.messages import queue_message, send_due, sweep_leases
from core.backup import archive, contents, keys, making, programs, restoring
from core.backup.keys import BackupKey
from core.base.actor import SYSTEM
from core.sending import services as sending_hold
from core.sending.models import SendingHold
from crm.customers.models import Customer
from crm.customers.services.identities import find
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.services.adjustments import adjust_points
from tests.campaigns.channels.test_email import mailbox, reachable, template  # noqa: F401
from tests.processes import this_database

ROOT = Path(__file__).resolve().parents[2]
KEY = BackupKey(b"k" * 32)
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


def quiet(_text: str) -> None:
    pass


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    (tmp_path / "media" / "imports").mkdir(parents=True)
    (tmp_path / "media" / "imports" / "orders.csv").write_bytes(b"number\n" * 300_000)
    return tmp_path / "media"


@pytest.fixture
def shop(program, make_customer, make_order, settle, media):
    for number in range(5):
        customer = make_customer(f"Customer {number}", phone=f"1380013800{number}")
        make_order(customer, 50_000, number=f"A{number}", days_ago=30)
    settle()
    return Customer.objects.order_by("pk").first()


@pytest.fixture
def other():
    """Return the name of an empty database on the same server."""
    name = f"{connection.settings_dict['NAME']}_restored"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield name
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def made(shop, tmp_path):
    return making.make(target=tmp_path / "backups", key=KEY, say=quiet)


def rewritten(path: Path, change) -> Path:
    """Return a copy with changed bytes."""
    data = bytearray(path.read_bytes())
    copy = path.with_name("changed.backup")
    copy.write_bytes(change(data))
    return copy


def test_a_shop_is_restored_completely(made, shop, other, media):
    before = contents.describe()
    # These later changes are not in the backup.
    Customer.objects.filter(pk=shop.pk).update(name="Changed since")
    (media / "imports" / "orders.csv").unlink()

    with contents.other_database(other):
        wrong = restoring.restore(path=made, key=KEY, say=quiet)
        after = contents.describe()
        name = Customer.objects.get(pk=shop.pk).name
        identity = find("phone", "+8613800138000")
        held = SendingHold.objects.get()

    assert wrong == []
    assert after["facts"]["ledger"] == {"reconciles": True, "accounts": 5, "differ": 0}
    assert {**after, "facts": before["facts"], "counts": before["counts"]} == {**after, **before}
    assert name == "Customer 0"
    assert identity.customer_id == shop.pk
    assert (held.held, held.cause) == (True, "restored")
    assert (media / "imports" / "orders.csv").read_bytes() == b"number\n" * 300_000


def test_nothing_of_the_shop_is_readable_in_the_file(made):
    data = made.read_bytes()
    assert b"Customer 0" not in data
    assert b"crm_customer" not in data
    assert b"PII_KEYS" not in data
    assert made.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[: len(data) - 1] + bytes([data[-1] ^ 1]), "was changed"),
        (
            lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
            "was changed",
        ),
        (lambda data: data[: len(data) // 2], "cut off"),
        (lambda data: data[:-40], "cut off"),
        (lambda data: data + b"x", "data after its end"),
        (lambda data: data.replace(b'"format": 1', b'"format": 2'), "was changed"),
        (lambda data: b"PK" + data[2:], "not a backup"),
    ],
)
def test_a_damaged_archive_changes_nothing(made, shop, change, says):
    before = contents.describe()
    with pytest.raises(archive.ArchiveError, match=says):
        restoring.restore(path=rewritten(made, change), key=KEY, replace=True, overwrite=True, say=quiet)
    assert contents.describe() == before
    assert not SendingHold.objects.get().held


def test_a_wrong_key_changes_nothing(made, shop):
    before = contents.describe()
    with pytest.raises(archive.ArchiveError, match="made with another key"):
        restoring.restore(path=made, key=BackupKey(b"x" * 32), replace=True, say=quiet)
    with pytest.raises(archive.ArchiveError, match="made with a key"):
        restoring.restore(path=made, key=BackupKey(b"some words of mine", passphrase=True), replace=True, say=quiet)
    assert contents.describe() == before


def test_a_database_with_rows_is_replaced_only_with_the_option(made, shop):
    Customer.objects.filter(pk=shop.pk).update(name="Changed since")
    with pytest.raises(restoring.RestoreRefused, match="not empty"):
        restoring.restore(path=made, key=KEY, say=quiet)
    assert Customer.objects.get(pk=shop.pk).name == "Changed since"

    assert restoring.restore(path=made, key=KEY, replace=True, say=quiet) == []
    assert Customer.objects.get(pk=shop.pk).name == "Customer 0"


def test_a_dump_that_fails_half_way_leaves_the_database_as_it_was(made, shop, monkeypatch):
    before = contents.describe()
    monkeypatch.setattr(sending_hold, "RESTORED_SQL", "INSERT INTO no_such_table VALUES (1);")
    with pytest.raises(restoring.RestoreFailed, match="no_such_table"):
        restoring.restore(path=made, key=KEY, replace=True, say=quiet)
    assert contents.describe() == before


def test_uploads_and_keys_that_differ_are_not_overwritten_unasked(made, shop, media, settings, monkeypatch, tmp_path):
    monkeypatch.setattr("core.backup.restoring._secrets_file", lambda: tmp_path / "secrets.json")
    (tmp_path / "secrets.json").write_text('{"PII_KEYS": "mine"}')
    (media / "imports" / "orders.csv").write_bytes(b"other")
    with pytest.raises(restoring.RestoreRefused, match="1 uploads exist with other contents"):
        restoring.restore(path=made, key=KEY, replace=True, say=quiet)
    own = dict(settings.PII_KEYS)
    settings.PII_KEYS = {1: b"z" * 32}
    monkeypatch.delenv("PII_KEYS", raising=False)
    with pytest.raises(restoring.RestoreRefused, match="holds other keys than the backup"):
        restoring.restore(path=made, key=KEY, replace=True, say=quiet)
    monkeypatch.setenv("PII_KEYS", "1:other")
    with pytest.raises(restoring.RestoreRefused, match="--secrets-only"):
        restoring.restore(path=made, key=KEY, replace=True, overwrite=True, say=quiet)
    monkeypatch.delenv("PII_KEYS")

    assert restoring.restore(path=made, key=KEY, replace=True, overwrite=True, say=quiet) == []

    assert own == settings.PII_KEYS
    (previous,) = tmp_path.glob("secrets.json.before-*")
    assert previous.read_text() == '{"PII_KEYS": "mine"}'
    assert (media / "imports" / "orders.csv").read_bytes() == b"number\n" * 300_000


def test_verify_finds_a_row_that_is_missing_and_a_ledger_that_does_not_add_up(made, shop, monkeypatch):
    assert restoring.verify(path=made, key=KEY, say=quiet) == []
    load = restoring._load

    def broken(*args, **kwargs):
        load(*args, **kwargs)
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("DELETE FROM crm_orderline WHERE id = (SELECT min(id) FROM crm_orderline)")
            cursor.execute(
                "UPDATE loyalty_account SET pending = pending + 7, available = available + 7 "
                "WHERE id = (SELECT min(id) FROM loyalty_account)"
            )

    monkeypatch.setattr(restoring, "_load", broken)
    wrong = restoring.verify(path=made, key=KEY, say=quiet)

    assert any(line.startswith("crm_orderline: 5 rows in the backup, 4 after") for line in wrong), wrong
    assert any(line.startswith("ledger: account") for line in wrong), wrong
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'liuke_verify_%%'")
        assert cursor.fetchone()[0] == 0, "the scratch databases are gone"


def test_the_commands_print_differences_and_fail(shop, tmp_path, monkeypatch, capsys, settings):
    settings.BACKUP_KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
    call_command("backup", output=str(tmp_path), verify=True)
    assert "Verified" in capsys.readouterr().out
    monkeypatch.setattr(contents, "verified", lambda manifest: ["crm_order: 5 rows in the backup, 4 after the restore"])
    (path,) = tmp_path.glob("*.backup")
    with pytest.raises(SystemExit) as stopped:
        call_command("restore", str(path), dry_run=True)
    assert stopped.value.code == 1
    assert "DIFFERS  crm_order: 5 rows in the backup, 4 after the restore" in capsys.readouterr().out
    with pytest.raises(CommandError, match="does not exist"):
        call_command("restore", str(tmp_path / "none.backup"))


def test_only_older_archives_of_the_same_shop_are_deleted(shop, tmp_path):
    folder = tmp_path / "kept"
    site = str(sending_hold.state().site)
    own = []
    for day in range(4):
        path = folder / f"own-{day}.backup"
        folder.mkdir(exist_ok=True)
        with path.open("wb") as file:
            at = (timezone.now() - timedelta(days=day)).isoformat()
            archive.Writer(file, KEY, {"format": 1, "site": site, "created_at": at}).close({})
        own.append(path)
    foreign = folder / "foreign.backup"
    with foreign.open("wb") as file:
        archive.Writer(file, KEY, {"format": 1, "site": "x", "created_at": "2001-01-01T00:00:00+00:00"}).close({})
    (folder / "notes.backup").write_text("not one")

    deleted = making.drop_older(folder=folder, keep=2, site=site, say=quiet)

    assert deleted == own[2:]
    assert sorted(path.name for path in folder.iterdir()) == [
        "foreign.backup",
        "notes.backup",
        "own-0.backup",
        "own-1.backup",
    ]


def test_a_backup_that_is_killed_leaves_no_file_that_looks_complete(shop, tmp_path, media):
    with (media / "large.bin").open("wb") as file:
        file.truncate(800_000_000)
    environment = {
        **this_database(),
        "MEDIA_ROOT": str(media),
        "BACKUP_KEY": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "backup", "--output", str(tmp_path / "killed")],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 120
    while not any(path.stat().st_size > 5_000_000 for path in (tmp_path / "killed").glob("*")):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert list((tmp_path / "killed").glob("*.backup")) == []
    (left,) = (tmp_path / "killed").glob("*.partial")
    with pytest.raises(archive.ArchiveError, match="cut off"):
        archive.ArchiveReader(left, KEY).check()


def test_a_restore_that_is_killed_leaves_the_database_as_it_was(made, shop):
    before = contents.describe()
    script = (
        "import os, django; django.setup()\n"
        "from pathlib import Path\n"
        "from core.backup import restoring, keys\n"
        "from core.sending import services as sending_hold\n"
        # Everything is loaded and only the COMMIT is missing at the kill.
        "sending_hold.RESTORED_SQL = 'SELECT pg_sleep(600);'\n"
        f"restoring.restore(path=Path({str(made)!r}), key=keys.BackupKey(b'k' * 32), "
        "replace=True, overwrite=True, say=lambda t: None)\n"
    )
    connection.close()
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT,
        env={**this_database(), "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE '%%pg_sleep(600)%%' AND pid <> pg_backend_pid()"
            )
            row = cursor.fetchone()
        if row:
            break
        connection.close()
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with connection.cursor() as cursor:
        # The server notices the lost client only at its next message to it, so end the session now.
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [row[0]])
    assert contents.describe() == before


def test_an_older_pg_dump_is_refused_with_an_explanation(monkeypatch, tmp_path):
    for name in programs.NEEDED:
        (tmp_path / name).write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(programs, "_folders", lambda: iter([tmp_path]))
    with pytest.raises(programs.NoPrograms, match=f"needs pg_dump of version 18 or newer; installed: 15 in {tmp_path}"):
        programs.find(18)
    assert programs.find(15).version == 15


def test_a_key_is_generated_once_stored_privately_and_announced(monkeypatch, tmp_path, settings):
    monkeypatch.setattr(keys, "kept_file", lambda: tmp_path / "backup.key")
    with pytest.raises(keys.UnusableKey, match="No key"):
        keys.configured()
    output: list[str] = []
    first = keys.configured(make=True, say=output.append)
    assert "ATTENTION" in output[0]
    assert f"BACKUP_KEY={(tmp_path / 'backup.key').read_text().strip()}" in output[0]
    assert (tmp_path / "backup.key").stat().st_mode & 0o777 == 0o600
    assert keys.configured() == first
    settings.BACKUP_KEY = "short"
    with pytest.raises(keys.UnusableKey, match="32 bytes"):
        keys.configured()
    (tmp_path / "words").write_text("short\n")
    with pytest.raises(keys.UnusableKey, match="12 characters"):
        keys.configured(str(tmp_path / "words"))


def test_later_points_are_not_in_the_restored_ledger_and_it_still_reconciles(made, shop, other, program):
    account = Account.objects.get(member__customer=shop, point_type__spendable=True)
    adjust_points(account=account, points=100, reason="goodwill", key="since", actor=SYSTEM)
    assert Entry.objects.filter(account=account).count() == 2
    with contents.other_database(other):
        assert restoring.restore(path=made, key=KEY, say=quiet) == []
        assert Entry.objects.filter(account=account).count() == 1
        assert contents.describe()["facts"]["ledger"]["reconciles"] is True


def test_a_restored_shop_sends_nothing_until_sending_is_started(shop, other, tmp_path, mailbox, template, reachable):  # noqa: F811
    for number in range(20):
        queue_message(customer=reachable(), template=template, origin="test", occurrence=str(number))
    made = making.make(target=tmp_path, key=KEY, say=quiet)
    # The shop keeps working after the backup: every message is sent once.
    assert send_due() == 20
    assert len(mailbox.received) == 20

    with contents.other_database(other):
        restoring.restore(path=made, key=KEY, say=quiet)
        for _ in range(3):
            sending_hold.notice_restore()
            sweep_leases()
            send_due()
        assert len(mailbox.received) == 20
        assert Message.objects.filter(state="uncertain", reason="restored").count() == 20
        sending_hold.decide(kind="messages.other", choice="sent", actor=SYSTEM)
        sending_hold.start(actor=SYSTEM)
        queue_message(customer=reachable("new@example.com"), template=template, origin="test", occurrence="new")
        assert send_due() == 1
    assert len(mailbox.received) == 21
    assert max(mailbox.ids.values()) == 1
