"""Rename, merge and delete tags, and tag all customers of a filtered list.

Segments and journeys that use a tag follow a change, or it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_rows
from core.events.bus import Effect, emit_from_select, limited
from core.jobs import services as jobs
from core.jobs.models import Job
from core.security import crypto
from core.security.models import User
from crm.customers import events
from crm.customers.models import Customer, CustomerTag, Tag
from crm.customers.registry import TAG_USES, matching
from crm.customers.services.customers import add_tag_to_many, checked_tag

KIND = "crm.tag_customers"
CHUNK = 1000
SHOWN = 5


def rename_tag(*, tag: Tag, name: str, actor: Actor) -> Tag:
    """Rename a tag. Raises Invalid `name_taken`, Conflict `tag_in_use` when something knows the tag by its name."""
    clean = checked_tag(name)
    with transaction.atomic():
        (locked,) = _locked(tag)
        if clean == locked.name:
            return locked
        if Tag.objects.filter(name=clean).exists():
            raise Invalid(_("Another tag has this name. Merge the two."), code="name_taken", field="name")
        _refuse_users(locked, by_name_only=True)
        locked.name = clean
        locked.save(update_fields=["name"])
    return locked


def merge_tags(*, tag: Tag, into: Tag, actor: Actor) -> int:
    """Give the customers of a tag another one instead, and delete the tag. Return how many did not have the other yet.

    Raises Invalid `same_tag`, Conflict `tag_in_use`.
    """
    if tag.pk == into.pk:
        raise Invalid(_("Choose another tag."), code="same_tag", field="into")
    with transaction.atomic():
        pair = {row.pk: row for row in _locked(tag, into)}
        old, new = pair[tag.pk], pair[into.pk]
        _refuse_users(old, by_name_only=True)
        # Tidying up must not start journeys, so the events only bring figures and segments up to date.
        with limited(Effect.FIGURES):
            emit_from_select(
                events.TAGS_CHANGED,
                """SELECT t.customer_id, jsonb_build_object('added', %s::text, 'removed', %s::text), clock_timestamp()
                   FROM crm_customertag t WHERE t.tag_id = %s""",
                [new.name, old.name, old.pk],
                actor=actor,
            )
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO crm_customertag (customer_id, tag_id, added_at, added_by)
                   SELECT customer_id, %s, added_at, added_by FROM crm_customertag WHERE tag_id = %s
                   ORDER BY customer_id ON CONFLICT DO NOTHING""",
                [new.pk, old.pk],
            )
            moved = cursor.rowcount
        for use in TAG_USES:
            if use.follow is not None:
                use.follow(old, new, actor)
        _delete(old)
    return moved


def delete_tag(*, tag: Tag, actor: Actor) -> int:
    """Delete a tag. Return how many customers had it. Raises Conflict `tag_in_use`."""
    with transaction.atomic():
        (locked,) = _locked(tag)
        _refuse_users(locked)
        with limited(Effect.FIGURES):
            emit_from_select(
                events.TAGS_CHANGED,
                """SELECT t.customer_id, jsonb_build_object('removed', %s::text), clock_timestamp()
                   FROM crm_customertag t WHERE t.tag_id = %s""",
                [locked.name, locked.pk],
                actor=actor,
            )
        count = CustomerTag.objects.filter(tag=locked).count()
        _delete(locked)
    return count


def users_of(tag: Tag, *, by_name_only: bool = False) -> list[str]:
    """Return the names of what uses a tag; with `by_name_only` those that can't follow a new name."""
    return [name for use in TAG_USES if not by_name_only or use.follow is None for name in use.users(tag)]


def _locked(*tags: Tag) -> list[Tag]:
    rows = lock_rows(Tag.objects.filter(pk__in=[tag.pk for tag in tags]))
    if len(rows) != len(tags):
        raise Conflict(_("This tag no longer exists."), code="tag_gone")
    return rows


def _refuse_users(tag: Tag, *, by_name_only: bool = False) -> None:
    users = users_of(tag, by_name_only=by_name_only)
    if users:
        raise Conflict(
            _("“%(tag)s” is used by %(names)s. Change that first.")
            % {"tag": tag.name, "names": ", ".join(users[:SHOWN])},
            code="tag_in_use",
        )


def _delete(tag: Tag) -> None:
    # One statement: the ORM would read every row of the tag first.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_customertag WHERE tag_id = %s", [tag.pk])
    tag.delete()


def start_tagging(*, name: str, filters: Mapping[str, str], total: int, actor: Actor, user: User | None = None) -> Job:
    """Create the tagging job; the task `core.run_job` starts it in a worker.

    Raises Invalid when the tag is not valid.
    """
    tag = checked_tag(name)
    # The search text may name people, and the job stays on the jobs page, so it is encrypted.
    sealed = {name: crypto.seal_text(value, KIND) if name == "q" else value for name, value in filters.items()}
    plan = {"tag": tag, "filters": sealed, "actor": str(actor)}
    return jobs.create_job(kind=KIND, label=tag, created_by=user, total=total, plan=plan)


def tag_everyone(job: Job, progress: jobs.Progress) -> dict[str, int]:
    """Tag the customers that match now, a thousand per transaction. Idempotent: tagged customers are skipped."""
    plan = job.result
    actor = Actor("user", job.created_by_id) if job.created_by_id else SYSTEM
    filters = {name: crypto.open_text(value, KIND) for name, value in plan["filters"].items()}
    done = tagged = last = 0
    # Customers who start to match during the run, perhaps because of this tag, are left out.
    newest = Customer.objects.aggregate(newest=Max("pk"))["newest"] or 0
    while chunk := list(
        matching(filters).filter(pk__gt=last, pk__lte=newest).order_by("pk").values_list("pk", flat=True)[:CHUNK]
    ):
        tagged += add_tag_to_many(customer_ids=chunk, name=plan["tag"], actor=actor)
        last, done = chunk[-1], done + len(chunk)
        progress(done)
    progress(done, done, force=True)
    return {"tagged": tagged}
