"""The main flow from end to end with real processes: from orders to members, points, segments and care messages.

The orders are a slice of a real shop's file if it is available (moved in time so that it ends yesterday), otherwise
from the simulator. Half of the customers come through the API, half by CSV.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from crm.simulation.rules.process import Truth, simulate
from liuke import IdempotencyKeyReused, Liuke
from tests.clients.readme import run_readme
from tests.e2e.shop import ROOT, Shop, wait_until

pytestmark = pytest.mark.processes
FILE = Path(os.environ.get("ONLINE_RETAIL", ROOT.parent / "shared" / "data" / "online_retail.csv.gz"))
CUSTOMERS = 40
QUIET_DAYS = 60
TIERS = ((500_100, "platinum"), (200_100, "gold"), (50_100, "silver"), (100, "bronze"))


@dataclass
class Person:
    key: str
    name: str
    language: str
    consented: bool
    orders: dict[str, list[tuple[str, int, Decimal]]] = field(default_factory=lambda: defaultdict(list))
    dates: dict[str, datetime] = field(default_factory=dict)
    number: str = ""

    @property
    def email(self) -> str:
        return f"shopper{self.key}@example.com"

    def totals(self) -> dict[str, int]:
        return {
            number: sum(int((quantity * price * 100).quantize(Decimal(1))) for _sku, quantity, price in lines)
            for number, lines in self.orders.items()
        }

    def spent_in_a_year(self) -> int:
        since = datetime.now(UTC) - timedelta(days=365)
        return sum(total for number, total in self.totals().items() if self.dates[number] > since)

    def last(self) -> datetime:
        return max(self.dates.values())


def real_slice() -> dict[str, Person]:
    rows: dict[str, Person] = {}
    with gzip.open(FILE, "rt", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if not row["CustomerID"] or row["InvoiceNo"].startswith("C"):
                continue
            quantity, price = int(float(row["Quantity"])), Decimal(row["UnitPrice"]).quantize(Decimal("0.01"))
            if quantity <= 0 or price < Decimal("0.01") or not row["StockCode"][:5].isdigit():
                continue
            key = row["CustomerID"].removesuffix(".0")
            if key not in rows and len(rows) == CUSTOMERS:
                continue
            person = rows.setdefault(key, Person(key, "", "", True))
            if len(person.orders[row["InvoiceNo"]]) < 5:
                person.orders[row["InvoiceNo"]].append((row["StockCode"], quantity, price))
                person.dates[row["InvoiceNo"]] = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC)
    return rows


def simulated_slice() -> dict[str, Person]:
    history = simulate(CUSTOMERS, 370, Truth(), np.random.default_rng(7))
    rows = {str(index): Person(str(index), "", "", True) for index in range(CUSTOMERS)}
    start = datetime(2020, 1, 1, tzinfo=UTC)
    for position, (owner, at, amount) in enumerate(
        zip(history.order_customer, history.order_time, history.order_amount, strict=True)
    ):
        person = rows[str(owner)]
        person.orders[f"S{position}"].append(("SKU-1", 1, Decimal(str(round(float(amount), 2)))))
        person.dates[f"S{position}"] = start + timedelta(seconds=int(at))
    # Some customers never buy, and this test finds all customers by their orders.
    return {key: person for key, person in rows.items() if person.orders}


@pytest.fixture(scope="module")
def people() -> list[Person]:
    rows = real_slice() if FILE.exists() else simulated_slice()
    latest = max(person.last() for person in rows.values())
    shift = timedelta(days=(datetime.now(UTC) - timedelta(days=1) - latest).days)
    result = list(rows.values())
    for index, person in enumerate(result):
        person.dates = {number: at + shift for number, at in person.dates.items()}
        person.language = "zh-hans" if index % 3 == 0 else "en"
        person.name = f"顾客{index}" if person.language == "zh-hans" else f"Shopper {index}"
        person.consented = index % 4 != 3
    return result


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shop")
    shop = Shop(directory)
    try:
        # Whole points at every tier, so that the test can compute the expected points of each member.
        shop.set_up(
            "--name", "E2E", "--currency", "GBP", "--time-zone", "Europe/London", "--country", "GB",
            code="from loyalty.models import Tier\nanswer = Tier.objects.update(multiplier=1)",
        )  # fmt: skip
        shop.api = Liuke(f"http://127.0.0.1:{shop.port}", shop.key, timeout=30)
        shop.start("web", "worker", "beat")
        wait_until("the site is ready", lambda: shop.call("GET", "/readyz")[1]["ready"])
        yield shop
    finally:
        shop.stop()


def through_the_api(shop: Shop, person: Person) -> None:
    customer = shop.api.customers.create(
        [
            {"kind": "storefront", "value": person.key},
            {"kind": "email", "value": person.email, "verified": True},
        ],
        {"name": person.name, "language": person.language},
    )
    assert customer["created"], customer
    person.number = customer["number"]
    if person.consented:
        shop.api.customers.record_consent(
            person.number, channel="email", purpose="marketing", decision="granted", source="checkout"
        )
    numbers = list(person.orders)
    for start in range(0, len(numbers), 100):
        orders = [
            {
                "number": number,
                "customer": {"identities": [{"kind": "storefront", "value": person.key}]},
                "placed_at": person.dates[number].isoformat(),
                "lines": [
                    {"sku": sku, "name": sku, "quantity": str(quantity), "unit_amount": int(price * 100)}
                    for sku, quantity, price in person.orders[number]
                ],
            }
            for number in numbers[start : start + 100]
        ]
        results = shop.api.orders.record_batch(orders)
        assert {row["outcome"] for row in results} == {"created"}, results


def by_csv(shop: Shop, people: list[Person], directory: Path) -> None:
    customers, consents, orders = (directory / f"{name}.csv" for name in ("customers", "consents", "orders"))
    with customers.open("w", newline="", encoding="utf-8-sig") as handle:
        rows = csv.writer(handle)
        rows.writerow(["storefront", "email", "name", "language"])
        rows.writerows([person.key, person.email, person.name, person.language] for person in people)
    with consents.open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["storefront", "channel", "purpose", "decision", "given_at", "source"])
        rows.writerows(
            [p.key, "email", "marketing", "granted", "2024-01-01T00:00:00Z", "checkout"] for p in people if p.consented
        )
    with orders.open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle, delimiter=";")
        rows.writerow(["number", "placed_at", "storefront", "sku", "quantity", "unit_price"])
        for person in people:
            for number, lines in person.orders.items():
                for sku, quantity, price in lines:
                    rows.writerow([number, person.dates[number].isoformat(), person.key, sku, quantity, price])
    for kind, path in (("customers", customers), ("consents", consents), ("orders", orders)):
        # The running workers process the orders into points and figures.
        how = ["--source", "storefront", "--strict", "--no-deliver", "--mode", "live"]
        shop.manage("import_csv", str(path), "--kind", kind, *how)
    for person in people:
        person.number = shop.get(f"/api/v1/customers?kind=storefront&value={person.key}")["number"]


def tier_for(spent: int) -> str | None:
    return next((code for threshold, code in TIERS if spent >= threshold), None)


def test_orders_become_members_segments_and_messages_and_refunds_take_points_back(shop, people, tmp_path):
    half = len(people) // 2
    for person in people[:half]:
        through_the_api(shop, person)
    by_csv(shop, people[half:], tmp_path)

    # Members have the tier of a year's spend and a point for every whole unit of each order.
    def everyone_has_their_points() -> bool:
        return all(
            shop.get(f"/api/v1/members/{person.number}/points")["available"]
            == sum(total // 100 for total in person.totals().values())
            for person in people
        )

    wait_until("points for every order", everyone_has_their_points, 90)
    for person in people:
        member = shop.get(f"/api/v1/members/{person.number}")
        assert member["qualifying"] == person.spent_in_a_year()
        assert (member["tier"] and member["tier"]["code"]) == tier_for(person.spent_in_a_year())
    facts = shop.shell("from core.base.facts import collect\nanswer = collect()")
    assert facts["customers"] == len(people)
    assert facts["orders"] == sum(len(person.orders) for person in people)
    assert facts["net_revenue"] == {"GBP": sum(sum(person.totals().values()) for person in people)}
    assert facts["ledger"]["reconciles"] is True

    # A segment that the workers fill.
    quiet_since = datetime.now(UTC) - timedelta(days=QUIET_DAYS)
    quiet = {person.number for person in people if person.last() < quiet_since}
    assert 2 < len(quiet) < len(people)
    segment = shop.shell(
        f"""
