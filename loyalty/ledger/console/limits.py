"""Page of giving limits for administrators: what each role may give by hand, and the history of changes (L13)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.audit import console as audit
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.forms import show_refusal
from core.console.views import page
from core.security.roles import Role
from loyalty.ledger.rules.limits import DEFAULTS, MOST_COUPONS, MOST_POINTS, Limits
from loyalty.ledger.selectors import allowances
from loyalty.ledger.services.limits import set_limits

# Analysts are left out because they have neither permission to give by hand.
ROLES = (Role.AGENT, Role.LEAD, Role.MARKETER, Role.ADMINISTRATOR)
HISTORY_SHOWN = 20


class LimitsForm(forms.Form):
    points_per_act = forms.IntegerField(label=_("Points at once"), min_value=0, max_value=MOST_POINTS)
    points_per_day = forms.IntegerField(label=_("Points a day"), min_value=0, max_value=MOST_POINTS)
    coupons_per_day = forms.IntegerField(label=_("Coupons a day"), min_value=0, max_value=MOST_COUPONS)

    def __init__(self, data: Any = None, *, role: str, now: Limits) -> None:
        super().__init__(data, prefix=role, initial=now.__dict__)
        self.role = role
        self.label = allowances.role_label(role)
        self.default = DEFAULTS[role]


@page("loyalty.change_givinglimit", methods=("GET", "POST"))
def show(request: HttpRequest) -> HttpResponse:
    now = allowances.limits_of_roles()
    forms_ = [LimitsForm(request.POST or None, role=role.value, now=now[role.value]) for role in ROLES]
    # Validate every form, so that each shows its own errors.
    wrong = [form for form in forms_ if not form.is_valid()] if request.method == "POST" else forms_
    if not wrong and _save(request, forms_):
        messages.success(request, _t("The limits are saved."))
        return redirect("giving_limits")
    context = {"forms": forms_, "history": audit.history("loyalty.givinglimit", HISTORY_SHOWN)}
    return render(request, "loyalty/ledger/limits.html", context)


def _save(request: HttpRequest, forms_: list[LimitsForm]) -> bool:
    """Save the limits of all roles or of none. Each error is shown at its field."""
    with transaction.atomic():
        for form in forms_:
            try:
                set_limits(role=form.role, limits=Limits(**form.cleaned_data), actor=of_user(request.user))
            except DomainError as error:
                show_refusal(form, error)
        refused = any(form.errors for form in forms_)
        if refused:
            transaction.set_rollback(True)
    return not refused
