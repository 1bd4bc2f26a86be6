"""Serve coupon pages: list, details with limits and uses, editing, giving to a customer or a segment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.segments.models import Segment
from campaigns.coupons import selectors
from campaigns.coupons.console.form import CouponForm
from campaigns.coupons.console.listing import COUPONS, standing
from campaigns.coupons.labels import terms, worth
from campaigns.coupons.models import CodeMode, Coupon, CouponCode
from campaigns.coupons.rules import codes
from campaigns.coupons.services import codes as coupon_codes
from campaigns.coupons.services import coupons as services
from campaigns.coupons.services import giving as coupon_giving
from core.base import clock
from core.base.actor import of_user
from core.base.errors import Conflict, Invalid
from core.console import editing
from core.console.switching import switch_active
from core.console.views import may, page, viewer, wants_part
from core.db import paging
from core.jobs.queueing import enqueue_after_commit
from core.lists.showing import respond
from core.text.formatting import money, number, when
from crm.customers.models import Customer
from crm.customers.registry import tab_address
from crm.customers.selectors import shop_currency

USES = 25
COUPONS_OFFERED = 100


EDITOR = editing.Editor(
    new="coupon_new",
    edit="coupon_edit",
    index="coupons",
    index_label=_("Coupons"),
    new_heading=_("New coupon"),
    edit_heading=_("Edit coupon"),
    page="coupon",
)


def _coupon(pk: int) -> Coupon:
    return get_object_or_404(Coupon.objects.select_related("created_by"), pk=pk)


@page("campaigns.view_coupon")
def index(request: HttpRequest) -> HttpResponse:
    return respond(COUPONS, request, **_code_lookup(request))


def _code_lookup(request: HttpRequest) -> dict[str, Any]:
    """Look up the requested code, as entered by the user."""
    typed = request.GET.get("code", "").replace("\x00", "").strip()[:60]
    if not typed or not may(request.user, "campaigns.view_couponcode"):
        return {"code": ""}
    normal = codes.normalise(typed)
    row = CouponCode.objects.filter(code=normal).select_related("coupon", "customer").first()
    if row is None:
        return {"code": typed, "mistyped": codes.is_mistyped(normal)}
    uses = row.uses.select_related("customer").order_by("-reserved_at")[:5]
    return {"code": typed, "found": row, "held": selectors.held_coupon(row, clock.now()), "uses": uses}


@dataclass(frozen=True)
class Limit:
    """Hold one limit: the used and reserved part of the whole. `percent` is None without a limit."""

    label: str
    text: str
    percent: int | None


def _limits(coupon: Coupon) -> list[Limit]:
    used, reserved = coupon.redeemed_count, coupon.reserved_count
    discount_given, reserved_amount = coupon.redeemed_amount, coupon.reserved_amount

    def say(used: str, aside: int, aside_text: str, whole: str) -> str:
        values = {"used": used, "reserved": aside_text, "limit": whole}
        if aside:
            text = (
                _t("%(used)s of %(limit)s, %(reserved)s reserved") if whole else _t("%(used)s, %(reserved)s reserved")
            )
        else:
            text = _t("%(used)s of %(limit)s") if whole else "%(used)s"
        return text % values

    def share(part: int, whole: int | None) -> int | None:
        return min(100, round(100 * part / whole)) if whole else None

    return [
        Limit(
            _t("Uses"),
            say(number(used), reserved, number(reserved), number(coupon.limit_total) if coupon.limit_total else ""),
            share(used + reserved, coupon.limit_total),
        ),
        Limit(
            _t("Discount given"),
            say(
                money(discount_given, coupon.currency), reserved_amount, money(reserved_amount, coupon.currency),
                money(coupon.budget, coupon.currency) if coupon.budget else "",
            ),
            share(discount_given + reserved_amount, coupon.budget),
        ),
    ]  # fmt: skip


@page("campaigns.view_coupon")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    coupon = _coupon(pk)
    now = standing(coupon, clock.now())
    unique = coupon.mode == CodeMode.UNIQUE
    found_jobs = selectors.jobs_of(coupon)
    context = {
        "coupon": coupon,
        "worth": worth(coupon),
        "terms": terms(coupon),
        "state": now.state,
        "state_label": now.label,
        "state_tone": now.tone,
        "unique": unique,
        "public_code": "" if unique else str(coupon.codes.first() or ""),
        "limits": _limits(coupon),
        "page": paging.keyset(selectors.uses_of(coupon), ["-reserved_at", "-id"], request.GET.get("cursor"), USES),
        "may_see_uses": may(request.user, "campaigns.view_couponuse"),
        "jobs": found_jobs,
        "running": any(selectors.is_open(job) for job in found_jobs),
        "may_change": may(request.user, "campaigns.change_coupon"),
        "may_generate": unique and now.state == "active" and may(request.user, "campaigns.change_coupon"),
        "most_codes": coupon_codes.LARGEST_BATCH,
        "may_issue": unique and now.state == "active" and may(request.user, "campaigns.issue_coupon"),
        "nonce": uuid.uuid4().hex,
        "switch_text": _switch_text(coupon),
        **_segment_step(request, coupon, usable=unique and now.state == "active"),
    }
    return render(request, "campaigns/coupons/coupon.html", context)


def _switch_text(coupon: Coupon) -> str:
    text = ngettext(
        "“%(name)s” can no longer be used: %(count)s issued code stops working.",
        "“%(name)s” can no longer be used: %(count)s issued codes stop working.",
        coupon.issued_count,
    )
    return text % {"name": coupon.name, "count": number(coupon.issued_count)}


def _segment_step(request: HttpRequest, coupon: Coupon, *, usable: bool) -> dict[str, Any]:
    """Prepare giving the coupon to a segment, for users who may change coupons: first the choice, then its size."""
    if not usable or not may(request.user, "campaigns.change_coupon"):
        return {"may_issue_segment": False}
    segments = Segment.objects.active().order_by("name")
    segment = None
    number_text = request.GET.get("segment", "")
    if number_text.isascii() and number_text.isdigit():
        segment = segments.filter(pk=int(number_text[:18])).first()
    context: dict[str, Any] = {"may_issue_segment": True, "segments": segments, "chosen": segment}
    if segment:
        text = ngettext(
            "%(count)s customer in “%(segment)s” gets a code of “%(coupon)s”.",
            "%(count)s customers in “%(segment)s” get a code of “%(coupon)s” each.",
            segment.size,
        )
        context["issue_text"] = text % {
            "count": number(segment.size), "segment": segment.name, "coupon": coupon.name,
        }  # fmt: skip
    return context


@page("campaigns.change_coupon")
def for_segment(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the coupon for a segment; the coupon's page then says how many customers get it."""
    segment = get_object_or_404(Segment.objects.active(), pk=pk)
    now = clock.now()
    usable = Coupon.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), mode=CodeMode.UNIQUE, active=True)
    usable = usable.filter(archived_at=None).order_by("name")[:COUPONS_OFFERED]
    context = {"segment": segment, "coupons": [(coupon, worth(coupon)) for coupon in usable]}
    return render(request, "campaigns/coupons/for_segment.html", context)


