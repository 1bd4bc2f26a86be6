"""Send tests of texts to addresses that a member of staff chooses: no customer, no message row, no counts."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.channels.registry import CHANNELS, DeliveryResult, Outgoing
from campaigns.templates.models import TestAddress
from campaigns.templates.services import templates
from campaigns.templates.services.templates import Text
from core.base.errors import Conflict, Invalid
from core.security.models import User
from core.sending import services as sending_hold

CHANNEL = "email"
MOST_ADDRESSES = 5


def remembered(user: User) -> list[str]:
    """Return the addresses of the user's last tests, the newest first; without any, the user's own address."""
    rows = TestAddress.objects.filter(user=user).order_by("-used_at", "-id")
    return list(rows.values_list("address", flat=True)[:MOST_ADDRESSES]) or [user.email] * bool(user.email)


def read_addresses(text: str) -> list[str]:
    """Return the addresses of a text, divided by spaces, commas or lines. Raises Invalid, field `addresses`."""
    addresses = list(dict.fromkeys(one for one in re.split(r"[\s,;，；]+", text.strip()) if one))
    if not addresses:
        raise Invalid(_("Enter at least one address."), code="required", field="addresses")
    if len(addresses) > MOST_ADDRESSES:
        raise Invalid(
            _("A test goes to at most %(most)s addresses.") % {"most": MOST_ADDRESSES},
            code="too_many",
            field="addresses",
        )
    for address in addresses:
        try:
            validate_email(address)
        except ValidationError:
            raise Invalid(
                _("“%(address)s” is not an e-mail address.") % {"address": address},
                code="invalid_address",
                field="addresses",
            ) from None
    return addresses


def send_tests(
    *,
    texts: Sequence[Text],
    message_class: str,
    addresses: Sequence[str],
    context_of: Callable[[Text], Mapping[str, Any]],
    user: User,
) -> int:
    """Send each text to each address now, and remember the addresses. Return how many e-mails were sent.

    Raises Conflict with the reason when a text can't be rendered, sending is held, or an e-mail is refused.
    """
    if sending_hold.is_held():
        raise Conflict(_("Sending is held, so tests are not sent either."), code="sending_held")
    items = [
        Outgoing(uuid.uuid4(), 0, address, subject, body, text.language, "transactional")
        for text in texts
        for subject, body in [_rendered(text, message_class, context_of(text))]
        for address in addresses
    ]
    channel = CHANNELS[CHANNEL]
    try:
        outcomes = [outcome for item in items for outcome in channel.deliver([item])]
    finally:
        channel.close()
    _remember(user, addresses)
    failed = next((one for one in outcomes if one.result is not DeliveryResult.SENT), None)
    if failed is not None:
        raise Conflict(_("The test could not be sent: %(error)s") % {"error": failed.error}, code="not_sent")
    return len(outcomes)


def _rendered(text: Text, message_class: str, context: Mapping[str, Any]) -> tuple[str, str]:
    try:
        rendered = templates.render_text(text, channel=CHANNEL, context=context)
        rendered = templates.footed(rendered, channel=CHANNEL, message_class=message_class, context=context)
    except templates.RenderFailed as error:
        raise Conflict(str(error), code="template_error") from None
    return _t("[Test] %(subject)s") % {"subject": rendered.subject}, rendered.body


def _remember(user: User, addresses: Sequence[str]) -> None:
    """Keep these addresses, and the newest ones before them."""
    with transaction.atomic():
        for address in addresses:
            TestAddress.objects.update_or_create(user=user, address=address, defaults={"used_at": Now()})
        kept = TestAddress.objects.filter(user=user).order_by("-used_at", "-id").values_list("pk", flat=True)
        TestAddress.objects.filter(user=user).exclude(pk__in=list(kept[:MOST_ADDRESSES])).delete()
