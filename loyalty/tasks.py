from celery import shared_task

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


@shared_task(name="loyalty.sweep_holds")
def sweep_holds() -> int:
    return sweeps.sweep_holds()


@shared_task(name="loyalty.sweep_lots")
def sweep_lots() -> int:
    return sweeps.sweep_lots()


@shared_task(name="loyalty.take_snapshots")
def take_snapshots() -> int:
    return len([snapshots.take_snapshot(program=program) for program in Program.objects.all()])


@shared_task(name="loyalty.announce_expiries")
def announce_expiries() -> list[int]:
    return [notices.announce_expiries(program=program) for program in Program.objects.all()]


@shared_task(name="loyalty.end_tier_periods")
def end_tier_periods() -> list[tuple[int, int]]:
    """Nightly: downgrades, and upgrades undone by returns (T2, T4)."""
    return [tiers.evaluate_tiers(program=program, downgrade=True) for program in Program.objects.all()]


@shared_task(name="loyalty.reconcile_points")
def reconcile_points() -> int:
    return reconciliation.reconcile_points().difference_count


@shared_task(name="loyalty.sweep_redemptions")
def sweep_redemptions() -> tuple[int, int]:
    return reward_redemptions.sweep_redemptions()


@shared_task(name="loyalty.advance_tasks")
def advance_tasks() -> int:
    return sum(growth.advance_all(program=program) for program in Program.objects.all())


@shared_task(name="loyalty.deliver_benefits")
def deliver_benefits() -> tuple[int, int]:
    return benefits.deliver_benefits()
