"""Change what all listed objects have in common: tags, owner, archive; and keep the columns that a user chose."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_rows
from core.events.bus import declare, emit
from core.lists.models import TAG_LENGTH, ListColumns
from core.security.models import User

M = TypeVar("M", bound=models.Model)
MOST_TAGS = 20
MOST_COLUMNS = 60
LIST_EXPORTED = declare("core.list_exported", _("List exported"), on_timeline=False)


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags without empty and repeated ones. Raises Invalid for a tag that is too long."""
    clean: dict[str, str] = {}
    for tag in tags:
        text = " ".join(tag.replace("\x00", "").split())
        if len(text) > TAG_LENGTH:
            raise Invalid(_("A tag has at most %(most)s characters.") % {"most": TAG_LENGTH}, field="tag")
        if text:
            clean.setdefault(text.casefold(), text)
    return list(clean.values())


def add_tag(*, objects: models.QuerySet[M], tag: str, actor: Actor) -> int:
    """Add a tag to objects and return how many did not have it. Raises Invalid, and then no object changes."""
    tags = clean_tags([tag])
    if not tags:
        raise Invalid(_("Enter a tag."), code="required", field="tag")
    with transaction.atomic():
        changed: list[Any] = [row for row in lock_rows(objects, weak=True) if tags[0].casefold() not in _folded(row)]
        for row in changed:
            _save_tags(row, [*row.tags, *tags])
    return len(changed)


def remove_tag(*, objects: models.QuerySet[M], tag: str, actor: Actor) -> int:
    """Remove a tag from objects and return how many had it."""
    unwanted = " ".join(tag.split()).casefold()
    with transaction.atomic():
        changed: list[Any] = [row for row in lock_rows(objects, weak=True) if unwanted in _folded(row)]
        for row in changed:
            _save_tags(row, [text for text in row.tags if text.casefold() != unwanted])
    return len(changed)


def describe_object(*, objects: models.QuerySet[M], tags: Sequence[str], owner: User | None, actor: Actor) -> None:
    """Set tags and owner of one object."""
    clean = clean_tags(tags)
    with transaction.atomic():
        for row in lock_rows(objects, weak=True):
            row.owner = owner  # type: ignore[attr-defined]
            row.save(update_fields=["owner"])
            _save_tags(row, clean)


def set_owner(*, objects: models.QuerySet[M], owner: User | None, actor: Actor) -> int:
    """Make a member of staff the owner of objects. None leaves them without an owner."""
    with transaction.atomic():
        rows = lock_rows(objects, weak=True)
        for row in rows:
            row.owner = owner  # type: ignore[attr-defined]
            row.save(update_fields=["owner"])
    return len(rows)


def archive_objects(*, objects: models.QuerySet[M], busy: Callable[[M], bool], actor: Actor) -> int:
    """Archive objects that are not `busy`. Raises Conflict for the first that is, and then no object changes."""
    with transaction.atomic():
        rows = lock_rows(objects.filter(archived_at=None))
        for row in rows:
            if busy(row):
                text = _("“%(name)s” is in use. Stop it or switch it off before you archive it.")
                raise Conflict(text % {"name": row}, code="in_use")
            row.archived_at = Now()  # type: ignore[attr-defined]
            row.save(update_fields=["archived_at"])
    return len(rows)


def restore_objects(*, objects: models.QuerySet[M], actor: Actor) -> int:
    """Bring archived objects back to their list."""
    with transaction.atomic():
        rows = lock_rows(objects.exclude(archived_at=None))
        for row in rows:
            row.archived_at = None  # type: ignore[attr-defined]
            row.save(update_fields=["archived_at"])
    return len(rows)


def each(*, objects: Sequence[M], service: Callable[[M, Actor], Any], actor: Actor) -> int:
    """Call a service for each object. A refusal undoes all of it."""
    with transaction.atomic():
        for one in sorted(objects, key=lambda item: item.pk):
            service(one, actor)
    return len(objects)


def refuse_archived(item: Any) -> None:
    """Raise Conflict when the object is archived."""
    if item.archived_at is not None:
        raise Conflict(_("“%(name)s” is archived. Restore it first.") % {"name": item}, code="archived")


def copy_name(model: type[models.Model], name: str, *, field: str = "name", most: int = 120) -> str:
    """Return a free name for a copy: "Copy of Spring", then "Copy of Spring 2"."""
    whole = _t("Copy of %(name)s") % {"name": name}
    for place in range(1, 1000):
        ending = f" {place}" if place > 1 else ""
        candidate = whole[: most - len(ending)].rstrip() + ending
        if not model._default_manager.filter(**{field: candidate}).exists():
            return candidate
    raise Conflict(_("There are too many copies of this object."), code="too_many")


def choose_columns(*, user: User, page: str, columns: Collection[str]) -> None:
    """Keep the columns of a list for a user. No columns: the list's own choice again."""
    if not columns:
        ListColumns.objects.filter(user=user, page=page).delete()
        return
    chosen = list(dict.fromkeys(columns))[:MOST_COLUMNS]
    ListColumns.objects.update_or_create(user=user, page=page, defaults={"columns": chosen})


def record_export(*, name: str, rows: int, chosen: bool, filters: str, actor: Actor) -> None:
    """Record a file that leaves the shop, before its first row is sent."""
    payload = {"list": name, "rows": rows, "chosen": chosen, "filters": filters[:500]}
    with transaction.atomic():
        emit(LIST_EXPORTED, subject_id=None, payload=payload, actor=actor)


def _folded(row: Any) -> set[str]:
    return {tag.casefold() for tag in row.tags}


def _save_tags(row: Any, tags: list[str]) -> None:
    if len(tags) > MOST_TAGS:
        text = _("“%(name)s” can have at most %(count)s tags.")
        raise Conflict(text % {"name": row, "count": MOST_TAGS}, code="too_many")
    row.tags = tags
    row.save(update_fields=["tags"])
