"""Test the jobs that issue to a segment and generate codes: progress, and continuing after a stop (C4)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from analytics.segments.models import Segment
from campaigns.coupons.models import CouponCode
from campaigns.coupons.rules import codes
from campaigns.coupons.services import codes as coupon_codes
from campaigns.coupons.services.codes import batch_codes, start_generation, start_issue
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from core.jobs.models import Job
from core.jobs.services import lost_jobs, run_job
from crm.customers.models import Customer
from tests.segments import put_in
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def segment(store):
    people = Customer.objects.bulk_create([Customer(name=f"C{n}", number=f"S{n}") for n in range(250)])
    made = Segment.objects.create(name="Everyone", rule={"op": "and", "children": []}, size=250)
    put_in(made, *people)
    return made


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(coupon_codes, "CHUNK", 60)
    monkeypatch.setattr(coupon_codes, "COPY_CHUNK", 300)


def test_each_customer_of_a_segment_gets_one_code_over_repeated_runs(segment, make_coupon, small_chunks, monkeypatch):
    coupon = make_coupon(name="Gift", valid_days=7)
    job = start_issue(coupon=coupon, segment=segment, actor=SYSTEM)
    real, calls = coupon_codes.issue_to_many, []

    def die_in_the_third_chunk(**arguments):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("the machine went away")
        return real(**arguments)

    monkeypatch.setattr(coupon_codes, "issue_to_many", die_in_the_third_chunk)
    with pytest.raises(RuntimeError):
        run_job(job)
    job.refresh_from_db()
    assert (job.state, CouponCode.objects.count()) == ("failed", 120)
    run_job(Job.objects.get(pk=job.pk))
    job.refresh_from_db()
    assert (job.state, job.done_count, job.result["customers"]) == ("done", 250, 250)
    assert CouponCode.objects.values("customer_id").distinct().count() == CouponCode.objects.count() == 250
    coupon.refresh_from_db()
    assert coupon.issued_count == 250
    assert DomainEvent.objects.filter(kind="campaigns.coupon_issued").count() == 250
    run_job(Job.objects.get(pk=job.pk))
    assert CouponCode.objects.count() == 250


def test_two_workers_on_one_issue_give_one_code_each(segment, make_coupon, small_chunks):
    coupon = make_coupon(name="Gift")
    job = start_issue(coupon=coupon, segment=segment, actor=SYSTEM)
    results = at_once([lambda: run_job(Job.objects.get(pk=job.pk))] * 4)
    assert all(isinstance(result, Job) for result in results), results
    coupon.refresh_from_db()
    assert (CouponCode.objects.count(), coupon.issued_count) == (250, 250)


def test_generating_continues_where_it_stopped_and_makes_no_extra_code(make_coupon, small_chunks, monkeypatch):
    coupon = make_coupon(name="Flyer", limit_per_customer=None)
    job = start_generation(coupon=coupon, count=1000, actor=SYSTEM)
    real, calls = codes.new_codes, []

    def die_in_the_third_chunk(count):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("the machine went away")
        return real(count)

    monkeypatch.setattr(codes, "new_codes", die_in_the_third_chunk)
    with pytest.raises(RuntimeError):
        run_job(job)
    assert CouponCode.objects.count() == 600
    results = at_once([lambda: run_job(Job.objects.get(pk=job.pk))] * 4)
    assert all(isinstance(result, Job) for result in results), results
    assert CouponCode.objects.count() == 1000
    job.refresh_from_db()
    assert (job.state, job.result["codes"], job.percent) == ("done", 1000, 100)
    shown = list(batch_codes(job))
    assert len(set(shown)) == 1000
    assert all(not codes.is_mistyped(codes.normalise(code)) for code in shown)


def test_coupons_that_can_not_be_issued_are_refused(make_coupon, segment):
    public = make_coupon(code="PUBLIC")
    with pytest.raises(Conflict):
        start_generation(coupon=public, count=10, actor=SYSTEM)
    with pytest.raises(Conflict):
        start_issue(coupon=public, segment=segment, actor=SYSTEM)
    with pytest.raises(Invalid):
        start_generation(coupon=make_coupon(name="X"), count=0, actor=SYSTEM)
    assert Job.objects.count() == 0


def test_a_job_that_was_lost_is_found(make_coupon):
    job = start_generation(coupon=make_coupon(name="X"), count=10, actor=SYSTEM)
    assert lost_jobs() == []
    Job.objects.update(created_at=timezone.now() - timezone.timedelta(minutes=6))
    assert lost_jobs() == [job.pk]
