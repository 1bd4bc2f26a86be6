"""Send messages to customers, open tickets for staff, and call webhooks of the shop's own systems."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.channels.labels import channel_label
from campaigns.coupons.models import CouponCode
from campaigns.experiments.services.queueing import Intended, queue_messages
from campaigns.journeys import events
from campaigns.journeys.registry import StepBatch, StepKind
from campaigns.journeys.rules import StepValues
from campaigns.templates.models import MessageClass, Template
from campaigns.templates.services.contexts import coupon_context, readings
from core.base.actor import SYSTEM
from core.events.bus import Emission, emit_many
from core.fields import Choices, Field, Text
from core.webhooks.models import WebhookEndpoint
from core.webhooks.registry import PUBLIC
from crm.customers.models import Customer, Store
from crm.desk.models import TicketPriority
from crm.desk.services import open_ticket

WEBHOOK = "journey.step_reached"


def _templates() -> Choices:
    rows = Template.objects.filter(message_class=MessageClass.MARKETING, archived_at=None).order_by("name")
    return [(str(row.pk), f"{row.name} · {channel_label(row.channel)}") for row in rows]


class SendMessage(StepKind):
    """Queue a message, once per run (J2). The gate decides at the moment of sending whether it goes (J1, J4)."""

    label = pgettext_lazy("journey step", "Message")
    icon = "send"
    effects = True
    fields = (Field("template", "choice", _("Template"), choices=_templates),)

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        template = Template.objects.get(pk=batch.values["template"])
        contexts = _contexts(batch)
        queue_messages(
            rows=[Intended(run.customer, f"run:{run.id}", batch.now, contexts[run.id]) for run in batch.runs],
            origin=batch.origin,
            origin_version=batch.version,
            template=template,
            step=batch.step["id"],
        )
        return {run.id: "" for run in batch.runs}

    def check(self, values: StepValues) -> Iterable[tuple[str, Text]]:
        template = Template.objects.filter(pk=values["template"]).first()
        if template is None:
            yield "template", _("Not one of the choices.")
        elif template.message_class != MessageClass.MARKETING:
            # A transactional template would bypass consent, caps and quiet hours.
            yield "template", _("A journey needs a marketing template; this template is transactional.")

    def words(self, values: StepValues) -> str:
        template = Template.objects.filter(pk=values.get("template") or 0).first()
        return f"{template.name} · {channel_label(template.channel)}" if template else ""


def _contexts(batch: StepBatch) -> dict[int, dict[str, Any]]:
    """Return each message's own values beyond the customer: its order, event or points, and the code given before."""
    codes = CouponCode.objects.select_related("coupon").in_bulk(
        {run.context["code"] for run in batch.runs if "code" in run.context}
    )
    languages = _languages(batch) if codes else {}
    contexts: dict[int, dict[str, Any]] = {}
    for run in batch.runs:
        values: dict[str, Any] = {
            name: run.context[name] for name in ("order_id", "activity", "expiring", "segment") if name in run.context
        }
        code = codes.get(run.context.get("code", 0))
        if code is not None:
            values["coupon"] = coupon_context(code.coupon, code, languages[run.customer])
        contexts[run.id] = values
    return contexts


def _languages(batch: StepBatch) -> dict[int, str]:
    """Return each customer's first supported language, in which amounts and days are formatted."""
    spoken = dict(settings.LANGUAGES)
    store = Store.objects.filter(is_default=True).first()
    shop = store.language if store else settings.LANGUAGE_CODE
    rows = Customer.objects.filter(pk__in=batch.customers).values_list("pk", "language")
    return {pk: next(one for one in readings(language, shop) if one in spoken) for pk, language in rows}


class OpenTicket(StepKind):
    """Open a ticket that asks staff to contact the customer."""

    label = _("Open a ticket")
    icon = "message-circle"
    effects = True
    fields = (
        Field("subject", "text", _("Subject"), most=200),
        Field("text", "long", _("Task description"), most=4000),
        Field(
            "priority",
            "choice",
            _("priority"),
            choices=lambda: [(str(v), t) for v, t in TicketPriority.choices],
            default="2",
        ),
    )

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        people = Customer.objects.in_bulk(batch.customers)
        for run in batch.runs:
            open_ticket(
                customer=people[run.customer],
                subject=batch.values["subject"],
                text=batch.values["text"],
                priority=int(batch.values["priority"]),
                origin_ref=batch.cause(run)[:80],
                from_customer=False,
                # The text is an instruction for a colleague; the customer must not read it.
                internal=True,
                actor=SYSTEM,
            )
        return {run.id: "" for run in batch.runs}

    def words(self, values: StepValues) -> str:
        return values.get("subject", "")


class CallWebhook(StepKind):
    """Notify the shop's endpoints that subscribe to journeys, signed and retried like any other event."""

    label = _("Webhook")
    icon = "webhook"
    effects = True
    fields = (Field("name", "text", _("Name"), most=80, help=_("The receiver gets this name, to distinguish steps.")),)

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        payload = {"journey": batch.journey, "name": batch.name, "step": batch.values["name"]}
        emit_many(Emission(events.JOURNEY_STEP_REACHED, run.customer, {**payload, "run": run.id}) for run in batch.runs)
        return {run.id: "" for run in batch.runs}

    def check(self, values: StepValues) -> Iterable[tuple[str, Text]]:
        listening = WebhookEndpoint.objects.filter(active=True, event_types__contains=[WEBHOOK])
        if WEBHOOK in PUBLIC and not listening.exists():
            yield (
                "name",
                _("No webhook subscribes to journeys. Add “A journey's step was reached” to one under Webhooks."),
            )

    def words(self, values: StepValues) -> str:
        return values.get("name", "")
