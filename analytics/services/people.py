"""Whom a computation is about: everyone, those whose facts changed, or one part of everyone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from core.shards import bounds_of

CHANGED_TABLE = "analytics_scope"
LINES_TABLE = "analytics_lines"
# As core.shards.SHARDED_ABOVE, of customers who changed: each costs more than one of everyone.
CHANGES_SHARDED_ABOVE = 10_000


@dataclass(frozen=True)
class People:
    """`test` is what SQL says behind a customer's id, without parameters. `few`: their rows are looked up one by one."""

    test: str
    few: bool = False

    @property
    def effect(self) -> str:
        """SQL for how far an event about one of them (`given.subject_id`) may go; empty where nothing limits it."""
        if not self.few:
            return ""
        return f"coalesce((SELECT effect FROM {CHANGED_TABLE} WHERE customer_id = given.subject_id), 3)"

    @property
    def active(self) -> str:
        """Those of them who are customers."""
        if self.few:
            return f"SELECT customer_id FROM {CHANGED_TABLE} WHERE active"
        return f"SELECT id AS customer_id FROM crm_customer WHERE state = 'active' AND id {self.test}"

    @property
    def gone(self) -> str:
        """Those of them who are customers no longer."""
        if self.few:
            return f"SELECT customer_id FROM {CHANGED_TABLE} WHERE NOT active"
        return f"SELECT id AS customer_id FROM crm_customer WHERE state <> 'active' AND id {self.test}"

    @property
    def held(self) -> str:
        """customer_id and `inside`: in which segments of a parameter they are, by ascending number."""
        return f"""SELECT customer_id, ARRAY(SELECT one FROM unnest(inside) AS one WHERE one = ANY(%s::bigint[])) AS inside
                   FROM {self.rows("analytics_customersegments", "customer_id, inside")} AS own"""

    @property
    def lines(self) -> str:
        """Their order lines. Of a few they are kept beside too, because several ask for them."""
        return LINES_TABLE if self.few else self.rows("crm_orderline", "*")

    def rows(self, table: str, columns: str, where: str = "true") -> str:
        """What a table says of them, to stand behind FROM: of a few customer by customer. The planner can't know that a
        product's lines are many times theirs, and would read half a table of consents."""
        if not self.few:
            return f"(SELECT {columns} FROM {table} WHERE {where} AND customer_id {self.test})"
        return f"""(SELECT own.* FROM {CHANGED_TABLE} AS changed CROSS JOIN LATERAL (
                        SELECT {columns} FROM {table} WHERE {where} AND customer_id = changed.customer_id OFFSET 0) AS own)"""

    def asked(self, text: str) -> str:
        """A condition's SQL with its places for these people filled in."""
        return text.replace("{scope}", self.test).replace("{lines}", self.lines)


EVERYONE = People("IS NOT NULL")
CHANGED = People(f"IN (SELECT customer_id FROM {CHANGED_TABLE})", few=True)


class Share(NamedTuple):
    """One of so many about equal parts of those who changed."""

    place: int
    of: int


def shares() -> list[Share]:
    """Those who changed, in as many parts as COMPUTE_SHARDS says; in one where they are few, or the shop is small."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM analytics_changedcustomer LIMIT %s) AS found",
            [CHANGES_SHARDED_ABOVE + 1],
        )
        many = cursor.fetchone()[0] > CHANGES_SHARDED_ABOVE and len(shards()) > 1
    count = settings.COMPUTE_SHARDS if many else 1
    return [Share(place, count) for place in range(count)]


def shards() -> list[People]:
    """Everyone, in as many parts of about the same size as COMPUTE_SHARDS says; in one where customers are few."""
    bounds = bounds_of("crm_customer")
    if not bounds:
        return [EVERYONE]
    between = [People(f"BETWEEN {low + 1} AND {high}") for low, high in pairwise(bounds)]
    return [People(f"<= {bounds[0]}"), *between, People(f"> {bounds[-1]}")]
