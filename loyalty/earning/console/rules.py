"""Pages of earning rules: the list, one rule with its versions, trying a change on one member or all, publishing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.base import clock
from core.base.actor import of_user
from core.base.errors import DomainError, Invalid
from core.console import editing
from core.console.switching import switch_active
from core.console.views import may, page, wants_part
from core.jobs.models import Job, JobState
from core.jobs.queueing import enqueue_after_commit
from core.lists.showing import respond
from core.security.models import User
from core.text.formatting import number
from crm.customers.models import Customer
from crm.orders.selectors.skus import unknown_skus
from loyalty.earning.console.listing import EARNING_RULES, standing
from loyalty.earning.console.rule_form import EarningRuleForm, RuleSettingsForm
from loyalty.earning.labels import cap_words, condition_words, terms_words, trigger_words
from loyalty.earning.models import Earning, EarningRule, EarningRuleVersion, EarningUse, Stacking
from loyalty.earning.rules.terms import ConditionValues
from loyalty.earning.selectors.previews import PreviewRow, preview_rule
from loyalty.earning.services import dry_runs
from loyalty.earning.services import rules as services
from loyalty.program.models import Member, Program
from loyalty.program.selectors import default_program, member_of

SHOWN = 10
DAYS = (7, 30, 90, 365)


@dataclass(frozen=True)
class VersionRow:
    """A version of a rule, its terms in words, and what it gave: count and points; None when it gave nothing."""

    version: EarningRuleVersion
    lines: list[str]
    given: Mapping[str, Any] | None


def _rule(pk: int) -> EarningRule:
    return get_object_or_404(EarningRule.objects.select_related("program", "point_type"), pk=pk)


@page("loyalty.view_earningrule")
def index(request: HttpRequest) -> HttpResponse:
    """List the earning rules."""
    return respond(EARNING_RULES, request)


@page("loyalty.view_earningrule")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one rule with its versions and the points that each gave."""
    rule = _rule(pk)
    versions = list(rule.versions.order_by("-version"))
    figures = {
        row["version_id"]: row
        for row in Earning.objects.filter(version__in=versions)
        .values("version_id")
        .annotate(count=Count("pk"), points=Sum("points"), back=Sum("taken_back"), cut=Sum("cut"))
    }
    current = versions[0] if versions else None
    total = {name: sum(row[name] for row in figures.values()) for name in ("count", "points", "back", "cut")}
    used = EarningUse.objects.filter(rule=rule, member=None, period="ever").values_list("points", flat=True).first()
    context = {
        "rule": rule,
        "trigger": trigger_words(rule),
        "state": standing(rule, clock.now()),
        "current": current,
        "unknown_skus": skus_unknown(current.conditions) if current else [],
        "lines": _lines(current, rule.program) if current else [],
        "versions": [
            VersionRow(version, _lines(version, rule.program), figures.get(version.pk)) for version in versions
        ],
        "total": total,
        "kept": total["points"] - total["back"],
        "used": used or 0,
        "recent": Earning.objects.filter(rule=rule)
        .annotate(kept=F("points") - F("taken_back"))
        .select_related("member__customer", "version", "order")
        .order_by("-pk")[:SHOWN],
        "may_change": may(request.user, "loyalty.change_earningrule"),
    }
    return render(request, "loyalty/earning/earning_rule.html", context)


def _lines(version: EarningRuleVersion, program: Program) -> list[str]:
    return [
        terms_words(version, program),
        *condition_words(version, program),
        *([_t("multiplied by the member's tier")] if version.tier_multiplier else []),
        *(cap_words(cap) for cap in version.caps),
        str(Stacking(version.stacking).label),
    ]


