"""Send a test of a template to the staff member who requests it: no customer, message row or counts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.channels.registry import CHANNELS, DeliveryResult, Outgoing
from campaigns.templates.models import Template
from campaigns.templates.services import templates
from core.base.errors import Conflict, Invalid
from core.security.models import User
from core.sending import services as sending_hold

CHANNEL = "email"


def send_test(*, template: Template, language: str, context: Mapping[str, Any], user: User) -> str:
    """Send the test now and return the address. Raises Invalid and Conflict with the reason."""
    if template.channel != CHANNEL:
        raise Invalid(_("Only e-mail can be tested this way."), code="invalid", field="channel")
    try:
        validate_email(user.email)
    except ValidationError:
        raise Conflict(
            _("Your account has no e-mail address. An administrator can add it."), code="no_address"
        ) from None
    try:
        rendered = templates.render(
            template=template, version=template.version, languages=[language], context=context
        )  # fmt: skip
        rendered = templates.footed(
            rendered, channel=template.channel, message_class=template.message_class, context=context
        )
    except templates.RenderFailed as error:
        raise Conflict(str(error), code="template_error") from None
    if sending_hold.is_held():
        raise Conflict(_("Sending is held, so tests are not sent either."), code="sending_held")
    channel = CHANNELS[CHANNEL]
    subject = _t("[Test] %(subject)s") % {"subject": rendered.subject}
    item = Outgoing(uuid.uuid4(), 0, user.email, subject, rendered.body, rendered.language, "transactional")
    try:
        (outcome,) = channel.deliver([item])
    finally:
        channel.close()
    if outcome.result is not DeliveryResult.SENT:
        raise Conflict(_("The test could not be sent: %(error)s") % {"error": outcome.error}, code="not_sent")
    return user.email
