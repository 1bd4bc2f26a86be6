"""Preferences of members of staff."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from core.security.models import Theme, User

CHOICES = {
    "language": lambda value: value in dict(settings.LANGUAGES),
    "theme": lambda value: value in Theme.values,
    "time_zone": lambda value: value == "" or value in zoneinfo.available_timezones(),
}


def set_preferences(*, user: User, **preferences: Any) -> User:
    """Save language, theme or time_zone of a user. Raises Invalid with the name of the invalid field."""
    for name, value in preferences.items():
        if not CHOICES[name](value):
            raise Invalid(_("Not one of the choices."), code="invalid_choice", field=name)
        setattr(user, name, value)
    User.objects.filter(pk=user.pk).update(**preferences)
    return user
