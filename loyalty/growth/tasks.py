"""Background tasks of growth."""

from celery import shared_task

from loyalty.growth.services import progress as growth
from loyalty.program.tasks import each_program


@shared_task(name="loyalty.advance_tasks")
def advance_tasks() -> int:
    return sum(each_program("loyalty.advance_tasks", lambda program: growth.advance_all(program=program)))
