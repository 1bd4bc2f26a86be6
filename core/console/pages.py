"""Pages of the shell itself: home, search, palette, preferences."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from core.base import zones
from core.console import component_samples, kept, palette, settings_cards
from core.console import home as home_cards
from core.console.views import back, page, viewer, wants_part
from core.security import roles
from core.security.models import Theme
from core.security.staff import set_preferences


@page(None)
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page of the user's role, or the chosen one; a poll gets its content, or 204 when it is the same."""
    names = home_cards.homes_of(request)
    wanted = request.GET.get("home", "")
    name = next((one for one in names if one == wanted), names[0] if names else None)
    places = {place: (label, cards) for place, label, cards in home_cards.cards(request, name)}
    context: dict[str, Any] = {
        "home": name,
        "needs": places.pop("needs", None),
        "places": list(places.values()),
        "panels": home_cards.panels(request, name) if name else [],
        "counting": kept.of(request).missing,
    }
    if context["counting"]:
        # After a new installation, or when a release brings a new figure.
        kept.keep_after_commit(*sorted(kept.of(request).missing))
    content = render_to_string("core/console/home_content.html", context, request)
    version = home_cards.version_of(content)
    if wants_part(request):
        if request.GET.get("version") == version:
            return HttpResponse(status=204)
        return HttpResponse(_with_version(content, version))
    tabs = [(one, home_cards.HOMES[one].label) for one in names]
    context["content"] = mark_safe(_with_version(content, version))  # noqa: S308 - rendered just now from our template
    context["tabs"] = tabs if len(tabs) > 1 else []
    return render(request, "core/console/home.html", context)


def _with_version(content: str, version: str) -> str:
    return content.replace("version=VERSION", f"version={version}", 1)


@page(None)
def search(request: HttpRequest) -> HttpResponse:
    """Show all matches; redirect to the page when there is exactly one."""
    query = request.GET.get("q", "").strip()
    groups = palette.search(request, query, limit=20) if query else []
    results = [result for group in groups for result in group.results]
    if len(results) == 1:
        return redirect(results[0].url)
    return render(request, "core/console/search.html", {"query": query, "found": groups})


@page(None)
def palette_results(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "")
    return render(
        request, "core/console/palette_results.html", {"query": query, "found": palette.search(request, query)}
    )


class PreferencesForm(forms.Form):
    language = forms.ChoiceField(label=_("Language"))
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    theme = forms.ChoiceField(label=_("Theme"), choices=Theme.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        languages = [(code, translation.get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]
        self.fields["language"].choices = languages  # type: ignore[attr-defined]
        default = _t("The shop's zone (%(zone)s)") % {"zone": zones.shop_zone()}
        zone_names = sorted(
            name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/")
        )
        self.fields["time_zone"].choices = [("", default), *[(zone, zone.replace("_", " ")) for zone in zone_names]]  # type: ignore[attr-defined]


@page(None, methods=("GET", "POST"))
def preferences(request: HttpRequest) -> HttpResponse:
    user = viewer(request)
    form = PreferencesForm(
        request.POST or None,
        initial={
            "language": user.language or translation.get_language(),
            "time_zone": user.time_zone,
            "theme": user.theme,
        },
    )
    if request.method == "POST" and form.is_valid():
        set_preferences(user=user, **form.cleaned_data)
        translation.activate(form.cleaned_data["language"])
        messages.success(request, _t("Your preferences are saved."))
        return _remember_language(redirect("preferences"), form.cleaned_data["language"])
    role = roles.role_of(user)
    return render(request, "core/console/preferences.html", {"form": form, "role": roles.LABELS[role] if role else ""})


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Set the language. The switch is on every page, also on the sign-in page, so no permission is required."""
    language = request.POST.get("language", "")
    response = back(request)
    if language in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            set_preferences(user=viewer(request), language=language)
        _remember_language(response, language)
    return response


@login_not_required
def password_reset(request: HttpRequest) -> HttpResponse:
    """Explain that an administrator sets a new password. Nothing is sent, so the page can't reveal accounts."""
    return render(request, "account/password_reset.html")


@page(None, methods=("POST",))
def set_theme(request: HttpRequest) -> HttpResponse:
    set_preferences(user=viewer(request), theme=request.POST.get("theme", ""))
    return back(request)


@page(None)
def settings_index(request: HttpRequest) -> HttpResponse:
    return render(request, "core/console/settings.html", {"groups": settings_cards.groups(request.user)})


@page(None)
def components(request: HttpRequest) -> HttpResponse:
    """Show every component of the console once."""
    return render(request, "core/console/components.html", component_samples.context(request))


def _remember_language(response: HttpResponse, language: str) -> HttpResponse:
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 24 * 3600, samesite="Lax", httponly=True)
    return response
