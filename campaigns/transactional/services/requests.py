"""Queue messages that the shop's own systems request: a receipt, a shipping notice, a sign-in code."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.channels.registry import CHANNELS
from campaigns.messages.models import Message
from campaigns.messages.services.messages import queue_message
from campaigns.templates.models import MessageClass, Template
from campaigns.templates.rules import declared_values
from campaigns.templates.services.templates import WRONG_VALUES
from campaigns.transactional.rules import API_ORIGIN
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db import idempotency
from crm.customers.models import Customer
from crm.customers.services.customers import require_active


def find_template(named: str) -> Template:
    """Return the template with this code or id. Raises Invalid `unknown_template`."""
    template = Template.objects.filter(code=named).first()
    if template is None and named.isascii() and named.isdigit() and len(named) < 19:
        template = Template.objects.filter(pk=int(named)).first()
    if template is None:
        raise Invalid(_("There is no template with this code or ID."), code="unknown_template", field="template")
    return template


def send_message(
    *, template: Template, customer: Customer, values: Mapping[str, Any], actor: Actor, scope: str, key: str
) -> Message:
    """Queue a transactional message to a customer, once per key. It is due now; the gate decides it.

    Raises Conflict `marketing_template` (marketing goes by campaigns, which respect consent, caps and quiet hours),
    `channel_not_ready` and `customer_not_active`. Raises Invalid `unknown_value`, `required`, `invalid` and `too_long`
    with the field `values.<name>`. Wake the sender after the commit (`campaigns.send_due`).
    """
    idempotency.check_key(key)
    request = {"template": template.pk, "customer": customer.pk, "values": dict(values)}

    def command() -> str:
        if template.message_class != MessageClass.TRANSACTIONAL:
            raise Conflict(
                _("This is a marketing template. Send it by a broadcast, care rule or journey."),
                code="marketing_template",
                field="template",
            )
        if not CHANNELS[template.channel].ready():
            raise Conflict(
                _("The channel of this template has no provider yet."), code="channel_not_ready", field="template"
            )
        require_active(customer.pk)
        message = queue_message(
            customer=customer,
            template=template,
            origin=API_ORIGIN,
            occurrence=sha256(f"{scope}/{key}".encode()).hexdigest(),
            context={"values": _checked_values(template, values)},
        )
        assert message is not None, "a key is claimed once"
        return str(message.pk)

    pk = idempotency.run_once(scope, key, {"message": request}, command)
    return Message.objects.select_related("template", "customer").get(pk=pk)


def _checked_values(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return declared_values.given(template.values, values)
    except declared_values.WrongValue as error:
        field = f"values.{error.name}"
        raise Invalid(WRONG_VALUES[error.code] % {"name": error.name}, code=error.code, field=field) from None
