"""Pages of tiers: the list with thresholds, members and benefits, the forms, the policy, a member's tier by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.base.errors import Invalid, NotFound
from core.console import editing
from core.console.switching import is_on
from core.console.views import back, form_errors, may, page, stays, viewer, wants_part
from core.jobs.queueing import enqueue_after_commit
from core.lists.showing import respond
from crm.customers.models import Customer
from crm.orders.selectors.skus import unknown_skus
from loyalty.program.models import Member, Program
from loyalty.program.rules.products import listed
from loyalty.program.selectors import default_program, member_of
from loyalty.tiers.console.listing import TIERS
from loyalty.tiers.console.program import save_or_dry_run
from loyalty.tiers.console.set_tier_form import GivenForm
from loyalty.tiers.console.tier_form import BenefitForm, PolicyForm, TierForm, benefit_line, derived_kinds
from loyalty.tiers.models import BenefitGrant, GrantState, Tier, TierBenefit
from loyalty.tiers.selectors import standing as tier_standing
from loyalty.tiers.services import benefits as services
from loyalty.tiers.services import dry_runs
from loyalty.tiers.services.evaluation import last_run
from loyalty.tiers.services.set_tiers import release_tier, set_tier
from loyalty.tiers.services.setup import change_policy, update_tier

FAILED_SHOWN = 50
EDITOR = editing.Editor(
    new="loyalty_tier_new",
    edit="loyalty_tier_edit",
    index="loyalty_tiers",
    index_label=_("Tiers"),
    new_heading=_("New tier"),
    edit_heading=_("Edit tier"),
    page="loyalty_tier",
    name="label",
)


@page("loyalty.view_loyalty")
def index(request: HttpRequest) -> HttpResponse:
    """List the tiers, with the policy beside them."""
    program = Program.objects.default()
    if program is None:
        return respond(TIERS, request, program=None)
    return respond(
        TIERS,
        request,
        program=program,
        without=Member.objects.active().filter(program=program, tier=None).count(),
        run=last_run(program),
        failed=BenefitGrant.objects.exclude(state=GrantState.GIVEN).count(),
        may_change=may(request.user, "loyalty.change_tier"),
    )


@page("loyalty.view_loyalty")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    tier = _tier(pk)
    rows = [(benefit, benefit_line(benefit)) for benefit in tier.benefits.select_related("tier__program")]
    grants = BenefitGrant.objects.filter(benefit__tier=tier).exclude(state=GrantState.GIVEN)
    derived = [one for one in tier_standing.benefits_of(tier) if one.kind in derived_kinds()]
    context = {
        "tier": tier,
        "program": tier.program,
        "threshold": tier_standing.metric_text(tier.program, tier.threshold),
        "benefits": rows,
        "unknown_skus": unknown_skus(sku for benefit, _line in rows for sku in listed(benefit.settings.get("skus"))),
        "derived": derived,
        "failed": grants.select_related("member__customer", "benefit").order_by("-created_at")[:FAILED_SHOWN],
        "count": Member.objects.active().filter(tier=tier).count(),
        "may_see_members": may(request.user, "loyalty.view_member"),
        "may_change": may(request.user, "loyalty.change_tier"),
        "may_benefit": may(request.user, "loyalty.change_tierbenefit"),
        "may_retry": may(request.user, "loyalty.change_benefitgrant"),
    }
    return render(request, "loyalty/tiers/tier.html", context)


@page("loyalty.add_tier", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _tier_form(request, default_program(), None)


@page("loyalty.change_tier", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    tier = _tier(pk)
    return _tier_form(request, tier.program, tier)


def _tier_form(request: HttpRequest, program: Program, tier: Tier | None) -> HttpResponse:
    form = TierForm(request.POST or None, program=program, tier=tier)
    if response := save_or_dry_run(
        request, form, program=program, what="tier", target=tier, tier=tier,
        save=lambda values: update_tier(tier=tier, actor=of_user(request.user), **values) if tier else None,
    ):  # fmt: skip
        return response
    values = EDITOR.values(tier)
    context = {
        **values,
        "title": values["heading"],
        "form": form,
        "help": _t(
            "Thresholds apply at a member's next order and every night. No member moves down before their period ends."
        ),
    }
    return render(request, "loyalty/tiers/tier_edit.html", context)


@page("loyalty.change_program", methods=("POST",))
def try_out(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a dry run of the next evaluation by the present rules."""
    tier = _tier(pk)
    job = dry_runs.start(program=tier.program, what="tier", values={}, tier=tier, user=viewer(request))
    enqueue_after_commit("core.run_job", job.pk)
    return redirect("loyalty_dry_run", job.pk)


