"""Settings of the loyalty program, and the dry run that a change of tiers, worth or expiry must pass."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.forms import RefusableForm
from core.console.views import page, viewer, wants_part
from core.fields import Field, form_fields
from core.jobs.models import Job, JobState
from core.jobs.queueing import enqueue_after_commit
from core.text.formatting import money, number
from crm.orders.rules.money import to_major, to_minor
from loyalty.program.models import ExpiryPolicy, MemberDayKind, Program, Rounding
from loyalty.program.selectors import default_program
from loyalty.program.services.settings import NUMBERS, points_of, update_program
from loyalty.tiers.models import Tier
from loyalty.tiers.services import dry_runs

PLAIN = (
    "name", "time_zone", "auto_enrol", "return_window_days", "rounding", "expiry_policy", "expiry_count",
    "expiry_notice_days", "reinstatement_days", "redeem_points", "redeem_minimum", "redeem_share_percent",
    "transfer_daily_points", "transfer_daily_count", "member_day_kind", "member_day_number", "member_day_weekday",
)  # fmt: skip


def _number(name: str, label: Any, help_text: Any = "") -> forms.IntegerField:
    least, most = NUMBERS[name]
    return forms.IntegerField(label=label, min_value=least, max_value=most, help_text=help_text)


class ProgramForm(RefusableForm):
    name = forms.CharField(label=_("Name of the program"), max_length=120)
    points_name = forms.CharField(label=_("Name of the points"), max_length=80)
    time_zone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("Days, months and years of points and tiers end by this zone.")
    )
    auto_enrol = forms.BooleanField(
        label=_("Customers become members with their first paid order"),
        required=False,
        help_text=_("Otherwise members join through the API or staff."),
    )
    redeem_points = _number("redeem_points", _("So many points"))
    redeem_amount = forms.DecimalField()
    redeem_minimum = _number("redeem_minimum", _("Fewest points in one redemption"))
    redeem_share_percent = _number("redeem_share_percent", _("Most of a cart paid with points (%)"))
    rounding = forms.ChoiceField(label=_("Rounding of earned points"), choices=Rounding.choices)
    return_window_days = _number(
        "return_window_days",
        _("Return window (days)"),
        _("Points are pending this long; 0 makes them available at once."),
    )
    expiry_policy = forms.ChoiceField(label=_("Points expire"), choices=ExpiryPolicy.choices)
    expiry_count = _number(
        "expiry_count", _("After how many"), _("Days, months, quarters or years, by the choice beside it.")
    )
    expiry_notice_days = _number(
        "expiry_notice_days", _("Announce expiry to webhooks (days before)"), _("0 announces nothing.")
    )
    reinstatement_days = _number(
        "reinstatement_days",
        _("Returned points live (days)"),
        _("For points that come back after a refund when they have expired."),
    )
    transfer_daily_points = _number(
        "transfer_daily_points", _("Points to give away a day"), _("0: members can't give points to each other.")
    )
    transfer_daily_count = _number("transfer_daily_count", _("Transfers a day"))
    member_day_kind = forms.ChoiceField(label=_("Member day"), choices=MemberDayKind.choices, required=False)
    member_day_number = forms.IntegerField(
        label=_("Which one"),
        required=False,
        min_value=1,
        max_value=31,
        help_text=_("The day of the month, or which such weekday of the month: 1 to 4, or 5 for the last."),
    )
    member_day_weekday = forms.TypedChoiceField(
        label=_("Weekday"),
        required=False,
        choices=[(number + 1, name) for number, name in WEEKDAYS.items()],
        coerce=int,
        empty_value=None,
    )

    def __init__(self, data: Any = None, *, program: Program) -> None:
        self.program = program
        points = points_of(program)
        initial = {name: getattr(program, name) for name in PLAIN}
        initial["points_name"] = points.name if points else ""
        initial["redeem_amount"] = f"{to_major(program.redeem_amount, program.currency):f}"
        super().__init__(data, initial=initial)
        fields: Any = self.fields
        zones = sorted({name for name in zoneinfo.available_timezones() if "/" in name} | {program.time_zone})
        fields["time_zone"].choices = [(name, name.replace("_", " ")) for name in zones]
        worth = Field("redeem_amount", "money", pgettext_lazy("points", "are worth"))
        self.fields.update(form_fields([worth], currency=program.currency))

    def values(self) -> dict[str, Any]:
        """Return the values for the service, money in minor units."""
        values = dict(self.cleaned_data)
        values["redeem_amount"] = to_minor(values["redeem_amount"], self.program.currency)
        for name in ("member_day_number", "member_day_weekday"):
            if values[name] is None:
                del values[name]
        return values


@page("loyalty.change_program", methods=("GET", "POST"))
def show(request: HttpRequest) -> HttpResponse:
    program = default_program()
    form = ProgramForm(request.POST or None, program=program)
    if response := save_or_dry_run(
        request, form, program=program, what="program", target=program,
        save=lambda values: update_program(program=program, actor=of_user(request.user), **values),
    ):  # fmt: skip
        return response
    heading = _t("Loyalty program")
    context = {
        "form": form,
        "title": heading,
        "heading": heading,
        "action": reverse("loyalty_program"),
        "back_url": reverse("settings"),
        "back_label": _t("Settings"),
    }
    return render(request, "loyalty/tiers/program.html", context)


def save_or_dry_run(
    request: HttpRequest, form: Any, *, program: Program, what: str, target: Any, save: Any, tier: Tier | None = None
) -> HttpResponse | None:
    """Save a valid form, or start the dry run that its changes need and redirect there. None: show the form again."""
    if request.method != "POST" or not form.is_valid():
        return None
    values: Mapping[str, Any] = form.values()
    try:
        if not dry_runs.needs_dry_run(what, target, values):
            saved = save(values)
            messages.success(request, _t("“%(name)s” is saved.") % {"name": saved})
            return redirect(_page_of(what, tier))
        job = dry_runs.start(program=program, what=what, values=values, tier=tier, user=viewer(request))
    except DomainError as error:
        form.refuse(error)
        return None
    enqueue_after_commit("core.run_job", job.pk)
    return redirect("loyalty_dry_run", job.pk)


def _page_of(what: str, tier: Tier | None) -> str:
    if what == "program":
        return reverse("loyalty_program")
    return reverse("loyalty_tier", args=[tier.pk]) if tier else reverse("loyalty_tiers")


@page("loyalty.change_program")
def dry_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far a dry run is, and its figures with the button that saves."""
    job = _job(pk)
    program = get_object_or_404(Program, pk=job.result["program"])
    figures = job.result.get("figures")
    what = job.result["what"]
    tier = Tier.objects.filter(pk=job.result["tier"] or 0).first()
    form_urls = {
        "program": reverse("loyalty_program"),
        "policy": reverse("loyalty_tier_policy"),
        "tier": reverse("loyalty_tier_edit", args=[tier.pk]) if tier else reverse("loyalty_tier_new"),
    }
    context = {
        "job": job,
        "program": program,
        "figures": figures,
        "running": job.state in {JobState.QUEUED, JobState.RUNNING},
        "effects": _effects(figures, program) if figures else [],
        "saves": bool(job.result["values"]),
        "change": figures["worth_after"] - figures["worth_before"] if figures else 0,
        "back_url": form_urls[what],
        "back_text": _t("Back to the form") if job.result["values"] else _t("Edit tier"),
        "back_label": tier.label if tier else _t("Loyalty program") if what == "program" else _t("Tiers"),
    }
    template = "loyalty/tiers/dry_run.html" if wants_part(request) else "loyalty/tiers/dry_run_page.html"
    return render(request, template, context)


