"""Background tasks of tiers."""

from celery import shared_task

from loyalty.program.tasks import each_program
from loyalty.tiers.services import benefits
from loyalty.tiers.services import evaluation as tiers


@shared_task(name="loyalty.end_tier_periods")
def end_tier_periods() -> list[tuple[int, int]]:
    """Move members down every night, also when returns undid their upgrades (T2, T4)."""
    return each_program(
        "loyalty.end_tier_periods", lambda program: tiers.evaluate_tiers(program=program, downgrade=True)
    )


@shared_task(name="loyalty.deliver_benefits")
def deliver_benefits() -> tuple[int, int]:
    return benefits.deliver_benefits()
