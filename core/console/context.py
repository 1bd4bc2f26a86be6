"""Template context of the shell. Each value is computed only if the response shows it."""

from __future__ import annotations

from functools import cached_property

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

from core.console import navigation
from core.console.admin_index import admin_url
from core.notices.registry import unread_count
from core.security.models import Theme
from core.sending import services as sending_hold

# static/js/console.js writes it; the server reads it, so that the navigation does not jump while a page loads.
UNFOLDED_COOKIE = "navigation"


class Shell:
    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def groups(self) -> list[navigation.NavigationGroup]:
        unfolded = self.request.COOKIES.get(UNFOLDED_COOKIE, "")[:200].split(".")
        return navigation.groups(self.request.user, self.request.path, unfolded)

    @cached_property
    def sending_held(self) -> str:
        """The cause of the hold of sending; "" while sending runs."""
        return next(iter(sending_hold.shown()), "")

    @cached_property
    def unread(self) -> int:
        """The number of unread notices on the bell."""
        return unread_count(self.request.user)

    @cached_property
    def admin_url(self) -> str:
        """The address in the admin of what this page shows; "" for users who can't open it there."""
        return admin_url(self.request)

    @property
    def theme(self) -> str:
        user = getattr(self.request, "user", None)
        return user.theme if user is not None and user.is_authenticated else Theme.AUTO

    @property
    def themes(self) -> list[tuple[str, str]]:
        return [(code, str(label)) for code, label in Theme.choices]

    @property
    def language(self) -> str:
        return translation.get_language() or "en"

    @property
    def languages(self) -> list[tuple[str, str]]:
        """The languages, each under its own name, so that a user in the wrong language can find the right one."""
        return [(code, translation.get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]


def shell(request: HttpRequest) -> dict[str, Shell]:
    return {"shell": Shell(request)}
