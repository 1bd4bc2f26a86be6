from collections.abc import Callable
from typing import TypeVar

from celery import shared_task

from core.services.sweeping import Sweep
from loyalty.models import Program
from loyalty.services import (
    benefits,
    growth,
    notices,
    reconciliation,
    reward_redemptions,
    snapshots,
    sweeps,
    tiers,
)

Result = TypeVar("Result")


def _each_program(name: str, work: Callable[[Program], Result]) -> list[Result]:
    """Run `work` for each program and return the results.

    One that fails does not stop the others; the next run retries it.
    """
    sweep = Sweep(name)
    results = [
        sweep.attempt(program, lambda program=program: work(program)) for program in Program.objects.order_by("pk")
    ]
    return [one for one in results if one is not None]


@shared_task(name="loyalty.sweep_holds")
def sweep_holds() -> int:
    return sweeps.sweep_holds()


@shared_task(name="loyalty.sweep_lots")
def sweep_lots() -> int:
    return sweeps.sweep_lots()


@shared_task(name="loyalty.take_snapshots")
def take_snapshots() -> int:
    return len(_each_program("loyalty.take_snapshots", lambda program: snapshots.take_snapshot(program=program)))


@shared_task(name="loyalty.announce_expiries")
def announce_expiries() -> list[int]:
    return _each_program("loyalty.announce_expiries", lambda program: notices.announce_expiries(program=program))


@shared_task(name="loyalty.end_tier_periods")
def end_tier_periods() -> list[tuple[int, int]]:
    """Move members down every night, also when returns undid their upgrades (T2, T4)."""
    return _each_program(
        "loyalty.end_tier_periods", lambda program: tiers.evaluate_tiers(program=program, downgrade=True)
    )


@shared_task(name="loyalty.reconcile_points")
def reconcile_points() -> int:
    return reconciliation.reconcile_points().difference_count


@shared_task(name="loyalty.sweep_redemptions")
def sweep_redemptions() -> tuple[int, int]:
    return reward_redemptions.sweep_redemptions()


@shared_task(name="loyalty.advance_tasks")
def advance_tasks() -> int:
    return sum(_each_program("loyalty.advance_tasks", lambda program: growth.advance_all(program=program)))


@shared_task(name="loyalty.deliver_benefits")
def deliver_benefits() -> tuple[int, int]:
    return benefits.deliver_benefits()