@page("loyalty.add_earningrule", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    """Create a rule."""
    return _form(request, None)


@page("loyalty.change_earningrule", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Create a new version of a rule."""
    return _form(request, _rule(pk))


def _form(request: HttpRequest, rule: EarningRule | None) -> HttpResponse:
    """Show or handle the form of a rule. `do` says which button was used.

    `look` shows the fields of another trigger; preview and dry try the typed values. Only `publish` publishes.
    """
    program = rule.program if rule else default_program()
    action = reverse("earning_edit", args=[rule.pk]) if rule else reverse("earning_new")
    do = request.POST.get("do", "")
    trial: dict[str, Any] = {}
    if request.method == "POST" and do != "look":
        form = EarningRuleForm(request.POST, program=program, action=action, rule=rule)
        if form.is_valid():
            try:
                if do == "publish":
                    return _publish(request, program, rule, form)
                trial = (_dry if do == "dry" else _preview)(request, program, rule, form)
            except DomainError as error:
                form.refuse(error)
        if form.errors:
            trial = {"faults": [text for texts in form.errors.values() for text in texts]}
    else:
        version = rule.versions.order_by("-version").first() if rule else None
        typed = editing.typed_values(request)
        form = EarningRuleForm(program=program, action=action, rule=rule, version=version, typed=typed)
    context = {
        "form": form,
        "rule": rule,
        "action": action,
        "trial": trial,
        "days": DAYS,
        "chosen_days": request.POST.get("days", "30"),
        "typed_member": request.POST.get("member", ""),
        "program": program,
        "trigger": trigger_words(rule) if rule else "",
        "back_url": reverse("earning_rule", args=[rule.pk]) if rule else reverse("earning"),
        "back_label": rule.name if rule else _t("Earning rules"),
    }
    if wants_part(request):
        part = "loyalty/earning/earning_fields.html" if do == "look" else "loyalty/earning/earning_trial.html"
        return render(request, part, context)
    return render(request, "loyalty/earning/earning_edit.html", context)


def _proposed(program: Program, rule: EarningRule | None, form: EarningRuleForm) -> EarningRuleVersion:
    if rule is None:
        rule = services.new_rule(program=program, point_type=form.cleaned_data["point_type"], **form.rule_values())
    return services.proposed_version(rule=rule, terms=form.terms())


def _preview(request: HttpRequest, program: Program, rule: EarningRule | None, form: EarningRuleForm) -> dict[str, Any]:
    version = _proposed(program, rule, form)
    number = request.POST.get("member", "").strip()
    if not number:
        raise Invalid(_t("Enter a member's customer number."), code="required", field="member")
    customer = Customer.objects.active().filter(number=number).first()
    if customer is None:
        raise Invalid(_t("There is no such customer."), code="unknown_customer", field="member")
    if not Member.objects.filter(customer=customer, program=program).exists():
        raise Invalid(_t("This customer is not a member."), code="not_a_member", field="member")
    rows: list[PreviewRow] = preview_rule(member=member_of(customer, program), version=version)
    return {
        "kind": "preview",
        "rows": rows,
        "customer": customer,
        "total": sum(row.points for row in rows),
        "unknown_skus": skus_unknown(version.conditions),
    }


def _dry(request: HttpRequest, program: Program, rule: EarningRule | None, form: EarningRuleForm) -> dict[str, Any]:
    days = request.POST.get("days", "")
    user = request.user if isinstance(request.user, User) else None
    if rule is None:
        values = form.rule_values()
        fields = {name: values[name] for name in ("name", "position", "budget", "trigger", "event_kind")}
        planned = {**fields, "point_type": form.cleaned_data["point_type"].pk}
    else:
        planned = {}
    job = dry_runs.start_dry_run(
        program=program,
        rule=rule,
        values=planned,
        terms=form.terms(),
        days=int(days) if days.isdecimal() else 0,
        user=user,
    )
    enqueue_after_commit("core.run_job", job.pk)
    return {"kind": "dry", **_job_context(job)}


def skus_unknown(conditions: Sequence[ConditionValues]) -> list[str]:
    """Return the SKUs that conditions of a rule name but that no product has: they count no line."""
    return unknown_skus(sku for values in conditions for sku in values.get("skus") or ())


def _publish(request: HttpRequest, program: Program, rule: EarningRule | None, form: EarningRuleForm) -> HttpResponse:
    actor = of_user(request.user)
    if rule is None:
        new_rule = services.create_rule(
            program=program,
            point_type=form.cleaned_data["point_type"],
            terms=form.terms(),
            actor=actor,
            **form.rule_values(),
        )
        messages.success(request, _t("“%(name)s” is published.") % {"name": new_rule.name})
        return redirect("earning_rule", new_rule.pk)
    version = services.publish_version(rule=rule, terms=form.terms(), actor=actor)
    text = _t("Version %(version)s of “%(name)s” is published.")
    messages.success(request, text % {"version": version.version, "name": rule.name})
    return redirect("earning_rule", rule.pk)


@page("loyalty.change_earningrule", methods=("GET", "POST"))
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit the settings of a rule that need no new version."""
    rule = _rule(pk)
    form = RuleSettingsForm.of(rule, request.POST if request.method == "POST" else None)
    if editing.save_or_refuse(
        form, lambda: services.update_rule(rule=rule, actor=of_user(request.user), **form.values())
    ):
        messages.success(request, _t("“%(name)s” is saved.") % {"name": form.cleaned_data["name"]})
        return redirect("earning_rule", rule.pk)
    context = {
        "form": form,
        "rule": rule,
        "title": rule.name,
        "heading": _t("Dates and budget"),
        "back_url": reverse("earning_rule", args=[rule.pk]),
        "back_label": rule.name,
    }
    return render(request, "loyalty/earning/earning_settings.html", context)


@page("loyalty.change_earningrule", methods=("POST",))
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a rule on or off."""
    return switch_active(request, services.update_rule, route="earning_rule", rule=_rule(pk))


@page("loyalty.change_earningrule")
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far a dry run is, and its figures: as a part that polls until it is done, or as a page of its own."""
    job = get_object_or_404(Job.objects.filter(Q(kind=dry_runs.KIND)), pk=pk)
    context = {"trial": {"kind": "dry", **_job_context(job)}}
    template = (
        "loyalty/earning/earning_trial.html" if wants_part(request) else "loyalty/earning/earning_trial_page.html"
    )
    return render(request, template, context)


def _job_context(job: Job) -> dict[str, Any]:
    program = Program.objects.get(pk=job.result["program"])
    figures = job.result.get("figures")
    return {
        "job": job,
        "figures": figures,
        "running": job.state in {JobState.QUEUED, JobState.RUNNING},
        "currency": program.currency,
        "rule_name": job.label.rpartition(" · ")[0],
        "sentence": _sentence(figures) if figures else "",
    }


def _sentence(figures: dict[str, Any]) -> str:
    up = ngettext("%(count)s member would get more", "%(count)s members would get more", figures["members_up"])
    down = ngettext("%(count)s less", "%(count)s less", figures["members_down"])
    return _t("%(up)s, %(down)s.") % {
        "up": up % {"count": number(figures["members_up"])},
        "down": down % {"count": number(figures["members_down"])},
    }
