"""Registrations of the core itself."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.audit.log import LOGGED, OBJECTS, AuditedObject, Logged
from core.console import navigation, palette, settings_cards
from core.health import checks as health
from core.health import database as health_database  # noqa: F401
from core.health import home as health_home  # noqa: F401
from core.health import machine as health_machine  # noqa: F401
from core.jobs import home as jobs_home  # noqa: F401
from core.jobs.labels import name_work
from core.lists import services as lists  # noqa: F401
from core.security import console as keys  # noqa: F401
from core.security import home as security_home  # noqa: F401
from core.security import pii_check  # noqa: F401
from core.security.accounts import SECRETS_CONTEXT
from core.security.encrypted_columns import ENCRYPTED, EncryptedColumn
from core.security.roles import Role, grant
from core.sending import services as sending_hold
from core.team import services as team
from core.webhooks import console as webhooks  # noqa: F401
from core.webhooks import handlers  # noqa: F401
from core.webhooks import held as webhooks_held  # noqa: F401

navigation.register("home", _("Home"), url="home", icon="home", order=0)
navigation.register(
    "preferences", _("Preferences"), url="preferences", icon="settings", section="settings", listed=False
)
navigation.register("settings", _("All settings"), url="settings", icon="adjustments", section="settings", order=0)
navigation.register("notices", _("Notices"), url="notices", icon="bell", section="settings", listed=False)
navigation.register(
    "components", _("Components"), url="components", icon="layout-grid", section="settings", listed=False
)
navigation.register(
    "jobs", _("Jobs and health"), url="jobs", icon="heartbeat", permission="core.view_jobs", section="data", order=80
)
navigation.register(
    "audit", _("Audit log"), url="audit", icon="history", permission="core.view_audit", section="data", order=85
)
navigation.register(
    "keys", _("API keys"), url="keys", icon="key", permission="core.manage_apikeys", section="data", order=90
)
navigation.register(
    "webhooks",
    _("Webhooks"),
    url="webhooks",
    icon="webhook",
    permission="core.manage_webhooks",
    section="data",
    order=95,
)
palette.action("key_new", _("New API key"), url="key_new", permission="core.manage_apikeys", order=80)
palette.action("webhook_new", _("New webhook"), url="webhook_new", permission="core.manage_webhooks", order=81)
name_work({"core.webhooks": _("Send webhooks")})
grant("core.manage_webhooks", to=[])
grant("core.view_jobs", to=[Role.LEAD, Role.MARKETER])
grant("core.view_audit", to=[Role.LEAD])
grant(
    "core.manage_apikeys", "core.manage_team", "core.view_user", "core.add_user", "core.change_user",
    "core.view_apikey", "auth.view_group",
    to=[],
)  # fmt: skip
navigation.register(
    "sending_hold",
    _("Stop and start sending"),
    url="sending_hold",
    icon="player-pause",
    permission="core.change_sendinghold",
    section="marketing",
    order=65,
)
health.register("sending", sending_hold.check)
LOGGED.register("core.sending_held", Logged(lambda payload: str(sending_hold.cause_label(payload["cause"]))))
LOGGED.register("core.sending_started", Logged())
LOGGED.register("core.held_settled", Logged(sending_hold.describe_settled))
LOGGED.register("core.list_exported", Logged(lambda payload: f"{payload['list']}: {payload['rows']}"))
LOGGED.register("core.webhook_switched_off", Logged(lambda payload: str(payload["url"])))
OBJECTS.register("core.webhookendpoint", AuditedObject(url=lambda row: reverse("webhook", args=[row["id"]])))
for _table, _key in (("core_webhookendpoint", "id"), ("core_webhookendpointevent", "pgh_id")):
    for _column in ("secret", "previous_secret"):
        ENCRYPTED.register(
            f"{_table}.{_column}", EncryptedColumn(_table, _column, f"core.webhookendpoint.{_column}", key=_key)
        )
for _key in ("secret", "seed"):
    ENCRYPTED.register(
        f"mfa_authenticator.{_key}", EncryptedColumn("mfa_authenticator", "data", SECRETS_CONTEXT, json_key=_key)
    )
for _event in team.EVENTS:
    LOGGED.register(_event.kind, Logged())
settings_cards.register(
    "team",
    _("Team and roles"),
    _("Invite staff, change roles, end sessions"),
    url="team",
    icon="users-group",
    permission="core.manage_team",
    group="shop",
    order=20,
)
settings_cards.register(
    "preferences",
    _("Preferences"),
    _("Your language, time zone and theme"),
    url="preferences",
    icon="user-cog",
    group="own",
    order=10,
    palette=False,
)
settings_cards.register(
    "second_factor",
    _("Second factor"),
    _("The codes of your authenticator app"),
    url="mfa_index",
    icon="shield-lock",
    group="own",
    order=20,
)
settings_cards.register(
    "keys",
    _("API keys"),
    _("Access of your storefront's servers"),
    url="keys",
    icon="key",
    permission="core.manage_apikeys",
    group="technical",
    order=10,
    palette=False,
)
settings_cards.register(
    "webhooks",
    _("Webhooks"),
    _("Events that your own systems receive"),
    url="webhooks",
    icon="webhook",
    permission="core.manage_webhooks",
    group="technical",
    order=20,
    palette=False,
)
