"""Background tasks of long jobs."""

from celery import shared_task

from core.jobs import services
from core.jobs.models import Job
from core.jobs.queueing import enqueue


@shared_task(name="core.run_job")
def run_job(job_id: int) -> str:
    job = Job.objects.filter(pk=job_id).first()
    return services.run_job(job).state if job is not None else ""


@shared_task(name="core.restart_jobs")
def restart_jobs() -> list[int]:
    """Queue jobs that no worker works on.

    A job that was lost on the way to a worker is among them after five minutes.
    """
    lost = services.lost_jobs()
    for pk in lost:
        enqueue("core.run_job", pk, again=True)
    return lost