def _effects(figures: Mapping[str, Any], program: Program) -> list[str]:
    """Return the effects of saving as sentences with numbers."""
    up = ngettext("%(count)s member moves up", "%(count)s members move up", figures["up"])
    down = ngettext("%(count)s member moves down", "%(count)s members move down", figures["down"])
    difference = figures["worth_after"] - figures["worth_before"]
    amount = money(abs(difference), program.currency)
    sentences = [
        _t("%(up)s and %(down)s with the next evaluation.")
        % {"up": up % {"count": number(figures["up"])}, "down": down % {"count": number(figures["down"])}}
    ]
    if difference:
        text = _t("The liability rises by %(amount)s.") if difference > 0 else _t("The liability falls by %(amount)s.")
        sentences.append(text % {"amount": amount})
    else:
        sentences.append(_t("The liability stays the same."))
    if figures["expiry_changed"]:
        sentences.append(_t("No points expire by saving: points that members hold keep their date."))
    return sentences


@page("loyalty.change_program", methods=("POST",))
def apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the change of a finished dry run."""
    job = _job(pk)
    tier = Tier.objects.filter(pk=job.result["tier"] or 0).first()
    try:
        what = dry_runs.apply(job=job, actor=of_user(request.user))
    except DomainError as error:
        messages.error(request, str(error.message))
        return redirect("loyalty_dry_run", job.pk)
    messages.success(request, _t("The change is saved. It applies from the next evaluation."))
    return redirect(_page_of(what, tier))


def _job(pk: int) -> Job:
    return get_object_or_404(Job, kind=dry_runs.KIND, pk=pk)
