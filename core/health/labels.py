"""Texts of the health checks: a name, what the check means for the shop, and what to do while it fails."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class CheckText:
    label: str | Promise
    about: str | Promise
    remedy: str | Promise = ""


TEXTS: dict[str, CheckText] = {
    "configuration": CheckText(
        _("Configuration"),
        _("Which servers the shop uses."),
        _("Set DATABASE_URL, REDIS_URL and CACHE_URL to use servers of your own."),
    ),
    "database": CheckText(
        _("Database"),
        _("Holds all data. Without it no page works."),
        _("Start the database server, and check DATABASE_URL."),
    ),
    "cache": CheckText(
        _("Cache"),
        _("Makes pages fast. Without it they still work, but slower."),
        _("Start the cache server, and check CACHE_URL."),
    ),
    "queue": CheckText(
        _("Queue"),
        _("Tasks wait here for a worker. A queue that only grows needs more workers."),
        _("Start more workers, and check that REDIS_URL leads to a running server."),
    ),
    "queue_and_cache": CheckText(
        _("Queue and cache separation"),
        _("A full cache must not push tasks out of the queue."),
        _("Use two servers: noeviction for the queue, allkeys-lru for the cache."),
    ),
    "migrations": CheckText(
        _("Migrations"),
        _("The database has the tables of this release."),
        _("Run manage.py migrate, then restart the web servers and workers."),
    ),
    "outbox": CheckText(
        _("Deliveries"),
        _("Changes reach points, segments, journeys and webhooks without delay."),
        _("Look at the deliveries below: read the last error, repair its cause, then press “Try again”."),
    ),
    "worker": CheckText(
        _("Workers"),
        _("Workers send messages, compute segments and run imports."),
        _("Start a worker: manage.py up, or celery worker."),
    ),
    "ledger": CheckText(
        _("Points ledger"),
        _("The balances of all members agree with their entries."),
        _("Run manage.py doctor --prove, and do not correct balances by hand before the cause is known."),
    ),
    "messages": CheckText(
        _("Messages"),
        _("Due messages go out without delay."),
        _("Start more workers, and check the channels of the messages that wait."),
    ),
    "webhooks": CheckText(
        _("Webhooks"),
        _("The shop's own systems receive their events."),
        _("Open the webhooks, repair the receiving systems, then switch the endpoints on again."),
    ),
    "sending": CheckText(
        _("Sending"),
        _("Messages may leave the shop."),
        _("Check what was restored, then start sending under Settings."),
    ),
    "keys": CheckText(
        _("Keys of personal data"),
        _("Phone numbers and e-mail addresses can be read."),
        _("Put back the PII_KEYS that this shop ran with, and restart it."),
    ),
    "personal_data": CheckText(
        _("Personal data"),
        _("All stored personal data is encrypted with a known key."),
        _("Put back the missing keys. They are in the backups of the shop."),
    ),
    "static_files": CheckText(
        _("Static files"),
        _("Styles and scripts of the pages are in place."),
        _("Run make static, then restart the web servers."),
    ),
    "media": CheckText(
        _("Uploads"),
        _("Pictures and import files can be stored."),
        _("Give the shop's user the right to write in this folder, and check the free space."),
    ),
    "file_modes": CheckText(
        _("File permissions"),
        _("Other users of the machine can't read private files."),
        _("Run the commands in brackets on the machine of the shop."),
    ),
    "dump_programs": CheckText(
        _("Backup programs"),
        _("A backup of the database can be made."),
        _("Install the client programs of the database's version."),
    ),
    "embedded_servers": CheckText(
        _("Embedded servers"),
        _("The installed database program can open the data."),
        _("Make a backup with the previous release, then restore it with this one."),
    ),
    "indexes": CheckText(
        _("Indexes"),
        _("A broken index slows the shop down."),
        _("Rebuild these indexes with REINDEX INDEX CONCURRENTLY."),
    ),
    "sequences": CheckText(
        _("Sequences"), _("New rows get numbers that are still free."), _("Run manage.py doctor --fix.")
    ),
    "partitions": CheckText(
        _("Activity partitions"),
        _("There is room for the activity of the coming weeks."),
        _("Run manage.py doctor --fix."),
    ),
    "tier_periods": CheckText(
        _("Tier periods"),
        _("Each member is in one tier at a time."),
        _("Correct the periods of these members in the administration."),
    ),
    "clock": CheckText(
        _("Clock"),
        _("This machine and the database agree on the time."),
        _("Let both machines set their clocks by NTP."),
    ),
    "connections": CheckText(
        _("Connections"),
        _("The database has free connections."),
        _("Raise max_connections, or use fewer web processes and workers."),
    ),
    "journeys": CheckText(
        _("Journeys"),
        _("Customers move on in their journeys without delay."),
        _("Start more workers, and look at the journeys with failed steps."),
    ),
    "mail": CheckText(
        pgettext_lazy("health check", "E-mail"),
        _("The mail server accepts messages."),
        _("Check the settings of the e-mail provider, then send a test message."),
    ),
    "benefits": CheckText(
        _("Benefits"),
        _("The benefits of the tiers can be given."),
        _("Open the tiers: their pages say which benefits failed and why."),
    ),
}


def text_of(name: str) -> CheckText:
    """Return the texts of a check; one of another package shows its own name."""
    return TEXTS.get(name) or CheckText(name.replace("_", " ").capitalize(), "")
