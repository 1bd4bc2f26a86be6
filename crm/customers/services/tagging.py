"""Tagging of all customers that match the filters of a list: in the request for a few, by a worker for many."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Max

from core.base.actor import SYSTEM, Actor
from core.jobs import services as jobs
from core.jobs.models import Job
from core.security import crypto
from core.security.models import User
from crm.customers.models import Customer
from crm.customers.registry import matching
from crm.customers.services.customers import add_tag_to_many, checked_tag

KIND = "crm.tag_customers"
CHUNK = 1000


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
