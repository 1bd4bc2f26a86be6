"""Loss of Redis with real processes (F4).

Redis is killed in the middle of a broadcast, another broadcast starts while it is down, and it returns without its
data.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from core.embedded.places import Locations, locations
from tests.e2e.shop import ROOT, Mailbox, Shop, wait_until

pytestmark = pytest.mark.processes
PEOPLE, KILLED_AT, AWAY_SECONDS, BACK_SECONDS = 120, 30, 15, 60

SET_UP = f"""
from analytics.models import SegmentMembership
from analytics.segments.services.segments import create_segment
from campaigns.models import SendingPolicy
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from crm.customers.services.consents import record_consent
from crm.customers.services.identities import GivenIdentity, resolve_customer
from tests.segments import put_in
SendingPolicy.objects.update_or_create(
    pk=1, defaults=dict(cap_per_day=0, cap_per_week=0, quiet_from="00:00", quiet_until="00:00"))
segment = create_segment(name="Everyone here", rule={{"op": "and", "children": []}}, actor=SYSTEM)
for n in range({PEOPLE}):
    customer = resolve_customer([GivenIdentity("email", f"p{{n}}@example.com")],
                                source="test", country="CN", actor=SYSTEM).customer
    record_consent(customer=customer, channel="email", purpose="marketing", decision="granted",
                   source="test", actor=SYSTEM)
    put_in(segment, customer)
for name in ("first", "second"):
    save_template(name=name, channel="email", texts=[Text("en", "<p>Hello</p>", name)], actor=SYSTEM)
answer = SegmentMembership.objects.filter(segment=segment).count()
"""
BEGIN = """
from analytics.models import Segment
from campaigns.models import Template
from campaigns.broadcasts.services.broadcasts import create_broadcast, schedule_broadcast
from core.base.actor import SYSTEM
broadcast = create_broadcast(
    name={name!r}, segment=Segment.objects.get(name="Everyone here"),
    template=Template.objects.get(name={name!r}), actor=SYSTEM)
schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
answer = broadcast.pk
"""
STATES = """
from collections import Counter
from campaigns.models import Message
answer = dict(Counter(Message.objects.values_list("state", flat=True)))
"""


class Killing(Mailbox):
    """A mailbox that kills Redis at a number of messages, before it answers for the last one."""

    place: Locations

    def __init__(self) -> None:
        super().__init__()
        self.killed_at = 0

    async def handle_DATA(self, server, session, envelope):
        answer = await super().handle_DATA(server, session, envelope)
        if not self.killed_at and len(self.messages) == KILLED_AT:
            self.killed_at = len(self.messages)
            os.kill(int((self.place.runtime / "valkey.pid").read_text()), signal.SIGKILL)
        return answer


@pytest.fixture
def shop(tmp_path):
    mailbox = Killing()
    shop = Shop(tmp_path, mailbox)
    mailbox.place = locations(tmp_path)
    # Keep the servers running between two commands.
    keeper = subprocess.Popen(
        [sys.executable, "-c", "from core import embedded; embedded.attach(); print('up', flush=True); input()"],
        cwd=ROOT, env=shop.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert keeper.stdout.readline() == "up\n"
    try:
        shop.set_up("--name", "F4", "--currency", "CNY", "--time-zone", "UTC", "--country", "CN")
        yield shop
    finally:
        shop.stop()
        keeper.communicate("\n", timeout=60)


def bring_back(shop: Shop) -> None:
    """Restart Redis empty, like a server that lost its disk."""
    place = shop.mailbox.place
    shutil.rmtree(place.valkey)
    (place.runtime / "valkey.pid").unlink()
    subprocess.run(
        [sys.executable, "-c", "from core import embedded; embedded.attach()"],
        cwd=ROOT, env=shop.environment, check=True, timeout=60,
    )  # fmt: skip


def test_redis_killed_in_a_fan_out_loses_no_message_and_pending_ones_go_within_a_minute_of_its_return(shop):
    assert shop.shell(SET_UP) == PEOPLE
    shop.start("worker", "beat")
    shop.shell(BEGIN.format(name="first"))
    wait_until("the first broadcast is under way", lambda: shop.mailbox.killed_at, 90)
    # From now on Redis is down, and no process starts it.
    shop.environment["REDIS_URL"] = shop.mailbox.place.redis_url
    shop.shell(BEGIN.format(name="second"))
    time.sleep(AWAY_SECONDS)
    assert not [mail for mail in shop.mailbox.messages if mail["Subject"] == "second"], "the worker was not woken"
    del shop.environment["REDIS_URL"]

    bring_back(shop)
    began = time.monotonic()
    wait_until("everybody has both", lambda: len(shop.mailbox.messages) >= 2 * PEOPLE, BACK_SECONDS)
    print(f"{2 * PEOPLE} e-mails, all there {time.monotonic() - began:.0f} s after Redis was back")
    wait_until("all are recorded", lambda: shop.shell(STATES) == {"sent": 2 * PEOPLE}, 30)
    got = Counter((mail["X-Recipient"], mail["Subject"]) for mail in shop.mailbox.messages)
    assert got == {(f"p{n}@example.com", name): 1 for n in range(PEOPLE) for name in ("first", "second")}
