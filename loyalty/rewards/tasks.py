"""Background tasks of rewards."""

from celery import shared_task

from loyalty.rewards.services import redemptions as reward_redemptions


@shared_task(name="loyalty.sweep_redemptions")
def sweep_redemptions() -> tuple[int, int]:
    return reward_redemptions.sweep_redemptions()
