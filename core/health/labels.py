"""Texts of the health checks: a name, and what the check means for the shop."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class CheckText:
    label: str | Promise
    about: str | Promise


TEXTS: dict[str, CheckText] = {
    "configuration": CheckText(_("Configuration"), _("Which servers the shop uses.")),
    "database": CheckText(_("Database"), _("Holds all data. Without it no page works.")),
    "cache": CheckText(_("Cache"), _("Makes pages fast. Without it they still work, but slower.")),
    "queue": CheckText(_("Queue"), _("Tasks wait here for a worker. A queue that only grows needs more workers.")),
    "queue_and_cache": CheckText(
        _("Queue and cache separation"), _("A full cache must not push tasks out of the queue.")
    ),
    "migrations": CheckText(_("Migrations"), _("The database has the tables of this release.")),
    "outbox": CheckText(_("Deliveries"), _("Changes reach points, segments, journeys and webhooks without delay.")),
    "worker": CheckText(_("Workers"), _("Workers send messages, compute segments and run imports.")),
    "ledger": CheckText(_("Points ledger"), _("The balances of all members agree with their entries.")),
    "messages": CheckText(_("Messages"), _("Due messages go out without delay.")),
    "webhooks": CheckText(_("Webhooks"), _("The shop's own systems receive their events.")),
    "sending": CheckText(_("Sending"), _("Messages may leave the shop.")),
    "keys": CheckText(_("Keys of personal data"), _("Phone numbers and e-mail addresses can be read.")),
    "personal_data": CheckText(_("Personal data"), _("All stored personal data is encrypted with a known key.")),
    "static_files": CheckText(_("Static files"), _("Styles and scripts of the pages are in place.")),
    "media": CheckText(_("Uploads"), _("Pictures and import files can be stored.")),
    "file_modes": CheckText(_("File permissions"), _("Other users of the machine can't read private files.")),
    "dump_programs": CheckText(_("Backup programs"), _("A backup of the database can be made.")),
    "embedded_servers": CheckText(_("Embedded servers"), _("The installed database program can open the data.")),
    "indexes": CheckText(_("Indexes"), _("A broken index slows the shop down.")),
    "sequences": CheckText(_("Sequences"), _("New rows get numbers that are still free.")),
    "partitions": CheckText(_("Activity partitions"), _("There is room for the activity of the coming weeks.")),
    "tier_periods": CheckText(_("Tier periods"), _("Each member is in one tier at a time.")),
    "clock": CheckText(_("Clock"), _("This machine and the database agree on the time.")),
    "connections": CheckText(_("Connections"), _("The database has free connections.")),
    "journeys": CheckText(_("Journeys"), _("Customers move on in their journeys without delay.")),
    "mail": CheckText(pgettext_lazy("health check", "E-mail"), _("The mail server accepts messages.")),
    "benefits": CheckText(_("Benefits"), _("The benefits of the tiers can be given.")),
}


def text_of(name: str) -> CheckText:
    """Return the texts of a check; one of another package shows its own name."""
    return TEXTS.get(name) or CheckText(name.replace("_", " ").capitalize(), "")
