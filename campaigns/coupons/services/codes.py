"""Issue codes of unique coupons to customers, once per cause, or generate them in bulk (C4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.segments.models import Segment
from campaigns.coupons import events
from campaigns.coupons.labels import worth
from campaigns.coupons.models import GENERATE, ISSUE, CodeMode, Coupon, CouponCode
from campaigns.coupons.rules import codes
from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, Invalid, NotFound
from core.events.bus import emit, emit_from_select
from core.jobs import services as jobs
from core.jobs.models import Job, JobState
from core.security.models import User
from core.text.spreadsheets import BYTE_ORDER_MARK, csv_line
from crm.customers.models import Customer
from crm.customers.services.customers import require_active

CHUNK = 5000
COPY_CHUNK = 20_000
EXPORT_CHUNK = 10_000
LARGEST_BATCH = 5_000_000
Cause = tuple[int, str]


def issue_coupon(*, customer: Customer, coupon: Coupon, cause: str, actor: Actor) -> CouponCode:
    """Give one customer a code, idempotent per cause: the same cause returns the same code.

    Raises Conflict when the coupon is public or over, or when the customer is not active.
    """
    if not cause or len(cause) > 120:
        raise Invalid(_("Enter a cause of 1 to 120 characters."), code="invalid", field="cause")
    with transaction.atomic():
        require_active(customer.pk)
        check_issuable(Coupon.objects.get(pk=coupon.pk))
        return issue_to_many(coupon=coupon, wanted=[(customer.pk, cause)], actor=actor)[customer.pk, cause]


def issue_to_many(
    *, coupon: Coupon, wanted: Sequence[Cause], actor: Actor = SYSTEM, count: bool = True
) -> dict[Cause, CouponCode]:
    """Issue codes for (customer id, cause) pairs in the caller's transaction; `is_new` marks codes made by this call.

    With `count` false the caller raises the coupon's counter itself, at the end of its transaction.
    """
    # Sort the rows, so that two batches with the same causes lock in the same order.
    rows = sorted(set(wanted))
    for attempt in range(3):
        try:
            with transaction.atomic():
                made = _insert(coupon, rows)
                break
        except IntegrityError:
            # Two random codes were equal. This is extremely rare; try again with other codes.
            if attempt == 2:
                raise
    new = set(made)
    codes_by_cause = {
        (code.customer_id, code.issued_for): code
        for code in CouponCode.objects.filter(
            coupon=coupon,
            customer_id__in={customer for customer, _cause in rows},
            issued_for__in={c for _pk, c in rows},
        )
    }
    for code in codes_by_cause.values():
        code.is_new = code.pk in new  # type: ignore[attr-defined]
    if new:
        emit_from_select(
            events.COUPON_ISSUED,
            """SELECT k.customer_id, jsonb_build_object('coupon', k.coupon_id, 'name', %s::text, 'code', k.code),
                      k.created_at
               FROM campaigns_couponcode k WHERE k.id = ANY(%s)""",
            [coupon.name, sorted(new)],
            actor=actor,
        )
        if count:
            count_issued(coupon, len(new))
    return codes_by_cause  # type: ignore[return-value]


def withdraw_code(*, code_id: int) -> bool:
    """End a customer's code that is neither used nor reserved. Return whether it was ended.

    A code that has already expired counts as used.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_couponcode SET expires_at = clock_timestamp()
               WHERE id = %s AND reserved_count = 0 AND redeemed_count = 0
                     AND (expires_at IS NULL OR expires_at > clock_timestamp())""",
            [code_id],
        )
        return cursor.rowcount == 1


def count_issued(coupon: Coupon, count: int) -> None:
    """Add to the number of issued codes of the coupon."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT campaigns_count_issued(%s, %s)", [coupon.pk, count])