@page("loyalty.change_program", methods=("GET", "POST"))
def policy(request: HttpRequest) -> HttpResponse:
    program = default_program()
    form = PolicyForm(request.POST or None, program=program)
    if response := save_or_dry_run(
        request, form, program=program, what="policy", target=program,
        save=lambda values: change_policy(program=program, actor=of_user(request.user), **values),
    ):  # fmt: skip
        return response
    heading = _t("How tiers are reached and kept")
    context = {
        "form": form,
        "title": heading,
        "heading": heading,
        "help": _t("Members go up at once. They go down only when their period and its grace have ended."),
        "action": reverse("loyalty_tier_policy"),
        "back_url": reverse("loyalty_tiers"),
        "back_label": _t("Tiers"),
    }
    return render(request, "loyalty/tiers/tier_edit.html", context)


@page("loyalty.add_tierbenefit", methods=("GET", "POST"))
def benefit_new(request: HttpRequest, pk: int) -> HttpResponse:
    return _benefit_form(request, _tier(pk), None)


@page("loyalty.change_tierbenefit", methods=("GET", "POST"))
def benefit_edit(request: HttpRequest, pk: int) -> HttpResponse:
    benefit = get_object_or_404(TierBenefit.objects.select_related("tier__program"), pk=pk)
    return _benefit_form(request, benefit.tier, benefit)


def _benefit_form(request: HttpRequest, tier: Tier, benefit: TierBenefit | None) -> HttpResponse:
    action = (
        reverse("loyalty_benefit_edit", args=[benefit.pk])
        if benefit
        else reverse("loyalty_benefit_new", args=[tier.pk])
    )
    if editing.is_submitted(request):
        form = BenefitForm(request.POST, tier=tier, benefit=benefit, action=action)
        if editing.save_or_refuse(form, lambda: _save_benefit(request, tier, benefit, form.values())):
            messages.success(request, _t("The benefit is saved."))
            return redirect("loyalty_tier", tier.pk)
    else:
        form = BenefitForm(tier=tier, benefit=benefit, action=action, typed=editing.typed_values(request))
    template = "loyalty/tiers/benefit_kind_fields.html" if wants_part(request) else "loyalty/tiers/benefit_edit.html"
    heading = _t("Edit benefit") if benefit else _t("Add a benefit")
    context = {
        "form": form,
        "tier": tier,
        "benefit": benefit,
        "action": action,
        "title": heading,
        "heading": heading,
        "back_url": reverse("loyalty_tier", args=[tier.pk]),
        "back_label": tier.label,
    }
    return render(request, template, context)


def _save_benefit(request: HttpRequest, tier: Tier, benefit: TierBenefit | None, values: dict[str, Any]) -> TierBenefit:
    actor = of_user(request.user)
    if benefit is None:
        return services.create_benefit(tier=tier, actor=actor, **values)
    return services.update_benefit(benefit=benefit, actor=actor, **values)


@page("loyalty.change_tierbenefit", methods=("POST",))
def benefit_switch(request: HttpRequest, pk: int) -> HttpResponse:
    benefit = get_object_or_404(TierBenefit, pk=pk)
    active = is_on(request)
    services.update_benefit(benefit=benefit, actor=of_user(request.user), active=active)
    messages.success(request, _t("The benefit is switched on.") if active else _t("The benefit is switched off."))
    return redirect("loyalty_tier", benefit.tier_id)


@page("loyalty.change_benefitgrant", methods=("POST",))
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    grant = get_object_or_404(BenefitGrant.objects.select_related("benefit"), pk=pk)
    grant_now = services.retry_grant(grant=grant, actor=of_user(request.user))
    if grant_now.state == GrantState.GIVEN:
        messages.success(request, _t("The benefit was given."))
    else:
        messages.error(request, _t("It failed again: %(error)s") % {"error": grant_now.error})
    return redirect("loyalty_tier", grant.benefit.tier_id)


@page("loyalty.add_giventier", methods=("POST",))
def give(request: HttpRequest, number: str) -> HttpResponse:
    member = _member(number)
    form = GivenForm(request.POST, program=member.program)
    if not form.is_valid():
        if stays(request):
            return form_errors(form)
        raise Invalid(str(next(iter(form.errors.values()))[0]), code="invalid")
    set_tier(member=member, actor=of_user(request.user), **form.values())
    messages.success(request, _t("The tier is set to %(tier)s.") % {"tier": form.cleaned_data["tier"].label})
    return back(request, f"/customers/{number}/")


@page("loyalty.add_giventier", methods=("POST",))
def release(request: HttpRequest, number: str) -> HttpResponse:
    member = _member(number)
    if release_tier(member=member, actor=of_user(request.user), note=request.POST.get("note", "")):
        messages.success(request, _t("The tier set by hand has ended."))
    return back(request, f"/customers/{number}/")


def _tier(pk: int) -> Tier:
    return get_object_or_404(Tier.objects.select_related("program"), pk=pk)


def _member(number: str) -> Member:
    customer = Customer.objects.filter(number=number).first()
    if customer is None:
        raise NotFound(code="unknown_customer")
    return member_of(customer)
