"""The number of database queries of each page and each API read, in one reviewed file.

The shop has 3 rows of everything, then 6: a page that asks once per row gives two different numbers and fails.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from core.security.roles import Role
from tests.baselines import how_to_update, updating
from tests.populated import PopulatedShop
from tests.test_roles import API, PAGES, table

pytestmark = pytest.mark.django_db

REVIEWED = Path(__file__).with_name("query_counts.txt")
ROWS = 3
# The object of a route's placeholder, by the route's beginning; the longest beginning counts.
OBJECTS = {
    "/notices/": "notice", "/webhooks/": "webhook", "/webhooks/deliveries/": "delivery", "/orders/": "order",
    "/imports/": "import", "/earning/": "earning", "/loyalty/tiers/": "tier", "/loyalty/benefits/": "benefit",
    "/rewards/": "reward", "/tasks/": "task", "/badges/": "badge", "/redemptions/": "redemption",
    "/segments/": "segment", "/care/": "care", "/broadcasts/": "broadcast", "/messages/": "message",
    "/experiments/": "experiment", "/templates/": "template", "/journeys/": "journey", "/journeys/runs/": "run",
    "/products/": "product", "/customers/duplicates/": "duplicate", "/settings/fields/": "field",
    "/settings/tags/": "tag", "/settings/team/": "user", "/settings/reward-categories/": "category",
    "/settings/program/dry-run/": "dry_run", "/settings/scoring/preview/": "preview",
    "/coupons/": "coupon", "/coupons/for-segment/": "segment", "/calendar/": "day",
    "/calendar/broadcasts/": "broadcast", "/channels/": "channel",
}  # fmt: skip
# These change something at a GET, stream a file, or answer by a token that only a message carries.
NOT_LISTED = {"/metrics", "/readyz", "/components/", "/api/schema/", "/o/<str:token>.gif", "/m/<str:token>.png"}


@pytest.fixture
def populated(program, staff, make_customer, make_order, tmp_path) -> PopulatedShop:
    return PopulatedShop(program, staff(Role.ADMINISTRATOR), staff(Role.LEAD), make_customer, make_order, tmp_path)


def path_of(route: str, shop: PopulatedShop) -> str:
    """Return the route's path for an object of the shop; a placeholder that nothing fits stays."""
    assert shop.first is not None
    if "<" not in route:
        return route
    whole = "/api/v1/" + route if not route.startswith("/") else route
    bare = "/" + whole.removeprefix("/api/v1/").lstrip("/")
    numbers = {"/tickets/": shop.values["ticket"].number, "/orders/": "A01"}
    number = next((text for start, text in numbers.items() if bare.startswith(start)), shop.first.number)
    path = re.sub(r"<(?:str|ref):number>", number, whole)
    start = max((name for name in OBJECTS if bare.startswith(name)), key=len, default="")
    if chosen := shop.values.get(OBJECTS.get(start, "")):
        path = re.sub(r"<(?:int|id|uuid):\w+>", str(chosen.pk if hasattr(chosen, "pk") else chosen), path, count=1)
    return path


def count(client: Client, path: str) -> int | None:
    """Return the queries of a page when its caches are filled, or None unless the answer is a page.

    Some caches end after seconds, so the least of three visits counts.
    """
    if client.get(path).status_code != 200:
        return None
    return min(_queries(client, path) for _visit in range(3))


def _queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path)
        if response.streaming:
            b"".join(response.streaming_content)
    return sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in queries.captured_queries)


def measure(shop: PopulatedShop, client: Client, api: APIClient) -> dict[str, int]:
    pages = [(row[0], client, row[0]) for row in table(PAGES) if row[0].startswith("/") and row[0] not in NOT_LISTED]
    reads = [(f"/api/v1/{row[0]}", api, row[0]) for row in table(API) if row[1] == "GET"]
    counts = {name: count(by, path_of(route, shop)) for name, by, route in pages + reads}
    return {name: number for name, number in counts.items() if number is not None}


def test_pages_and_reads_need_the_reviewed_number_of_queries(populated, client, api, settle):
    # given a shop with three rows of everything
    client.force_login(populated.user)
    populated.add(ROWS)
    settle()
    populated.redeem()
    few = measure(populated, client, api)
    # when each list has twice the rows
    populated.add(ROWS)
    settle()
    populated.redeem()
    many = measure(populated, client, api)
    # then no page asks once per row
    assert {name: (number, many.get(name)) for name, number in few.items() if many.get(name) != number} == {}
    # and the numbers are the reviewed ones
    text = "".join(f"{number:>4}  {name}\n" for name, number in sorted(few.items()))
    if updating():
        REVIEWED.write_text(text)
    assert REVIEWED.read_text() == text, how_to_update(REVIEWED, "tests/test_query_counts.py")
