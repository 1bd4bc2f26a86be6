"""Scope of a computation: all customers, those whose facts changed, or one part of all customers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from django.conf import settings
from django.db import connection

from core.db.shards import bounds_of

CHANGED_TABLE = "analytics_scope"
LINES_TABLE = "analytics_lines"
# As core.db.shards.SHARDED_ABOVE, but for changed customers: each costs more than a customer of a full run.
CHANGES_SHARDED_ABOVE = 10_000


@dataclass(frozen=True)
class People:
    """A set of customers.

    `test` is SQL after a customer's id, without parameters. `few`: rows are looked up one by one.
    """

    test: str
    few: bool = False

    @property
    def effect(self) -> str:
        """Return SQL for the furthest effect of an event (`given.subject_id`); empty when there is no limit."""
        if not self.few:
            return ""
        return f"coalesce((SELECT effect FROM {CHANGED_TABLE} WHERE customer_id = given.subject_id), 3)"  # noqa: S608 - table names and fragments of the code

    @property
    def active(self) -> str:
        """Return SQL that selects the active customers of the set."""
        if self.few:
            return f"SELECT customer_id FROM {CHANGED_TABLE} WHERE active"  # noqa: S608 - table names and fragments of the code
        return f"SELECT id AS customer_id FROM crm_customer WHERE state = 'active' AND id {self.test}"  # noqa: S608 - table names and fragments of the code

    @property
    def gone(self) -> str:
        """Return SQL that selects the customers of the set that are no longer active."""
        if self.few:
            return f"SELECT customer_id FROM {CHANGED_TABLE} WHERE NOT active"  # noqa: S608 - table names and fragments of the code
        return f"SELECT id AS customer_id FROM crm_customer WHERE state <> 'active' AND id {self.test}"  # noqa: S608 - table names and fragments of the code

    @property
    def held(self) -> str:
        """Return SQL of customer_id and `inside`: their segments among those of a parameter, by ascending id."""
        return f"""SELECT customer_id,
                          ARRAY(SELECT one FROM unnest(inside) AS one WHERE one = ANY(%s::bigint[])) AS inside
                   FROM {self.rows("analytics_customersegments", "customer_id, inside")} AS own"""  # noqa: S608 - table names and fragments of the code

    @property
    def lines(self) -> str:
        """Return SQL of their order lines.

        For a few customers these are stored in a table, because several queries need them.
        """
        return LINES_TABLE if self.few else self.rows("crm_orderline", "*")

    def rows(self, table: str, columns: str, where: str = "true") -> str:
        """Return SQL for their rows of a table, to use after FROM. For a few customers it reads customer by customer.

        Without that the planner, which can't know how few the rows are, would read half a table.
        """
        if not self.few:
            return f"(SELECT {columns} FROM {table} WHERE {where} AND customer_id {self.test})"  # noqa: S608 - table names and fragments of the code
        return f"""(SELECT own.* FROM {CHANGED_TABLE} AS changed CROSS JOIN LATERAL (
                        SELECT {columns} FROM {table}
                        WHERE {where} AND customer_id = changed.customer_id OFFSET 0) AS own)"""  # noqa: S608 - table names and fragments of the code

    def asked(self, text: str) -> str:
        """Return a condition's SQL with its placeholders filled in for these people."""
        return text.replace("{scope}", self.test).replace("{lines}", self.lines)


EVERYONE = People("IS NOT NULL")
CHANGED = People(f"IN (SELECT customer_id FROM {CHANGED_TABLE})", few=True)  # noqa: S608 - table names and fragments of the code


class Share(NamedTuple):
    """One of several parts of the changed customers, of about equal size."""

    place: int
    of: int


def shares() -> list[Share]:
    """Return the changed customers in COMPUTE_SHARDS parts; in one part when they are few or the shop is small."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM analytics_changedcustomer LIMIT %s) AS found",
            [CHANGES_SHARDED_ABOVE + 1],
        )
        many = cursor.fetchone()[0] > CHANGES_SHARDED_ABOVE and len(shards()) > 1
    count = settings.COMPUTE_SHARDS if many else 1
    return [Share(place, count) for place in range(count)]


def shards() -> list[People]:
    """Return all customers in as many parts of about equal size as COMPUTE_SHARDS; in one part when they are few."""
    bounds = bounds_of("crm_customer")
    if not bounds:
        return [EVERYONE]
    between = [People(f"BETWEEN {low + 1} AND {high}") for low, high in pairwise(bounds)]
    return [People(f"<= {bounds[0]}"), *between, People(f"> {bounds[-1]}")]
