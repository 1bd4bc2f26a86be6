"""F10: an application server whose clock is ten minutes wrong neither expires early nor sends in quiet hours.

libfaketime gives a process of its own a wrong clock; the database keeps the right one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campaigns.messages.models import Message
from campaigns.messages.services.messages import queue_message
from campaigns.templates.services.templates import Text, save_template
from core.base import clock
from core.base.actor import SYSTEM
from crm.customers.services.consents import record_consent
from loyalty.ledger.models import Account, Hold, Lot
from loyalty.ledger.selectors.balances import spendable_account
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.redemption import hold_points
from tests.campaigns.conftest import policy
from tests.processes import this_database

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
WORK = """
import json
from django.utils import timezone
from campaigns.messages.services.messages import send_due
from core.base import clock
from loyalty.ledger.services.sweeps import sweep_holds, sweep_lots
wrong = (timezone.now() - clock.now()).total_seconds()
print(json.dumps({"wrong": wrong, "lots": sweep_lots(), "holds": sweep_holds(), "sent": send_due(seconds=5)}))
"""


def library() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    assert found, "This test needs libfaketime (Debian: apt install libfaketime)."
    return str(found[0])


def work_with_clock(offset: str) -> dict[str, float]:
    """Run the scheduled work of points and messages in a process whose clock is wrong by `offset`, such as "+10m"."""
    wrong = {"LD_PRELOAD": library(), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    # The child finds no servers to start: the database is that of the test.
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", WORK],
        cwd=ROOT,
        env={**os.environ, **this_database(), **wrong},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("offset", ["+10m", "-10m"])
def test_a_wrong_clock_expires_nothing_early_and_sends_nothing_in_quiet_hours(offset, program, make_customer):
    # given points and a hold that end in five minutes, and others that ended five minutes ago
    now = clock.now()
    accounts: list[Account] = []
    for name, minutes in (("Soon", 5), ("Ended", -5)):
        customer = make_customer(name, email=f"{name.lower()}@example.com")
        account = spendable_account(enrol_member(customer=customer, program=program, actor=SYSTEM))
        adjust_points(account=account, points=100, reason="goodwill", key=f"{name}-lot", note="Late", actor=SYSTEM)
        hold = hold_points(account=account, points=40, key=f"{name}-h", actor=SYSTEM)["hold"]
        ends = now + timedelta(minutes=minutes)
        Hold.objects.filter(pk=hold).update(expires_at=ends)
        Lot.objects.filter(account=account).update(expires_at=ends)
        accounts.append(account)
    # and a message in quiet hours that end in five minutes
    here = now.astimezone(ZoneInfo("Asia/Shanghai"))
    policy(
        quiet_from=(here - timedelta(hours=1)).time(),
        quiet_until=(here + timedelta(minutes=5)).time(),
        spread_minutes=0,
    )
    reader = make_customer("Reader", email="reader@example.com")
    record_consent(
        customer=reader, channel="email", purpose="marketing", decision="granted", source="staff", actor=SYSTEM
    )
    template = save_template(name="Hi", channel="email", texts=[Text("en", "<p>Hi</p>", "Hello")], actor=SYSTEM)
    message = queue_message(customer=reader, template=template, origin="test", occurrence="1")

    # when a worker whose clock is wrong does its scheduled work
    answer = work_with_clock(offset)

    # then its clock was wrong, and it decided by the database's
    assert abs(abs(answer["wrong"]) - 600) < 30
    soon, ended = accounts
    soon.refresh_from_db()
    ended.refresh_from_db()
    assert (soon.available, soon.held) == (60, 40)
    assert (ended.available, ended.held) == (0, 0)
    message = Message.objects.get(pk=message.pk)
    assert (message.state, message.reason) == ("held", "quiet_hours")
    assert timedelta(minutes=3) < message.due_at - now < timedelta(minutes=6)
