"""Fixed lists: segments whose members someone named, from a file or from the customer table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from analytics.models import Segment, SegmentKind
from analytics.services.features import mark_changed_by_query
from analytics.services.segment_runs import lock_intervals, move
from analytics.services.segments import check_name, save_new
from core import clock
from core.actor import Actor
from core.errors import Conflict, Invalid
from core.locks import lock_row
from crm.models import Customer, CustomerState, IdentityKind
from crm.rules.identities import normalise
from crm.selectors.matching import matching
from crm.services.identities import indexes_of

BY_NUMBER = "number"
MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 200_000
CHUNK = 5_000
REFUSED_SHOWN = 20
# First cells of files that have a heading.
HEADINGS = frozenset({"number", "customer", "customer number", "member", "member number", "phone", "email", "e-mail", "id",
                      "客户编号", "会员编号", "编号", "手机号", "手机", "邮箱", "电子邮箱"})  # fmt: skip


@dataclass
class Added:
    """What became of a file. `refused`: line and value of the first twenty that named nobody."""

    read: int = 0
    added: int = 0
    already: int = 0
    refused_count: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, value: str) -> None:
        self.refused_count += 1
        if len(self.refused) < REFUSED_SHOWN:
            self.refused.append((line, value[:60]))


@dataclass(frozen=True)
class Listed:
    """What became of customers named one by one: `as_before` were in the list, or out of it, already."""

    moved: int
    as_before: int
    unknown: list[str]
    size: int


def create_list(*, name: str, actor: Actor, description: str = "", created_by=None) -> Segment:
    """A list with nobody in it yet."""
    check_name(name, None)
    return save_new(
        name=name.strip(),
        description=description.strip()[:400],
        kind=SegmentKind.STATIC,
        rule={"op": "or", "children": []},
        computed_version=1,
        computed_at=clock.now(),
        created_by=created_by,
    )


def rename_list(*, segment: Segment, name: str, actor: Actor, description: str = "") -> Segment:
    check_name(name, segment.pk)
    with transaction.atomic():
        locked = _locked(segment)
        locked.name, locked.description = name.strip(), description.strip()[:400]
        locked.save(update_fields=["name", "description"])
    return locked


def add_to_list(*, segment: Segment, customer_ids: Sequence[int], actor: Actor) -> int:
    """Active customers enter the list. Returns how many were not in it before."""
    with transaction.atomic():
        at = lock_intervals()
        locked = _locked(segment)
        count = move(
            """INSERT INTO analytics_segmentmembership (segment_id, customer_id, entered_at)
               SELECT %s, c.id, %s FROM crm_customer c WHERE c.id = ANY(%s) AND c.state = 'active'
               ON CONFLICT (segment_id, customer_id) WHERE left_at IS NULL DO NOTHING
               RETURNING segment_id, customer_id, true AS entered""",
            [locked.pk, at, list(customer_ids)],
            at=at,
        )
        _noted(locked, at, customer_ids)
    return count


def remove_from_list(*, segment: Segment, customer_ids: Sequence[int], actor: Actor) -> int:
    with transaction.atomic():
        at = lock_intervals()
        locked = _locked(segment)
        count = move(
            """UPDATE analytics_segmentmembership SET left_at = %s
               WHERE segment_id = %s AND customer_id = ANY(%s) AND left_at IS NULL
               RETURNING segment_id, customer_id, false AS entered""",
            [at, locked.pk, list(customer_ids)],
            at=at,
        )
        _noted(locked, at, customer_ids)
    return count


def add_by_number(*, segment: Segment, numbers: Sequence[str], actor: Actor) -> Listed:
    """The customers with these numbers enter the list, the others are told. A merged number is that of who it went to."""
    return _by_numbers(add_to_list, segment, numbers, actor)


def remove_by_number(*, segment: Segment, numbers: Sequence[str], actor: Actor) -> Listed:
    return _by_numbers(remove_from_list, segment, numbers, actor)


def _by_numbers(move_all: Callable[..., int], segment: Segment, numbers: Sequence[str], actor: Actor) -> Listed:
    wanted = list(dict.fromkeys(numbers))
    rows = Customer.objects.filter(
        Q(state=CustomerState.ACTIVE) | Q(merged_into__state=CustomerState.ACTIVE), number__in=wanted
    )
    known = {number: target or pk for number, pk, target in rows.values_list("number", "pk", "merged_into_id")}
    ids = set(known.values())
    moved = move_all(segment=segment, customer_ids=list(ids), actor=actor)
    segment.refresh_from_db(fields=["size"])
    return Listed(moved, len(ids) - moved, [number for number in wanted if number not in known], segment.size)


def add_matching(*, segment: Segment, filters: Mapping[str, str], actor: Actor) -> int:
    """Whoever the customer list's words and filters name. Raises Conflict `too_many` above 200,000."""
    ids = list(matching(filters).order_by().values_list("pk", flat=True)[: MAX_ROWS + 1])
    if len(ids) > MAX_ROWS:
        raise Conflict(_("That is too many for a fixed list: make a segment by rule."), code="too_many")
    return add_to_list(segment=segment, customer_ids=ids, actor=actor)


