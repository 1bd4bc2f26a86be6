"""Pages of the API keys of storefront servers. A secret is shown once, in the answer to its creation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.errors import DomainError
from core.console.views import page, viewer
from core.db import paging
from core.security.api_keys import create_api_key, revoke_api_key
from core.security.models import ApiKey
from core.security.scopes import SCOPES

PAGE = 50


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
    keys = ApiKey.objects.select_related("created_by")
    rows = paging.keyset(keys, ["-created_at", "-id"], request.GET.get("cursor"), PAGE)
    return render(request, "core/security/keys.html", {"page": rows})


@page("core.manage_apikeys", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = create_api_key(created_by=viewer(request), **form.cleaned_data)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error.message))
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