@page("campaigns.view_coupon")
def jobs(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the jobs, polled every two seconds while one runs; reload the page when all are done."""
    coupon = _coupon(pk)
    job_rows = selectors.jobs_of(coupon)
    if not any(selectors.is_open(job) for job in job_rows):
        if wants_part(request):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return redirect("coupon", coupon.pk)
    context = {
        "coupon": coupon,
        "jobs": job_rows,
        "running": True,
        "may_change": may(request.user, "campaigns.change_coupon"),
    }
    return render(request, "campaigns/coupons/coupon_jobs.html", context)


@page("campaigns.add_coupon", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("campaigns.change_coupon", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, _coupon(pk))


def _form(request: HttpRequest, coupon: Coupon | None) -> HttpResponse:
    currency = shop_currency()
    action = EDITOR.action(coupon)
    if editing.is_submitted(request):
        form = CouponForm(request.POST, currency=currency, action=action, coupon=coupon)
        if response := EDITOR.save(request, form, lambda: _save(request, coupon, form.values(), currency)):
            return response
    else:
        form = CouponForm(currency=currency, action=action, coupon=coupon, typed=editing.typed_values(request))
    template = "campaigns/coupons/coupon_fields.html" if wants_part(request) else "campaigns/coupons/coupon_edit.html"
    return render(request, template, {"coupon": coupon, "form": form, **EDITOR.values(coupon)})


def _save(request: HttpRequest, coupon: Coupon | None, values: dict[str, Any], currency: str) -> Coupon:
    actor = of_user(request.user)
    if coupon is None:
        return services.create_coupon(actor=actor, currency=currency, **values)
    return services.update_coupon(coupon=coupon, actor=actor, **values)


@page("campaigns.change_coupon", methods=("POST",))
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    return switch_active(request, services.update_coupon, route="coupon", coupon=_coupon(pk))


@page("campaigns.issue_coupon", methods=("POST",))
def issue(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the coupon from its page, to a customer by number."""
    typed = request.POST.get("customer", "").strip()[:20]
    customer = Customer.objects.active().filter(number=typed).first()
    if customer is None:
        raise Invalid(_t("There is no customer with this number."), code="unknown_customer", field="customer")
    _give(request, customer, _coupon(pk))
    return redirect("coupon", pk)


@page("campaigns.issue_coupon", methods=("POST",))
def give(request: HttpRequest, number: str) -> HttpResponse:
    """Give a coupon from the customer's page."""
    customer = get_object_or_404(Customer.objects.active(), number=number)
    coupon_id = request.POST.get("coupon", "")
    if not (coupon_id.isascii() and coupon_id.isdigit()):
        raise Invalid(_t("Choose a coupon."), code="required", field="coupon")
    _give(request, customer, _coupon(int(coupon_id[:18])))
    return redirect(tab_address(customer, "coupons", "coupons"))


def _give(request: HttpRequest, customer: Customer, coupon: Coupon) -> None:
    """Give the coupon; the form's own mark is the cause, so that a double click gives one code."""
    mark = request.POST.get("mark", "")[:40] or uuid.uuid4().hex
    code = coupon_giving.give_coupon(customer=customer, coupon=coupon, user=viewer(request), mark=mark)
    code_row = selectors.held_coupon(code, clock.now())
    values = {"code": code_row.code, "customer": customer, "until": when(code_row.expires_at)}
    text = _t("%(customer)s has the code %(code)s, valid until %(until)s.")
    messages.success(request, (text if code_row.expires_at else _t("%(customer)s has the code %(code)s.")) % values)


@page("campaigns.change_coupon", methods=("POST",))
def generate(request: HttpRequest, pk: int) -> HttpResponse:
    """Make codes without a customer, for flyers and partners."""
    coupon, typed = _coupon(pk), request.POST.get("count", "").strip()
    count = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 12 else 0
    job = coupon_codes.start_generation(coupon=coupon, count=count, actor=of_user(request.user), user=viewer(request))
    enqueue_after_commit("core.run_job", job.pk)
    messages.success(request, _t("The codes are being generated. You can leave this page."))
    return redirect("coupon", coupon.pk)


@page("campaigns.change_coupon")
def codes_file(request: HttpRequest, pk: int, job: int) -> StreamingHttpResponse | HttpResponse:
    coupon = _coupon(pk)
    generation = coupon_codes.generation_of(coupon, job)
    try:
        lines = coupon_codes.export_codes(coupon=coupon, job=generation, actor=of_user(request.user))
    except Conflict as error:
        messages.error(request, str(error.message))
        return redirect("coupon", coupon.pk)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="codes-{coupon.pk}-{generation.pk}.csv"'
    return response


@page("campaigns.change_coupon", methods=("POST",))
def issue_segment(request: HttpRequest, pk: int) -> HttpResponse:
    coupon = _coupon(pk)
    number_text = request.POST.get("segment", "")
    segment = get_object_or_404(
        Segment.objects.active(), pk=int(number_text[:18]) if number_text.isascii() and number_text.isdigit() else 0
    )
    job = coupon_codes.start_issue(coupon=coupon, segment=segment, actor=of_user(request.user), user=viewer(request))
    enqueue_after_commit("core.run_job", job.pk)
    messages.success(request, _t("The codes are being issued. You can leave this page."))
    return redirect("coupon", coupon.pk)