def add_from_file(*, segment: Segment, content: bytes, kind: str, country: str, actor: Actor) -> Added:
    """Each line's first cell names a customer: by number, or by an identity of `kind`. All lines or none are carried out;
    lines that name nobody are told with their number.

    Raises Invalid for a file that can't be read or an unknown kind.
    """
    if kind != BY_NUMBER and kind not in IdentityKind.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="kind")
    result = Added()
    found: dict[int, None] = {}
    rows = _rows(content)
    with transaction.atomic():
        while chunk := list(islice(rows, CHUNK)):
            result.read += len(chunk)
            if result.read > MAX_ROWS:
                raise Invalid(_("A file has at most 200,000 lines."), code="too_long", field="file")
            known = _by_number(chunk) if kind == BY_NUMBER else _by_identity(chunk, kind, country)
            for line, value in chunk:
                if line in known:
                    found[known[line]] = None
                else:
                    result.refuse(line, value)
        result.added = add_to_list(segment=segment, customer_ids=list(found), actor=actor)
    result.already = len(found) - result.added
    return result


def _locked(segment: Segment) -> Segment:
    locked = lock_row(Segment.objects.active().filter(pk=segment.pk))
    if locked.kind != SegmentKind.STATIC:
        raise Conflict(_("This segment has a rule: nobody is put into it by hand."), code="not_a_list")
    return locked


def _noted(segment: Segment, at, customer_ids: Iterable[int]) -> None:
    """Segments that are made of this list hear of it with the next refresh."""
    Segment.objects.filter(pk=segment.pk).update(computed_at=at)
    mark_changed_by_query("SELECT unnest(%s::bigint[])", [list(customer_ids)])


def _rows(content: bytes) -> Iterator[tuple[int, str]]:
    """(line, first cell) of what is not empty; a heading is passed over."""
    if len(content) > MAX_BYTES:
        raise Invalid(_("A file has at most 10 MB."), code="too_long", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            raise Invalid(_("This is not a text file."), code="invalid", field="file") from None
    if "\x00" in text:
        raise Invalid(_("This is not a text file."), code="invalid", field="file")
    first = text.partition("\n")[0]
    delimiter = next((sign for sign in (",", ";", "\t") if sign in first), ",")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        for line, row in enumerate(reader, 1):
            value = row[0].strip() if row else ""
            if value and not (line == 1 and value.lower() in HEADINGS):
                yield line, value
    except csv.Error as error:
        raise Invalid(_("This is not a CSV file."), code="invalid", field="file") from error


def _by_number(chunk: Sequence[tuple[int, str]]) -> dict[int, int]:
    numbers = {value for _line, value in chunk}
    known = dict(Customer.objects.active().filter(number__in=numbers).values_list("number", "pk"))
    return {line: known[value] for line, value in chunk if value in known}


def _by_identity(chunk: Sequence[tuple[int, str]], kind: str, country: str) -> dict[int, int]:
    lines: dict[bytes, list[int]] = {}
    for line, value in chunk:
        try:
            normal = normalise(kind, value, country)
        except ValueError:
            continue
        for index in indexes_of(kind, normal):
            lines.setdefault(index, []).append(line)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT i.value_index, i.customer_id FROM crm_identity i JOIN crm_customer c ON c.id = i.customer_id
               WHERE i.kind = %s AND i.value_index = ANY(%s) AND c.state = 'active'""",
            [kind, list(lines)],
        )
        return {line: customer for index, customer in cursor.fetchall() for line in lines[bytes(index)]}


__all__ = [
    "BY_NUMBER",
    "Added",
    "Listed",
    "add_by_number",
    "add_from_file",
    "add_matching",
    "add_to_list",
    "create_list",
    "remove_by_number",
    "remove_from_list",
    "rename_list",
]
