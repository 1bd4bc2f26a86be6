"""Django admin of broadcasts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.broadcasts.console.form import BroadcastForm
from campaigns.broadcasts.labels import schedule_words
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.broadcasts.services import broadcasts as services
from campaigns.messages.selectors.messages import waiting_of
from core.base.actor import Actor
from core.console.service_admin import Command, ServiceAdmin, Text, calls, moment
from core.text.formatting import number

TASK = "campaigns.run_broadcasts"
FIXED: dict[str, Text] = {
    BroadcastState.SCHEDULED: _("This broadcast is scheduled. Make it a draft again to change it."),
    BroadcastState.SENDING: _("This broadcast is being sent, so it can't be changed."),
    BroadcastState.PAUSED: _("This broadcast has started, so it can't be changed. It can be resumed or stopped."),
    BroadcastState.DONE: _("This broadcast is over, so it can't be changed."),
    BroadcastState.STOPPED: _("This broadcast was stopped, so it can't be changed."),
}


def _unsent(broadcast: Broadcast) -> str:
    waiting = waiting_of(broadcast.origin)
    text = ngettext(
        "%(count)s waiting message will never be sent. This can't be undone.",
        "%(count)s waiting messages will never be sent. This can't be undone.",
        waiting,
    )
    return text % {"count": number(waiting)}


def _start(broadcast: Broadcast) -> str:
    customers = broadcast.segment.size
    text = ngettext(
        "%(count)s customer of “%(segment)s” is the audience: %(schedule)s.",
        "%(count)s customers of “%(segment)s” are the audience: %(schedule)s.",
        customers,
    )
    return text % {
        "count": number(customers), "segment": broadcast.segment.name, "schedule": schedule_words(broadcast),
    }  # fmt: skip


@admin.register(Broadcast)
class BroadcastAdmin(ServiceAdmin):
    console_page, console_list = "broadcast", "broadcasts"
    list_display = ("name", "state", "segment", "template", "schedule", "audience", "finished")
    list_select_related = ("segment", "template", "coupon", "experiment")
    list_filter = ("state",)
    search_fields = ("name", "segment__name", "template__name")
    ordering = ("-created_at", "-id")
    finished = moment("finished_at", _("finished"))
    facts = ("state", "segment", "template", "coupon", "experiment", "schedule", "audience", "finished")
    state_field = "state"
    commands = (
        Command("schedule", _("Schedule or send"), calls(services.schedule_broadcast, "broadcast"), _start, TASK),
        Command("unschedule", _("Back to draft"), calls(services.unschedule_broadcast, "broadcast")),
        Command("pause", _("Pause"), calls(services.pause_broadcast, "broadcast")),
        Command("resume", _("Resume"), calls(services.resume_broadcast, "broadcast"), task=TASK),
        Command("stop", _("Stop"), calls(services.stop_broadcast, "broadcast"), _unsent, TASK),
    )

    def make_form(
        self, request: HttpRequest, obj: Broadcast | None, data: Any, files: Any, typed: Any
    ) -> BroadcastForm:
        return BroadcastForm(data, broadcast=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Broadcast | None, form: Any, actor: Actor) -> Broadcast:
        if obj is None:
            return services.create_broadcast(actor=actor, **form.values())
        return services.update_broadcast(broadcast=obj, actor=actor, **form.values())

    def fixed(self, obj: Broadcast) -> Text:
        return FIXED.get(obj.state, "")

    @admin.display(description=_("schedule"), ordering="send_on")
    def schedule(self, broadcast: Broadcast) -> str:
        return schedule_words(broadcast)

    @admin.display(description=_("audience"), ordering="audience_count")
    def audience(self, broadcast: Broadcast) -> str:
        return number(broadcast.audience_count) if broadcast.prepared_at else "–"