from analytics.segments.services.segments import create_segment
from analytics.segments.tasks import compute_segment
from core.base.actor import SYSTEM
rule = {{"op": "and", "children": [{{"condition": "last_order", "operator": "before", "days": {QUIET_DAYS}}}]}}
answer = create_segment(name="Quiet", rule=rule, actor=SYSTEM).pk
compute_segment.delay(answer)
"""
    )
    wait_until(
        "the segment is filled",
        lambda: {row["customer"] for row in shop.api.segments.members(segment, page_size=5)} == quiet,
        60,
    )

    # A win-back message; the worker is killed with SIGKILL between claim and delivery.
    shop.mailbox.stalled.set()
    shop.shell(
        f"""
from campaigns.models import CareTrigger
from campaigns.care.services.care import activate_care_rule, create_care_rule
from campaigns.templates.services.templates import Text, save_template
from campaigns.care.tasks import run_care_rules
from core.base.actor import SYSTEM
template = save_template(name="Win back", channel="email", actor=SYSTEM, texts=[
    Text("en", "<p>Dear {{{{ customer.name }}}}, we miss you.</p>", "We miss you, {{{{ customer.name }}}}"),
    Text("zh-hans", "<p>亲爱的{{{{ customer.name }}}}，好久不见。</p>", "{{{{ customer.name }}}}，好久不见"),
])
rule = create_care_rule(name="Win back", trigger=CareTrigger.NO_ORDER, days={QUIET_DAYS}, template=template,
                        actor=SYSTEM)
