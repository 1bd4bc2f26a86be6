"""Check that the keys of personal data (PII_KEYS) can decrypt the database: when a process starts and in `doctor`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.embedded.places import ConfigurationError
from core.health import checks as health
from core.security import crypto
from core.security.encrypted_columns import ENCRYPTED

# The start of a process checks this many rows at both ends of a table: they show the oldest and the newest key.
SAMPLE = 1000
Sealed = tuple[str, str, bytes]


def refuse_wrong_keys() -> None:
    """Raise ConfigurationError when a used key id is not configured, or has another key. Cheap: one query.

    A database that can't be reached, or has no tables yet, is ignored here.
    """
    try:
        problem = wrong_keys(_sample())
    except Error:
        return
    if problem:
        raise ConfigurationError(problem)


def wrong_keys(values: Iterable[Sealed]) -> str:
    """Describe the first key id under which no value can be decrypted, and the remedy; return "" when all keys work.

    If other values under the same key can be decrypted, the key is right and the value is damaged.
    """
    by_key: dict[int, list[Sealed]] = defaultdict(list)
    for value in values:
        by_key[value[2][0]].append(value)
    for key_id, sealed in sorted(by_key.items()):
        columns = ", ".join(sorted({name for name, _context, _stored in sealed}))
        if key_id not in _configured():
            text = _t(
                "PII_KEYS has no key with the id %(id)s, under which %(columns)s are encrypted. Add it as "
                "%(id)s:BASE64 after the first key; it is in the PII_KEYS or var/secrets.json that this shop "
                "ran with, and in its backups (manage.py restore --secrets-only)."
            )
            return text % {"id": key_id, "columns": columns}
        if not any(_reads(context, stored) for _name, context, stored in sealed):
            text = _t(
                "The key with the id %(id)s in PII_KEYS is not the one under which %(columns)s were encrypted. "
                "Put the right one back; it is in the PII_KEYS or var/secrets.json that this shop ran with, and in "
                "its backups (manage.py restore --secrets-only). A new key needs a new id."
            )
            return text % {"id": key_id, "columns": columns}
    return ""


def every_value() -> Iterator[Sealed]:
    """Yield one value of each column for each key id, found in all rows."""
    for name, spec in ENCRYPTED.items():
        column = spec.sealed_sql
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT DISTINCT ON (get_byte(({column}), 0)) {column} FROM {spec.table}
                    WHERE octet_length(({column})) > 0 ORDER BY get_byte(({column}), 0), {spec.key} DESC"""  # noqa: S608 - table and column names of registered columns
            )
            rows = cursor.fetchall()
        yield from ((name, spec.context, bytes(value)) for (value,) in rows)


def damaged_values() -> list[str]:
    """Return the columns with a value that can't be decrypted, because it is damaged or its key is wrong."""
    return [
        f"{name}: a value under key {stored[0]} can't be decrypted"
        for name, context, stored in every_value()
        if stored[0] not in _configured() or not _reads(context, stored)
    ]


def _sample() -> list[Sealed]:
    parts, names = [], []
    for name, spec in ENCRYPTED.items():
        column = spec.sealed_sql
        for order in ("", "DESC"):
            parts.append(
                f"""(SELECT {len(names)} AS n, v
                     FROM (SELECT {column} AS v FROM {spec.table} ORDER BY {spec.key} {order}
                     LIMIT {SAMPLE}) AS rows WHERE octet_length(v) > 0 LIMIT 3)"""  # noqa: S608 - table and column names of registered columns
            )
        names.append((name, spec.context))
    if not parts:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return [(*names[number], bytes(value)) for number, value in cursor.fetchall()]


def _configured() -> dict[int, bytes]:
    return settings.PII_KEYS


def _reads(context: str, stored: bytes) -> bool:
    try:
        crypto.decrypt(stored, context)
    except crypto.Undecryptable:
        return False
    return True


def _keys() -> tuple[bool, str]:
    problem = wrong_keys(_sample())
    return not problem, problem or _t("ids %(ids)s") % {"ids": ", ".join(map(str, _configured()))}


def _all_keys() -> tuple[bool, str]:
    values = list(every_value())
    problem = wrong_keys(values)
    count = len({value[2][0] for value in values})
    text = ngettext(
        "%(count)s key id in use, all values can be decrypted",
        "%(count)s key ids in use, all values can be decrypted",
        count,
    )
    return not problem, problem or text % {"count": count}


health.register("keys", _keys, essential=True)
health.register("personal_data", _all_keys)
health.PROOFS.register("personal_data", damaged_values)
