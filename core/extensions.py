"""What the core itself adds to the registries."""

from django.utils.translation import gettext_lazy as _

from core.console import navigation

navigation.register("home", _("Home"), url="home", icon="home", order=0)
navigation.register(
    "preferences", _("Preferences"), url="preferences", icon="settings", section="settings", listed=False
)
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
