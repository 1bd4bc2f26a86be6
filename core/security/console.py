"""Pages of the API keys of storefront servers. A secret is shown once, in the answer to its creation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.errors import DomainError
from core.console.forms import show_refusal
from core.console.list_columns import Cell
from core.console.views import page, viewer
from core.lists.declaration import Choices, Column, Empty, Filter, ObjectList, RowAction, State, TopAction, register
from core.lists.showing import respond
from core.security.api_keys import QUIET_DAYS, create_api_key, revoke_api_key, unused
from core.security.models import ApiKey
from core.security.scopes import SCOPES
from core.text.formatting import day


def _name(key: ApiKey) -> Cell:
    return Cell(key.name, f"lk_{key.prefix}_…", badge=_("Revoked") if key.revoked_at else "")


def _revoke_text(key: ApiKey) -> str:
    text = _t("Systems that use “%(name)s” lose access at once. A revoked key can't be restored.")
    return text % {"name": key.name}


def _unused_choices(_request: HttpRequest) -> Choices:
    return [("yes", _t("Not used for %(days)s days") % {"days": QUIET_DAYS})]


def _unused(_request: HttpRequest, keys: QuerySet[ApiKey], value: str) -> QuerySet[ApiKey]:
    return unused(keys) if value == "yes" else keys


KEYS = register(
    ObjectList(
        name="keys",
        title=_("API keys"),
        route="keys",
        model=ApiKey,
        permission="core.manage_apikeys",
        add="core.manage_apikeys",
        select=lambda _request: ApiKey.objects.select_related("created_by"),
        opens=lambda _key: "",
        columns=[
            Column("name", _("Key"), _name, lambda row: row.name, "name"),
            Column("source", _("Source"), lambda row: row.source, sort="source"),
            Column("scopes", _("Scopes"), lambda row: " · ".join(row.scopes), on_cards=False),
            Column(
                "used",
                _("Last used"),
                lambda row: Cell(at=row.last_used_at) if row.last_used_at else Cell(_("never")),
                lambda row: row.last_used_at and row.last_used_at.isoformat(),
            ),
            Column(
                "created",
                _("Created"),
                lambda row: Cell(day(row.created_at), str(row.created_by or "")),
                lambda row: row.created_at.isoformat(),
                "created_at",
            ),
            Column("revoked", _("Revoked"), lambda row: day(row.revoked_at), shown=False),
        ],
        states=[
            State("", _("All")),
            State("valid", _("Valid"), lambda: Q(revoked_at=None)),
            State("revoked", _("Revoked"), lambda: Q(revoked_at__isnull=False)),
        ],
        search=("name", "source", "prefix"),
        filters=[Filter("unused", _("Last used"), _unused_choices, _unused, quiet=True)],
        row_actions=[
            RowAction(
                _("Revoke"),
                "ban",
                lambda key: "" if key.revoked_at else reverse("key_revoke", args=[key.pk]),
                post=True,
                danger=True,
                confirm=_revoke_text,
            )
        ],
        top_actions=[
            TopAction(_("New key"), "plus", lambda: reverse("key_new"), "core.manage_apikeys"),
            TopAction(_("API documentation"), "book", lambda: reverse("api-docs"), primary=False),
        ],
        empty=Empty("key", _("No keys yet"), _("A key lets the storefront's server send orders and use points.")),
    )
)


class KeyForm(forms.Form):
    name = forms.CharField(
        label=_("Name of the key"),
        max_length=80,
        help_text=_("The system that uses it, for example the storefront in production."),
    )
    source = forms.SlugField(
        label=_("Source"),
        max_length=40,
        initial="storefront",
        help_text=_("The system that this key speaks for; order and event numbers are unique within it."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [(name, str(label)) for name, label in SCOPES.items()]  # type: ignore[attr-defined]


@page("core.manage_apikeys")
def index(request: HttpRequest) -> HttpResponse:
    return respond(KEYS, request)


@page("core.manage_apikeys", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = create_api_key(created_by=viewer(request), **form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error)
        else:
            # Not a redirect: the secret is only in this answer.
            response = render(request, "core/security/key_made.html", {"key": key, "secret": secret})
            response["Cache-Control"] = "no-store"
            return response
    heading = _t("New key")
    context = {
        "form": form,
        "title": heading,
        "heading": heading,
        "back_url": reverse("keys"),
        "back_label": _t("API keys"),
    }
    return render(request, "core/security/key_new.html", context)


@page("core.manage_apikeys", methods=("POST",))
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.active(), pk=pk)
    revoke_api_key(key)
    messages.success(request, _t("The key “%(name)s” is revoked.") % {"name": key.name})
    return redirect("keys")
