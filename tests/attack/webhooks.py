"""Attacks with webhook addresses that point into the shop's own network."""

from __future__ import annotations

import socket

from tests.attack.registry import Tally, attack
from tests.attack.site import Site

SPELLINGS = [
    "https://127.0.0.1/x", "https://127.0.0.1:5432/x", "https://127.1/x", "https://127.255.255.254/x", "https://0/x",
    "https://0.0.0.0/x", "https://localhost/x", "https://LOCALHOST./x", "https://2130706433/x", "https://0x7f000001/x",
    "https://0x7f.1/x", "https://0177.0.0.1/x", "https://017700000001/x", "https://１２７.0.0.1/x", "https://127。0。0。1/x",
    "https://[::1]/x", "https://[::]/x", "https://[::127.0.0.1]/x", "https://[::ffff:127.0.0.1]/x", "https://[::ffff:7f00:1]/x",
    "https://[0:0:0:0:0:ffff:a9fe:a9fe]/x", "https://[2002:7f00:1::]/x", "https://[2002:a9fe:a9fe::]/x",
    "https://[64:ff9b::7f00:1]/x", "https://[64:ff9b::a9fe:a9fe]/x", "https://[64:ff9b:1::a00:1]/x", "https://[2001:0:7f00:1::]/x",
    "https://[fe80::1]/x", "https://[fe80::1%25lo]/x", "https://[fd00:ec2::254]/x", "https://[fec0::1]/x", "https://[ff02::1]/x",
    "https://169.254.169.254/latest/meta-data/", "https://2852039166/x", "https://0xa9fea9fe/x", "https://0251.0376.0251.0376/x",
    "https://10.0.0.1/x", "https://172.16.0.1/x", "https://192.168.1.1/x", "https://100.64.0.1/x", "https://100.100.100.200/x",
    "https://192.0.0.192/x", "https://198.18.0.1/x", "https://224.0.0.1/x", "https://240.0.0.1/x", "https://255.255.255.255/x",
    "https://[::1", "https://::1]/x", "https://[nonsense]/x", "https:///x", "https://user:secret@93.184.216.34/x",
    "https://93.184.216.34@127.0.0.1/x", "https://127.0.0.1#@93.184.216.34/x", "https://127.0.0.1\\@93.184.216.34/x",
    "http://93.184.216.34/x", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "https://93.184.216.34:99999/x",
]  # fmt: skip


@attack(
    "addresses-inside",
    f"{len(SPELLINGS) + 1} spellings of loopback, link-local, metadata and private addresses, and malformed ones, "
    "as receivers",
    "the form refuses each; no endpoint is made and nothing is connected to",
)
def addresses_inside(site: Site, tally: Tally) -> None:
    admin = site.browser("admin", "127.0.2.7")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.1)
        own = f"https://127.0.0.1:{listener.getsockname()[1]}/x"
        for url in [*SPELLINGS, own]:
            answer = admin.post("/webhooks/new/", {"url": url, "description": "x", "event_types": ["customer.created"]})
            tally.count(answer.status or "closed")
            tally.check(answer.status == 200, f"{url}: {answer.status}")
            if made := site.one("SELECT count(*) FROM core_webhookendpoint"):
                tally.check(False, f"{url} was taken")
                site.shell(
                    f"from core.models import WebhookEndpoint\nanswer = {made}\nWebhookEndpoint.objects.all().delete()"
                )
        try:
            listener.accept()
            tally.check(False, "the shop connected to an address inside")
        except TimeoutError:
            pass
