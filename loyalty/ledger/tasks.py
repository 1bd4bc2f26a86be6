"""Background tasks of the points ledger."""

from celery import shared_task

from loyalty.ledger.services import expiry_notices as notices
from loyalty.ledger.services import reconciliation, snapshots, sweeps
from loyalty.program.tasks import each_program


@shared_task(name="loyalty.sweep_holds")
def sweep_holds() -> int:
    return sweeps.sweep_holds()


@shared_task(name="loyalty.sweep_lots")
def sweep_lots() -> int:
    return sweeps.sweep_lots()


@shared_task(name="loyalty.take_snapshots")
def take_snapshots() -> int:
    return len(each_program("loyalty.take_snapshots", lambda program: snapshots.take_snapshot(program=program)))


@shared_task(name="loyalty.announce_expiries")
def announce_expiries() -> list[int]:
    return each_program("loyalty.announce_expiries", lambda program: notices.announce_expiries(program=program))


@shared_task(name="loyalty.reconcile_points")
def reconcile_points() -> int:
    return reconciliation.reconcile_points().difference_count
