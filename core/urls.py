"""Routes of core: the API, the console and public pages."""

from django.urls import path

from core.audit import console as audit
from core.console import pages
from core.jobs import console as jobs
from core.lists import console as lists
from core.notices import console as notices
from core.security import console as keys
from core.sending import console as sending
from core.team import console as team
from core.webhooks import console as webhooks

console = [
    # Before allauth's page of the same path, which would send a link by e-mail.
    path("accounts/password/reset/", pages.password_reset, name="account_reset_password"),
    path("", pages.home, name="home"),
    path("search/", pages.search, name="search"),
    path("palette/", pages.palette_results, name="palette"),
    path("settings/", pages.settings_index, name="settings"),
    path("preferences/", pages.preferences, name="preferences"),
    path("preferences/language/", pages.set_language, name="set_language"),
    path("preferences/theme/", pages.set_theme, name="set_theme"),
    path("lists/<slug:name>/export/", lists.export, name="list_export"),
    path("lists/<slug:name>/bulk/", lists.bulk, name="list_bulk"),
    path("lists/<slug:name>/columns/", lists.columns, name="list_columns"),
    path("lists/<slug:name>/views/", lists.save, name="list_view_save"),
    path("lists/<slug:name>/views/<int:pk>/remove/", lists.remove, name="list_view_remove"),
    path("lists/<slug:name>/<int:pk>/archive/", lists.archive, name="list_archive"),
    path("lists/<slug:name>/<int:pk>/restore/", lists.restore, name="list_restore"),
    path("lists/<slug:name>/<int:pk>/duplicate/", lists.duplicate, name="list_duplicate"),
    path("lists/<slug:name>/<int:pk>/describe/", lists.describe, name="list_describe"),
    path("notices/", notices.index, name="notices"),
    path("notices/read/", notices.read_all, name="notices_read"),
    path("notices/<int:pk>/", notices.follow, name="notice"),
    path("settings/team/", team.index, name="team"),
    path("settings/team/invite/", team.invite, name="team_invite"),
    path("settings/team/<int:pk>/", team.show, name="team_member"),
    path("settings/team/<int:pk>/role/", team.role, name="team_role"),
    path("settings/team/<int:pk>/switch/", team.switch, name="team_switch"),
    path("settings/team/<int:pk>/sessions/", team.end_sessions, name="team_sessions"),
    path("settings/team/<int:pk>/resend/", team.resend, name="team_resend"),
    path("settings/team/<int:pk>/withdraw/", team.withdraw, name="team_withdraw"),
    path("join/<str:uid>/<str:token>/", team.join, name="team_join"),
    path("jobs/", jobs.index, name="jobs"),
    path("jobs/running/", jobs.running, name="jobs_running"),
    path("jobs/health/", jobs.health, name="jobs_health"),
    path("jobs/retry/", jobs.retry, name="jobs_retry"),
    path("audit/", audit.index, name="audit"),
    path("keys/", keys.index, name="keys"),
    path("keys/new/", keys.new, name="key_new"),
    path("keys/<int:pk>/revoke/", keys.revoke, name="key_revoke"),
    path("webhooks/", webhooks.index, name="webhooks"),
    path("webhooks/new/", webhooks.new, name="webhook_new"),
    path("webhooks/deliveries/<uuid:pk>/", webhooks.delivery, name="webhook_delivery"),
    path("webhooks/deliveries/<uuid:pk>/replay/", webhooks.replay, name="webhook_replay"),
    path("webhooks/<int:pk>/", webhooks.show, name="webhook"),
    path("webhooks/<int:pk>/edit/", webhooks.edit, name="webhook_edit"),
    path("webhooks/<int:pk>/switch/", webhooks.switch, name="webhook_switch"),
    path("webhooks/<int:pk>/secret/", webhooks.rotate, name="webhook_rotate"),
    path("webhooks/<int:pk>/test/", webhooks.test, name="webhook_test"),
    path("webhooks/<int:pk>/replay/", webhooks.replay_all, name="webhook_replay_all"),
    path("sending/hold/", sending.show, name="sending_hold"),
    path("sending/hold/stop/", sending.stop, name="sending_hold_stop"),
    path("sending/hold/decide/", sending.decide, name="sending_hold_decide"),
    path("sending/hold/start/", sending.start, name="sending_hold_start"),
    path("components/", pages.components, name="components"),
]
