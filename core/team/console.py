"""Settings of the team: the list of staff, invitations, one member, and the public page that accepts an invitation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from core.base.actor import of_user
from core.console import editing
from core.console.forms import RefusableForm
from core.console.switching import is_on
from core.console.views import page, viewer
from core.security.models import User
from core.security.roles import LABELS, Role
from core.team import services
from core.team.registry import shop_name
from core.team.selectors import all_staff, staff_rows
from core.text.formatting import number

MANAGE = "core.manage_team"
EXPLAINED = {
    Role.AGENT: _("Answers tickets, sees customers, adjusts points within a limit."),
    Role.LEAD: _("As an agent, and approves adjustments, sets tiers, exports customers."),
    Role.MARKETER: _("Segments, campaigns, coupons, rewards and the loyalty program."),
    Role.ANALYST: _("Sees figures and customers and exports them, changes nothing."),
    Role.ADMINISTRATOR: _("Everything, with team, keys and settings."),
}


def _roles() -> list[tuple[str, str]]:
    return [(role.value, str(LABELS[role])) for role in Role]


class InvitationForm(RefusableForm):
    email = forms.EmailField(label=_("E-mail"), max_length=150)
    first_name = forms.CharField(label=_("First name"), max_length=services.LONGEST_NAME, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=services.LONGEST_NAME, required=False)
    role = forms.ChoiceField(label=_("Role"), choices=_roles)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=_roles)


class PasswordForm(RefusableForm):
    password = forms.CharField(label=_("Password"), widget=forms.PasswordInput({"autocomplete": "new-password"}))
    again = forms.CharField(label=_("Password again"), widget=forms.PasswordInput({"autocomplete": "new-password"}))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("password") != values.get("again"):
            self.add_error("again", _t("The passwords differ."))
        return values


@page(MANAGE)
def index(request: HttpRequest) -> HttpResponse:
    context = {"rows": staff_rows(all_staff()), "roles": [(LABELS[role], EXPLAINED[role]) for role in Role]}
    return render(request, "core/team/team.html", context)


@page(MANAGE, methods=("GET", "POST"))
def invite(request: HttpRequest) -> HttpResponse:
    form = InvitationForm(request.POST or None, initial={"role": Role.AGENT.value})
    if request.method == "POST":
        invitation = editing.save_or_refuse(
            form, lambda: services.invite(actor=of_user(request.user), **form.cleaned_data)
        )
        if invitation is not None:
            return _sent(request, invitation)
    heading = _t("Invite a staff member")
    context = {
        "form": form,
        "title": heading,
        "heading": heading,
        "action": reverse("team_invite"),
        "back_url": reverse("team"),
        "back_label": _t("Team"),
        "roles": [(LABELS[role], EXPLAINED[role]) for role in Role],
    }
    return render(request, "core/team/invite.html", context)


def _sent(request: HttpRequest, invitation: services.Invitation) -> HttpResponse:
    """Send the invitation and show its link once, for a shop whose mail does not arrive."""
    sent = services.send_invitation(invitation, shop=shop_name(), sender=str(viewer(request)))
    context = {
        "invited": invitation.user,
        "link": invitation.link,
        "sent": sent,
        "until": services.expires_at(invitation.user),
    }
    response = render(request, "core/team/invited.html", context)
    response["Cache-Control"] = "no-store"
    return response


@page(MANAGE)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    (row,) = staff_rows([_member(pk)])
    context = {
        "row": row,
        "member": row.user,
        "own": row.user.pk == viewer(request).pk,
        "form": RoleForm(initial={"role": row.role}),
        "explained": EXPLAINED[row.role] if row.role else "",
    }
    return render(request, "core/team/member.html", context)


@page(MANAGE, methods=("POST",))
def role(request: HttpRequest, pk: int) -> HttpResponse:
    chosen = request.POST.get("role", "")
    user = services.change_role(user=_member(pk), role=chosen, actor=of_user(request.user))
    text = _t("%(name)s is %(role)s now.") % {"name": user, "role": LABELS[Role(chosen)]}
    messages.success(request, text)
    return redirect("team_member", pk)


@page(MANAGE, methods=("POST",))
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Deactivate an account, or open it again."""
    active = is_on(request)
    change = services.activate if active else services.deactivate
    user = change(user=_member(pk), actor=of_user(request.user))
    text = _t("%(name)s can sign in again.") if active else _t("%(name)s can't sign in any more.")
    messages.success(request, text % {"name": user})
    return redirect("team_member", pk)


@page(MANAGE, methods=("POST",))
def end_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    count = services.end_sessions(user=_member(pk), actor=of_user(request.user))
    text = ngettext("%(count)s session ended.", "%(count)s sessions ended.", count) % {"count": number(count)}
    messages.success(request, text)
    return redirect("team_member", pk)


@page(MANAGE, methods=("POST",))
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    return _sent(request, services.resend(user=_member(pk), actor=of_user(request.user)))


@page(MANAGE, methods=("POST",))
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    user = _member(pk)
    services.withdraw(user=user, actor=of_user(request.user))
    messages.success(request, _t("The invitation of %(name)s is withdrawn.") % {"name": user.email})
    return redirect("team")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Let an invited person choose a password. The address contains a secret, so no page may keep it."""
    invited = services.invited_user(uid, token)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and editing.save_or_refuse(
        form, lambda: services.accept(uid=uid, token=token, password=form.cleaned_data["password"])
    ):
        messages.success(request, _t("Your password is set. Sign in with your e-mail address."))
        return redirect("account_login")
    context = {"invited": invited, "form": form, "shop": shop_name()}
    response = render(request, "core/team/join.html", context, status=200 if invited else 410)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _member(pk: int) -> User:
    return get_object_or_404(User.objects.prefetch_related("groups"), pk=pk)
