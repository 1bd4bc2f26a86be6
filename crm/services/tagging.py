"""One tag for all customers that a list's filters name: in the request for a few, by a worker for many."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Max

from core.actor import SYSTEM, Actor
from core.models import Job, JobState, User
from core.services import jobs
from crm.models import Customer
from crm.selectors.matching import matching
from crm.services.customers import add_tag_to_many, checked_tag

KIND = "crm.tag_customers"
CHUNK = 1000


def start_tagging(*, name: str, filters: Mapping[str, str], total: int, actor: Actor, user: User | None = None) -> Job:
    """Prepare it; `crm.tasks.start_tagging` hands it to a worker. Raises Invalid when the tag is no good."""
    job = jobs.create_job(kind=KIND, label=checked_tag(name), created_by=user, total=total)
    Job.objects.filter(pk=job.pk).update(result={"tag": job.label, "filters": dict(filters), "actor": str(actor)})
    job.refresh_from_db()
    return job


def run_tagging(job: Job) -> Job:
    """Tag whoever matches now, a thousand in a transaction. Twice is once: who has the tag is passed over."""
    if job.state == JobState.DONE:
        return job
    plan = job.result
    actor = Actor("user", job.created_by_id) if job.created_by_id else SYSTEM
    jobs.start_job(job)
    progress, done, tagged, last = jobs.Progress(job), 0, 0, 0
    # Those that come to match meanwhile, by this very tag perhaps, are not meant.
    newest = Customer.objects.aggregate(newest=Max("pk"))["newest"] or 0
    try:
        while chunk := list(
            matching(plan["filters"])
            .filter(pk__gt=last, pk__lte=newest)
            .order_by("pk")
            .values_list("pk", flat=True)[:CHUNK]
        ):
            tagged += add_tag_to_many(customer_ids=chunk, name=plan["tag"], actor=actor)
            last, done = chunk[-1], done + len(chunk)
            progress(done)
    except Exception as error:
        jobs.fail_job(job, f"{type(error).__name__}: {error}")
        raise
    progress(done, done, force=True)
    jobs.finish_job(job, {**plan, "tagged": tagged})
    return job