from campaigns.models import SendingPolicy
SendingPolicy.objects.update_or_create(pk=1, defaults={{"quiet_from": "00:00", "quiet_until": "00:00"}})
activate_care_rule(rule=rule, actor=SYSTEM)
run_care_rules.delay()
answer = rule.pk
"""
    )
    assert shop.mailbox.reached.wait(60), "the worker claims and connects to the mail server"
    shop.kill("worker")
    shop.mailbox.stalled.clear()
    shop.mailbox.resume.set()
    assert shop.mailbox.messages == []
    shop.start("worker")
    wanted = {person.email for person in people if person.number in quiet and person.consented}
    wait_until("everyone is written to", lambda: {m["X-Recipient"] for m in shop.mailbox.messages} >= wanted, 120)
    wait_until(
        "nothing is left to send",
        lambda: (
            not shop.shell(
                "from campaigns.models import Message\n"
                "answer = Message.objects.filter(state__in=['queued', 'held', 'sending']).count()"
            )
        ),
    )
    received = Counter(message["X-Recipient"] for message in shop.mailbox.messages)
    assert received == dict.fromkeys(wanted, 1), "each exactly once, and only with consent"
    by_email = {person.email: person for person in people}
    for message in shop.mailbox.messages:
        person = by_email[message["X-Recipient"]]
        words = "好久不见" if person.language == "zh-hans" else "we miss you"
        assert person.name in str(message["Subject"])
        text = message.get_body(("plain",)).get_content()
        assert person.name in text
        assert words in text
    refused = shop.shell(
        "from campaigns.models import Message\n"
        "answer = list(Message.objects.filter(state='suppressed').values_list('customer__number', 'reason'))"
    )
    assert sorted(map(tuple, refused)) == sorted(
        (person.number, "no_consent") for person in people if person.number in quiet and not person.consented
    )

    # A redemption, and a refund that takes points back.
    person = max(people, key=lambda one: sum(total // 100 for total in one.totals().values()))
    before = shop.get(f"/api/v1/members/{person.number}/points")["available"]
    first = shop.api.points.redeem(person.number, 50, key="e2e-1")
    assert shop.api.points.redeem(person.number, 50, key="e2e-1") == first
    with pytest.raises(IdempotencyKeyReused):
        shop.api.points.redeem(person.number, 51, key="e2e-1")
    assert shop.get(f"/api/v1/members/{person.number}/points")["available"] == before - 50
    order, total = max(person.totals().items(), key=lambda item: item[1])
    assert shop.api.orders.refund(order, "RF-1")["outcome"] == "created"
    wait_until(
        "the refund takes its points back",
        lambda: shop.get(f"/api/v1/members/{person.number}/points")["available"] == before - 50 - total // 100,
    )
    shop.manage("reconcile_points")


def test_the_readme_of_the_client_runs_as_it_is_printed(shop):
    # when it runs for a customer who does not exist yet, and again for the same one
    first, second = (run_readme(f"http://127.0.0.1:{shop.port}", shop.key) for _run in range(2))
    # then each run records one order of 259.00, which list and search find
    assert first[0] == "created 25900 GBP"
    assert first[-1] == "400"
    assert len(first[1:-1]) == 2
    assert second[0].startswith("created ")
    assert len(second[1:-1]) >= 3
    assert shop.api.customers.find("storefront", "u-1001")["name"] == "Ann"
