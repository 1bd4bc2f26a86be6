"""One tag for all customers that a list's filters name: in the request for a few, by a worker for many."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Max

from core import crypto
from core.actor import SYSTEM, Actor
from core.models import Job, User
from core.services import jobs
from crm.models import Customer
from crm.selectors.matching import matching
from crm.services.customers import add_tag_to_many, checked_tag

KIND = "crm.tag_customers"
CHUNK = 1000


def start_tagging(*, name: str, filters: Mapping[str, str], total: int, actor: Actor, user: User | None = None) -> Job:
    """Prepare it; `core.tasks.start_job` hands it to a worker. Raises Invalid when the tag is no good."""
    tag = checked_tag(name)
    # The search text names people, and the job stays for the jobs page.
    sealed = {name: crypto.seal_text(value, KIND) if name == "q" else value for name, value in filters.items()}
    plan = {"tag": tag, "filters": sealed, "actor": str(actor)}
    return jobs.create_job(kind=KIND, label=tag, created_by=user, total=total, plan=plan)


def tag_everyone(job: Job, progress: jobs.Progress) -> dict[str, int]:
    """Tag whoever matches now, a thousand in a transaction. Twice is once: who has the tag is passed over."""
    plan = job.result
    actor = Actor("user", job.created_by_id) if job.created_by_id else SYSTEM
    filters = {name: crypto.open_text(value, KIND) for name, value in plan["filters"].items()}
    done = tagged = last = 0
    # Those that come to match meanwhile, by this very tag perhaps, are not meant.
    newest = Customer.objects.aggregate(newest=Max("pk"))["newest"] or 0
    while chunk := list(
        matching(filters).filter(pk__gt=last, pk__lte=newest).order_by("pk").values_list("pk", flat=True)[:CHUNK]
    ):
        tagged += add_tag_to_many(customer_ids=chunk, name=plan["tag"], actor=actor)
        last, done = chunk[-1], done + len(chunk)
        progress(done)
    progress(done, done, force=True)
    return {"tagged": tagged}
