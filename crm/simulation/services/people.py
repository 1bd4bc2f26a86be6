"""Rows of simulated customers, and their writing with COPY."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from django.db import connection

from core.security import crypto
from crm.customers.rules.identities import phone_tail
from crm.customers.rules.names import search_form
from crm.simulation.rules import names as words

PEOPLE = (
    "id number name state birthday birthday_index birth_year gender language time_zone country region attributes "
    "source created_at updated_at search_name"
)
IDENTITIES = "customer_id kind value value_index tail_index verified_at created_at"
CONSENTS = "customer_id channel purpose decision source evidence given_at recorded_at actor"


@dataclass
class PeopleRows:
    """Hold the rows of customers, in the order of the columns above."""

    people: list[tuple] = field(default_factory=list)
    identities: list[tuple] = field(default_factory=list)
    consents: list[tuple] = field(default_factory=list)

    def write(self) -> None:
        """Write all rows with COPY."""
        copy_rows("crm_customer", PEOPLE, self.people)
        copy_rows("crm_identity", IDENTITIES, self.identities)
        copy_rows("crm_consent", CONSENTS, self.consents)


def customer_numbers(count: int) -> list[str]:
    """Return the next customer numbers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT crm_next_customer_number() FROM generate_series(1, %s)", [count])
        return [row[0] for row in cursor.fetchall()]


def people_rows(
    *,
    ids: list[int],
    numbers: list[str],
    since: Callable[[int], datetime],
    first: int,
    end: datetime,
    random: np.random.Generator,
) -> PeopleRows:
    """Draw the customers `ids`, who signed up at `since(index)`; the first one has the number `first` in the shop."""
    rows, size = PeopleRows(), len(ids)
    chinese = random.random(size) < 0.7
    pick = random.integers(0, 1 << 30, (size, 6))
    chance = random.random((size, 8))
    sources = ("web", "app", "mini_program", "store")
    for index, pk in enumerate(ids):
        position = first + index
        start = since(index)
        if chinese[index]:
            surname = words.SURNAMES[pick[index, 0] % len(words.SURNAMES)]
            name = surname + words.GIVEN[pick[index, 1] % len(words.GIVEN)]
            country, language, zone = "CN", "zh-hans", "Asia/Shanghai"
            region = words.CHINESE_REGIONS[pick[index, 2] % len(words.CHINESE_REGIONS)]
            phone = f"+8619{position:09d}"
        else:
            name = f"{words.FIRST[pick[index, 0] % len(words.FIRST)]} {words.LAST[pick[index, 1] % len(words.LAST)]}"
            country, language, zone, pattern = words.ABROAD[pick[index, 2] % len(words.ABROAD)]
            region = ""
            digits = int(pattern[pattern.index(":0") + 2])
            # In a large shop the ranges that are reserved for fiction run out; then the customer gets no phone
            # identity.
            phone = pattern.format(position) if position < 10**digits else ""
        born = date(1956 + pick[index, 3] % 50, 1, 1) + timedelta(days=int(pick[index, 4] % 365))
        has_birthday = chance[index, 0] < 0.6
        rows.people.append(
            (
                pk,
                numbers[index],
                name,
                "active",
                crypto.encrypt(born.isoformat(), "crm.customer.birthday") if has_birthday else None,
                crypto.blind_index(f"{born:%m-%d}", "birthday") if has_birthday else None,
                born.year if has_birthday else None,
                ("female", "male", "")[min(2, int(chance[index, 1] / 0.45))],
                language,
                zone,
                country,
                region,
                "{}",
                sources[pick[index, 5] % 4],
                start,
                start,
                search_form(name),
            )
        )
        values = [("storefront", f"u{100000 + position}")]
        if phone and chance[index, 2] < (0.95 if chinese[index] else 0.3):
            values.append(("phone", phone))
        if chance[index, 3] < (0.45 if chinese[index] else 0.98):
            values.append(("email", f"customer{position}@example.{'cn' if chinese[index] else 'com'}"))
        rows.identities += [identity_row(pk, kind, value, start) for kind, value in values]
        kinds = {kind for kind, _value in values}
        if "email" in kinds and chance[index, 4] < 0.72:
            rows.consents.append(consent_row(pk, "email", "granted", start))
            if chance[index, 5] < 0.06:
                rows.consents.append(consent_row(pk, "email", "withdrawn", start + (end - start) * 0.7))
        if "phone" in kinds and chance[index, 6] < 0.55:
            rows.consents.append(consent_row(pk, "sms", "granted", start))
        if chance[index, 7] < 0.8:
            rows.consents.append(consent_row(pk, "inbox", "granted", start))
    return rows


def identity_row(customer: int, kind: str, value: str, since: datetime) -> tuple:
    """Return the row of a verified identity."""
    return (
        customer,
        kind,
        crypto.encrypt(value, "crm.identity.value"),
        crypto.blind_index(value, f"identity:{kind}"),
        crypto.blind_index(phone_tail(value), "identity:phone_tail") if kind == "phone" else None,
        since,
        since,
    )


def consent_row(customer: int, channel: str, decision: str, at: datetime) -> tuple:
    """Return the row of a consent to marketing, given at sign-up."""
    return (customer, channel, "marketing", decision, "sign-up", "", at, at, "system")


def reserve(table: str, count: int) -> list[int]:
    """Reserve ids from the table's own sequence, so that rows inserted later never collide."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count])
        return [row[0] for row in cursor.fetchall()]


def copy_rows(table: str, columns: str, rows: Iterable[tuple]) -> None:
    """Write rows with COPY."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns.split())}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
