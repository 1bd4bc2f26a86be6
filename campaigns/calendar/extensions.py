"""Registrations of the calendar."""

from django.utils.translation import gettext_lazy as _

from core.console import settings_cards

settings_cards.register(
    "calendar",
    _("Calendar"),
    _("Festival packs of the marketing calendar"),
    url="calendar_settings",
    icon="calendar-event",
    permission="campaigns.change_broadcast",
    group="messages",
    order=40,
    palette=False,
)
