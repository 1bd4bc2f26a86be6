"""Separate process that computes segments or fills a list in children, which are killed at each of their statements
(F18).

python -m tests.analytics.segments.kill killed     a child is killed at its first statement, the next at its second, ...
python -m tests.analytics.segments.kill together   three children at once, over and over
python -m tests.analytics.segments.kill upload     the only job, restarted by a child that lives one statement longer
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from functools import partial


def child(work) -> int:
    """Fork a child that does the work, and return its status."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(f"child: {error!r}", flush=True)
            os._exit(1)
    return os.waitpid(pid, 0)[1]


def compute() -> None:
    from analytics.segments.services import runs as segments

    segments.refresh_changed()
    failed = segments.compute_segments()
    if failed:
        raise RuntimeError(f"failed: {failed}")


def killed_at(statement: int, work=compute) -> None:
    from django.db import connection

    count = 0

    def counting(execute, sql, params, many, context):
        nonlocal count
        count += 1
        if count == statement:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(counting):
        work()


def change(seed: int) -> None:
    """Add or remove the tag of some customers in the facts alone, and mark the customers as changed."""
    from analytics.features.services.features import mark_changed
    from crm.customers.models import Customer, CustomerTag, Tag

    dice = random.Random(seed)
    tag = Tag.objects.get(name="vip")
    for customer in Customer.objects.order_by("pk"):
        if dice.random() < 0.3:
            if not CustomerTag.objects.filter(customer=customer, tag=tag).delete()[0]:
                CustomerTag.objects.create(customer=customer, tag=tag)
            mark_changed([customer.pk])


def killed() -> None:
    statement = 0
    while True:
        statement += 1
        child(partial(change, statement))
        status = child(partial(killed_at, statement))
        if not os.WIFSIGNALED(status):
            break
        if statement % 7 == 0 and child(compute):
            sys.exit("the run after the kill failed")
    if status or child(compute):
        sys.exit("the last run failed")
    print(f"kills {statement - 1}")


def fill() -> None:
    from analytics.segments.services import list_uploads
    from core.jobs.models import Job
    from core.jobs.services import run_job

    list_uploads.CHUNK = 10
    run_job(Job.objects.get())


def upload() -> None:
    statement = 1
    while os.WIFSIGNALED(status := child(partial(killed_at, statement, fill))):
        statement += 1
    if status:
        sys.exit("the last run failed")
    print(f"kills {statement - 1}")


def together() -> None:
    end = time.monotonic() + 6
    workers = []
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            try:
                turn = 0
                while time.monotonic() < end:
                    turn += 1
                    if number == 0:
                        change(turn)
                    compute()
                print(f"turns {turn}", flush=True)
                os._exit(0)
            except BaseException as error:
                print(f"child: {error!r}", flush=True)
                os._exit(1)
        workers.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in workers]
    if any(statuses) or child(compute):
        sys.exit("one of them failed")


if __name__ == "__main__":
    import django

    django.setup()
    {"killed": killed, "together": together, "upload": upload}[sys.argv[1]]()