def _insert(coupon: Coupon, rows: Sequence[Cause]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_couponcode
                   (coupon_id, code, customer_id, expires_at, reserved_count, redeemed_count, use_limit, issued_for)
               SELECT %s, g.code, g.customer_id, statement_timestamp() + make_interval(days => %s), 0, 0, %s, g.cause
               FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS g(customer_id, cause, code)
               ON CONFLICT (coupon_id, customer_id, issued_for) DO NOTHING RETURNING id""",
            [
                coupon.pk,
                coupon.valid_days,
                coupon.limit_per_code,
                [customer for customer, _cause in rows],
                [cause for _customer, cause in rows],
                codes.new_codes(len(rows)),
            ],
        )
        return [row[0] for row in cursor.fetchall()]


def start_issue(*, coupon: Coupon, segment: Segment, actor: Actor, user: User | None = None) -> Job:
    """Prepare a job that gives every customer of a segment a code. Start it with the task `core.run_job`."""
    check_issuable(coupon)
    plan = {"coupon": coupon.pk, "segment": segment.pk}
    label = f"{coupon.name} → {segment.name}"
    return jobs.create_job(kind=ISSUE, label=label, created_by=user, total=segment.size, plan=plan)


def start_generation(*, coupon: Coupon, count: int, actor: Actor, user: User | None = None) -> Job:
    """Prepare a job that makes `count` codes without a customer. Start it with the task `core.run_job`."""
    check_issuable(coupon)
    if not 1 <= count <= LARGEST_BATCH:
        raise Invalid(_("Enter a number from 1 to 5,000,000."), code="invalid", field="count")
    plan = {"coupon": coupon.pk, "count": count}
    return jobs.create_job(kind=GENERATE, label=coupon.name, created_by=user, total=count, plan=plan)


def generation_of(coupon: Coupon, job_id: int) -> Job:
    """Return one generation of this coupon. Raises NotFound."""
    job = Job.objects.filter(pk=job_id, kind=GENERATE, result__coupon=coupon.pk).first()
    if job is None:
        raise NotFound(code="unknown_generation")
    return job


def export_codes(*, coupon: Coupon, job: Job, actor: Actor) -> Iterator[str]:
    """Return a finished generation as CSV, line by line. The exporter is recorded before the first line is sent.

    Raises Conflict `generation_not_done`.
    """
    if job.state != JobState.DONE:
        raise Conflict(_("The codes are still being generated."), code="generation_not_done")
    with transaction.atomic():
        payload = {"coupon": coupon.pk, "name": coupon.name, "generation": job.pk, "codes": job.result["codes"]}
        emit(events.COUPON_CODES_EXPORTED, subject_id=None, payload=payload, actor=actor)
    return _lines(coupon, job)


def _lines(coupon: Coupon, job: Job) -> Iterator[str]:
    yield BYTE_ORDER_MARK
    yield csv_line([_t("Code"), _t("Coupon"), _t("What it gives")])
    gives = worth(coupon)
    for code in batch_codes(job):
        yield csv_line([code, coupon.name, gives])


def batch_codes(job: Job) -> Iterator[str]:
    """Return the codes of one generation in readable form. At most EXPORT_CHUNK of them are in memory at once."""
    last = 0
    while True:
        rows = CouponCode.objects.filter(coupon_id=job.result["coupon"], customer=None, issued_for=_batch(job))
        chunk = list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", "code")[:EXPORT_CHUNK])
        if not chunk:
            return
        for _pk, code in chunk:
            yield codes.shown(code)
        last = chunk[-1][0]


def issue_to_segment(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    """Issue one code to each active customer of a segment, in chunks (job). A repeat issues only missing codes."""
    coupon = Coupon.objects.get(pk=job.result["coupon"])
    done = last = 0
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(
                    """SELECT m.customer_id FROM analytics_customersegments m
                       JOIN crm_customer c ON c.id = m.customer_id AND c.state = 'active'
                       WHERE %s = ANY(m.inside) AND m.customer_id > %s ORDER BY 1 LIMIT %s""",
                    [job.result["segment"], last, CHUNK],
                )
                customers = [row[0] for row in cursor.fetchall()]
            if not customers:
                break
            issue_to_many(coupon=coupon, wanted=[(pk, _batch(job)) for pk in customers])
        last = customers[-1]
        done += len(customers)
        progress(done)
    progress(done, force=True)
    return {"customers": done}


def generate_codes(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    """Make codes without a customer up to the job's number, in chunks (job)."""
    coupon, target = Coupon.objects.get(pk=job.result["coupon"]), job.result["count"]
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            # One writer at a time; existing codes are counted under the lock, so that a retry continues where the last
            # attempt stopped.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('campaigns.generate', %s))", [job.pk])
            made = CouponCode.objects.filter(coupon=coupon, customer=None, issued_for=_batch(job)).count()
            size = min(COPY_CHUNK, target - made)
            if size <= 0:
                break
            now = clock.now()
            columns = "coupon_id, code, reserved_count, redeemed_count, use_limit, issued_for, created_at"
            with cursor.copy(f"COPY campaigns_couponcode ({columns}) FROM STDIN") as copy:
                for code in codes.new_codes(size):
                    copy.write_row((coupon.pk, code, 0, 0, coupon.limit_per_code, _batch(job), now))
        progress(made + size, target)
    progress(made, target, force=True)
    return {"codes": made}


def _batch(job: Job) -> str:
    return f"job:{job.pk}"


def check_issuable(coupon: Coupon) -> None:
    """Check that codes of the coupon can be issued. Raises Conflict `public_coupon` or `coupon_over`."""
    if coupon.mode != CodeMode.UNIQUE:
        raise Conflict(_("A public coupon has one code for all customers."), code="public_coupon")
    if not coupon.active or (coupon.ends_at and coupon.ends_at <= clock.now()):
        raise Conflict(_("This coupon has ended."), code="coupon_over")
