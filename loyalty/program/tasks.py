"""Background tasks of the loyalty program."""

from collections.abc import Callable
from typing import TypeVar

from core.jobs.sweeping import Sweep
from loyalty.program.models import Program

Result = TypeVar("Result")


def each_program(name: str, work: Callable[[Program], Result]) -> list[Result]:
    """Run `work` for each program and return the results.

    One that fails does not stop the others; the next run retries it.
    """
    sweep = Sweep(name)
    results = [
        sweep.attempt(program, lambda program=program: work(program)) for program in Program.objects.order_by("pk")
    ]
    return [one for one in results if one is not None]
