"""Every page of the console in a large shop (BENCH_CONSOLE_CUSTOMERS, default 200,000), opened as each role.

The shop is made once (`console_shop`), and the figures that a running shop keeps are kept. Each page is opened
BENCH_CONSOLE_VISITS (12) times as each role that may open it, through the whole stack by Django's test client: lists
page after page, the pages of one object for random objects. `first_ms` is the first visit, with an empty cache beside
the kept figures. The floor beside each page is the search page without words, which is the same stack and the same
frame without content; both are opened in turns. `cpu_ms` is the time of the interpreter, `sql_ms` that of the database.

BENCH_CONSOLE_PAGES names parts of addresses, to measure only some pages; BENCH_CONSOLE_SQL=1 prints the slowest
statement of each page.
"""

from __future__ import annotations

import os
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from bench import console_shop
from bench.common import report, sql

CUSTOMERS = int(os.environ.get("BENCH_CONSOLE_CUSTOMERS", "200000"))
AUDIENCE = min(100_000, CUSTOMERS // 8)
TICKETS = min(50_000, CUSTOMERS // 20)
VISITS = int(os.environ.get("BENCH_CONSOLE_VISITS", "12"))
ONLY = [text for text in os.environ.get("BENCH_CONSOLE_PAGES", "").split(",") if text]
WITH_SQL = os.environ.get("BENCH_CONSOLE_SQL") == "1"
FLOOR = "/search/"
SCHEDULE_SECONDS = 300
AIMS = {"homes": 300, "lists": 300, "objects": 300, "results": 300, "customer_page": 60, "search": 100}
# The next page of a list is the last link with a cursor.
CURSOR = re.compile(r"cursor=([A-Za-z0-9_-]{8,})")

Address = Callable[[], str]


@dataclass(frozen=True)
class Page:
    """A page with an address for each visit. `walk`: each visit opens the page after the last one."""

    group: str
    name: str
    address: Address
    walk: bool = False


@dataclass
class Visits:
    """The visits of one page by one role, in milliseconds."""

    first: float = 0.0
    totals: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    queries: int = 0
    slowest: tuple[float, str] = (0.0, "")

    def row(self) -> dict[str, Any]:
        return {
            "p50_ms": round(statistics.median(self.totals), 1),
            "p95_ms": round(p95(self.totals), 1),
            "max_ms": round(max(self.totals), 1),
            "first_ms": round(self.first, 1),
            "floor_ms": round(statistics.median(self.floors), 1),
            "cpu_ms": round(statistics.median(self.cpu), 1),
            "sql_ms": round(statistics.median(self.database), 1),
            "queries": self.queries,
        }


def joined(all_visits: list[Visits]) -> Visits:
    """Return the visits of all roles as one."""
    result = Visits()
    for visits in all_visits:
        result.totals += visits.totals
        result.floors += visits.floors
        result.cpu += visits.cpu
        result.database += visits.database
        result.first = max(result.first, visits.first)
        result.queries = max(result.queries, visits.queries)
    return result


class Meter:
    """Count the statements of one request and their time."""

    def __init__(self) -> None:
        self.seconds, self.queries, self.slowest = 0.0, 0, (0.0, "")

    def __call__(self, execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(statement, params, many, context)
        finally:
            seconds = time.perf_counter() - started
            self.seconds += seconds
            self.queries += 1
            self.slowest = max(self.slowest, (seconds, statement))


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[18] if len(times) > 1 else times[0]


def _draws(query: str, params: list | None = None) -> Callable[[], Any]:
    """Return a callable that draws one of the values of this query."""
    values = [row[0] for row in sql(query, params)]
    if not values:
        raise RuntimeError(f"the shop has no rows for: {query}")
    return lambda: random.choice(values)


def _some(table: str, column: str, count: int = 400) -> Callable[[], Any]:
    """Return a callable that draws from rows that lie all over a table."""
    ((rows,),) = sql("SELECT greatest(reltuples, 1)::bigint FROM pg_class WHERE relname = %s", [table])
    share = min(100.0, 100 * 3 * count / rows)
    return _draws(
        f"SELECT {column} FROM (SELECT {column} FROM {table} TABLESAMPLE BERNOULLI ({share}) LIMIT 5000) s "
        f"ORDER BY random() LIMIT {count}"
    )


def pages() -> Iterator[Page]:
    yield from _homes()
    yield from _lists()
    yield from _objects()
    yield from _results()
    yield from _customers()


def _homes() -> Iterator[Page]:
    yield Page("homes", "/", lambda: "/")
    for name in ("administrator", "analyst", "marketer", "service"):
        yield Page("homes", f"/?home={name}", lambda name=name: f"/?home={name}")


# Each list with the query strings that a member of staff chooses.
LISTS: dict[str, tuple[dict[str, str], ...]] = {
    "/customers/": (
        {},
        {"sort": "known"},
        {"stage": "at_risk"},
        {"stage": "lost"},
        {"bought": "no"},
        {"bought": "yes"},
        {"since": "30"},
    ),
    "/customers/duplicates/": ({},),
    "/orders/": ({}, {"sort": "placed"}, {"days": "7"}, {"days": "90"}),
    "/products/": ({},),
    "/loyalty/": ({},),
    "/loyalty/members/": ({}, {"tier": "none"}, {"tier": "suspended"}),
    "/loyalty/tiers/": ({},),
    "/loyalty/approvals/": ({},),
    "/redemptions/": ({}, {"state": "fulfilled"}, {"state": "shipped"}, {"state": "failed"}, {"state": "all"}),
    "/rewards/": ({},),
    "/tasks/": ({},),
    "/badges/": ({},),
    "/leaderboard/": ({},),
    "/earning/": ({},),
    "/tickets/": (
        {}, {"view": "mine"}, {"view": "unassigned"}, {"view": "answer"}, {"view": "open"}, {"view": "waiting"},
        {"view": "resolved"},
    ),
    "/messages/": (
        {}, {"days": "all"}, {"days": "7"}, {"state": "sent"}, {"state": "suppressed"}, {"state": "failed"},
        {"state": "trouble"}, {"reason": "frequency"}, {"reaction": "opened"}, {"reaction": "clicked"},
        {"reaction": "ordered"}, {"reaction": "unsubscribed"}, {"channel": "email"},
    ),
    "/suppressions/": ({}, {"state": "lifted"}),
    "/deliverability/": ({},),
    "/segments/": ({},),
    "/broadcasts/": ({},),
    "/journeys/": ({},),
    "/coupons/": ({},),
    "/experiments/": ({},),
    "/templates/": ({},),
    "/care/": ({},),
    "/calendar/": ({},),
    "/channels/": ({},),
    "/imports/": ({},),
    "/notices/": ({},),
    "/jobs/": ({},),
    "/audit/": ({},),
    "/webhooks/": ({},),
    "/keys/": ({},),
    "/sending/": ({},),
    "/settings/": ({},),
    "/settings/fields/": ({},),
    "/settings/tags/": ({},),
    "/settings/team/": ({},),
    "/settings/scoring/": ({},),
    "/settings/program/": ({},),
}  # fmt: skip


def _with(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _lists() -> Iterator[Page]:
    for path, queries in LISTS.items():
        for query in queries:
            address = _with(path, query)
            yield Page("lists", address, lambda address=address: address, walk=True)
    for path, name, table in (
        ("/customers/", "tag", "crm_tag"),
        ("/customers/", "segment", "analytics_segment"),
    ):
        key = _some(table, "id")
        yield Page("lists", f"{path}?{name}=<id>", lambda p=path, n=name, k=key: _with(p, {n: k()}))
    tier = _some("loyalty_tier", "code")
    yield Page("lists", "/customers/?tier=<code>", lambda: _with("/customers/", {"tier": tier()}))
    yield Page("lists", "/loyalty/members/?tier=<code>", lambda: _with("/loyalty/members/", {"tier": tier()}))
    origin = _draws("SELECT 'broadcast:' || id FROM campaigns_broadcast")
    for reaction in ("", "opened", "ordered", "bounced"):
        query = {"reaction": reaction} if reaction else {}
        name = _with("/messages/?campaign=<origin>", {}) + "".join(f"&{k}={v}" for k, v in query.items())
        yield Page("lists", name, lambda q=query: _with("/messages/", {"campaign": origin(), **q}))
    journey = _some("campaigns_journey", "id")
    yield Page("lists", "/journeys/<id>/customers/", lambda: f"/journeys/{journey()}/customers/")
    order = _some("crm_order", "number")
    yield Page("lists", "/orders/?q=<tail>", lambda: _with("/orders/", {"q": order()[-6:]}))
    number = _some("crm_customer", "number")
    yield Page("lists", "/messages/?customer=<number>", lambda: _with("/messages/", {"customer": number()}))
    yield Page("lists", "/customers/<number>/orders/", lambda: f"/customers/{number()}/orders/")
    yield Page("lists", "/customers/<number>/tickets/", lambda: f"/customers/{number()}/tickets/")


OBJECTS = {
    "/broadcasts/<id>/": ("campaigns_broadcast", "id"),
    "/broadcasts/<id>/preview/": ("campaigns_broadcast", "id"),
    "/journeys/<id>/": ("campaigns_journey", "id"),
    "/journeys/runs/<id>/": ("campaigns_journeyrun", "id"),
    "/coupons/<id>/": ("campaigns_coupon", "id"),
    "/coupons/for-segment/<id>/": ("analytics_segment", "id"),
    "/templates/<id>/": ("campaigns_template", "id"),
    "/messages/<id>/": ("campaigns_message", "id"),
    "/segments/<id>/": ("analytics_segment", "id"),
    "/segments/<id>/profile/": ("analytics_segment", "id"),
    "/segments/<id>/reach/": ("analytics_segment", "id"),
    "/orders/<id>/": ("crm_order", "id"),
    "/tickets/<id>/": ("crm_ticket", "number"),
    "/rewards/<id>/": ("loyalty_reward", "id"),
    "/redemptions/<id>/": ("loyalty_rewardredemption", "id"),
    "/tasks/<id>/": ("loyalty_task", "id"),
    "/loyalty/tiers/<id>/": ("loyalty_tier", "id"),
    "/earning/<id>/": ("loyalty_earningrule", "id"),
    "/settings/tags/<id>/": ("crm_tag", "id"),
    "/customers/<id>/why/": ("crm_customer", "number"),
}


def _objects() -> Iterator[Page]:
    for path, (table, column) in OBJECTS.items():
        key = _some(table, column)
        yield Page("objects", path, lambda path=path, key=key: path.replace("<id>", str(key())))


def _results() -> Iterator[Page]:
    for path, table in (
        ("/broadcasts/<id>/results/", "campaigns_broadcast"),
        ("/journeys/<id>/results/", "campaigns_journey"),
        ("/journeys/<id>/message-results/", "campaigns_journey"),
        ("/coupons/<id>/results/", "campaigns_coupon"),
        ("/experiments/<id>/", "campaigns_experiment"),
    ):
        key = _some(table, "id")
        yield Page("results", path, lambda path=path, key=key: path.replace("<id>", str(key())))
    origins = [
        *(row[0] for row in sql("SELECT 'broadcast:' || id FROM campaigns_broadcast ORDER BY id LIMIT 3")),
        *(row[0] for row in sql("SELECT 'journey:' || id FROM campaigns_journey ORDER BY id LIMIT 2")),
    ]
    compared = "/campaigns/compare/?" + urlencode([("of", origin) for origin in origins])
    yield Page("results", "/campaigns/compare/?of=<5>", lambda: compared)


def _customers() -> Iterator[Page]:
    number = _some("crm_customer", "number")
    yield Page("customer_page", "/customers/<number>/", lambda: f"/customers/{number()}/")
    for label, word in _words().items():
        for path in ("/palette/", "/customers/"):
            yield Page("search", f"{path}?q=<{label}>", lambda p=path, w=word: _with(p, {"q": w()}))


def _words() -> dict[str, Callable[[], str]]:
    """Return the kinds of words by which customers are looked for."""
    names = _some("crm_customer", "name", 1000)
    forms = _some("crm_customer", "search_name", 1000)
    orders = _some("crm_order", "number")

    def chinese() -> str:
        return next(name for _ in range(1000) if not (name := names()).isascii() and " " not in name)

    def spoken(place: int) -> str:
        """Return the pinyin in full, of one syllable, or as initials."""
        return next(word for _ in range(1000) if len(form := forms().split(" ")) > 2 and len(word := form[place]) > 1)

    return {
        "name": lambda: chinese()[:2],
        "one character": lambda: chinese()[:1],
        "pinyin": lambda: spoken(1),
        "syllable": lambda: spoken(2),
        "initials": lambda: spoken(-2),
        "Latin": lambda: random.choice(["jose", "Nuñez", "francois lef", "lukasz", "Müller", "sorén k"]),
        "part of a Latin name": lambda: random.choice(["ann", "smi", "wil", "son"]),
        "one letter": lambda: random.choice("abjmsz"),
        "order tail": lambda: str(orders())[-6:],
        "order number": lambda: str(orders()),
        "phone tail": lambda: f"{random.randint(0, 9999):04d}",
        "no match": lambda: random.choice(["qwxyz", "zzyzx", "客户不存在"]),
    }


class Visitor:
    """One member of staff with a session."""

    def __init__(self, user: Any) -> None:
        from django.test import Client

        self.client = Client()
        self.client.force_login(user)

    def open(self, address: str) -> tuple[int, str, float, float, Meter]:
        from django.db import connection

        meter = Meter()
        started, cpu = time.perf_counter(), time.process_time()
        with connection.execute_wrapper(meter):
            response = self.client.get(address)
            content = b"" if response.streaming else response.content
        total, used = (time.perf_counter() - started) * 1000, (time.process_time() - cpu) * 1000
        return response.status_code, content.decode(errors="replace"), total, used, meter


def visit(page: Page, visitor: Visitor) -> Visits | None:
    """Open a page again and again, in turns with the floor; return None if the role may not open it."""
    visits = Visits()
    base = address = page.address()
    for turn in range(VISITS + 1):
        status, content, total, cpu, meter = visitor.open(address)
        if status in {403, 404} and turn == 0:
            return None
        if status not in {200, 302}:
            raise RuntimeError(f"{address}: {status}")
        if turn == 0:
            visits.first = total
        else:
            visits.totals.append(total)
            visits.cpu.append(cpu)
            visits.database.append(meter.seconds * 1000)
            visits.floors.append(visitor.open(FLOOR)[2])
            visits.queries = max(visits.queries, meter.queries)
        visits.slowest = max(visits.slowest, meter.slowest)
        cursors = CURSOR.findall(content) if page.walk else []
        if cursors:
            address = f"{base}{'&' if '?' in base else '?'}cursor={cursors[-1]}"
        else:
            base = address = page.address()
    return visits


def run() -> None:
    from django.conf import settings
    from django.core.cache import cache

    settings.ALLOWED_HOSTS = ["*"]
    random.seed(1)
    console_shop.make(CUSTOMERS, AUDIENCE, TICKETS)
    cache.clear()
    console_shop.take_snapshots()
    console_shop.keep_figures()
    kept_at = time.monotonic()
    visitors = {role: Visitor(user) for role, user in console_shop.users().items()}
    for visitor in visitors.values():
        for address in (FLOOR, "/", FLOOR):
            visitor.open(address)
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for page in pages():
        if ONLY and not any(text in page.name for text in ONLY):
            continue
        if time.monotonic() - kept_at > SCHEDULE_SECONDS:
            console_shop.keep_figures()
            kept_at = time.monotonic()
        rows: dict[str, Visits] = {}
        for role, visitor in visitors.items():
            visits = visit(page, visitor)
            if visits is not None:
                rows[role] = visits
        if not rows:
            continue
        role = max(rows, key=lambda name: statistics.median(rows[name].totals))
        row = {"role": role, "roles": len(rows), **joined(list(rows.values())).row()}
        groups.setdefault(page.group, {})[page.name] = row
        _show(page, row)
        if WITH_SQL:
            seconds, statement = max(visits.slowest for visits in rows.values())
            print(f"      {seconds * 1000:.0f} ms: {' '.join(statement.split())[:1500]}", flush=True)
    for group, measured in groups.items():
        if ONLY:
            break
        worst = max(measured.values(), key=lambda row: row["p95_ms"])
        report(
            f"console_{group}",
            worst["p95_ms"],
            "ms p95",
            worst["floor_ms"],
            extra={
                "customers": CUSTOMERS,
                "aim_ms": AIMS[group],
                "above_aim": sum(row["p95_ms"] > AIMS[group] for row in measured.values()),
                "p50_ms": round(statistics.median(row["p50_ms"] for row in measured.values()), 1),
                "pages": measured,
            },
        )


def _show(page: Page, row: dict[str, Any]) -> None:
    mark = "!" if row["p95_ms"] > AIMS[page.group] else "." if row["first_ms"] > AIMS[page.group] else " "
    print(
        f"{mark} {page.name:<44.44} p50 {row['p50_ms']:>7.1f}  p95 {row['p95_ms']:>7.1f}  max {row['max_ms']:>7.1f}"
        f"  first {row['first_ms']:>7.1f}  floor {row['floor_ms']:>5.1f}  ratio {row['p95_ms'] / row['floor_ms']:>5.1f}"
        f"  cpu {row['cpu_ms']:>6.1f}  sql {row['sql_ms']:>7.1f}  queries {row['queries']:>3}  {row['role']}",
        flush=True,
    )
