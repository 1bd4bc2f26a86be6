"""Send one test message of a channel to an address of the staff member: no customer, message row or counts."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import translation
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.channels.registry import CHANNELS, DeliveryResult, NoAccount, Outgoing
from core.base.errors import Conflict, Invalid
from core.sending import services as sending_hold

LONGEST = 200


def send_test(*, channel: str, address: str, subject: str = "") -> None:
    """Send the test now. Raises Invalid naming the field; Conflict `no_account`, `sending_held`, `not_sent`.

    `subject` is the id of an approved template, for providers that send only those.
    """
    kind = CHANNELS.get(channel)
    if kind is None or kind.local:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="channel")
    text = address.strip()
    if kind.address_kind and (not text or len(text) > LONGEST):
        raise Invalid(_("Enter the address that the test goes to."), code="required", field="address")
    if kind.address_kind == "email":
        try:
            validate_email(text)
        except ValidationError:
            raise Invalid(_("Enter an e-mail address."), code="invalid", field="address") from None
    if sending_hold.is_held():
        raise Conflict(_("Sending is held, so tests are not sent either."), code="sending_held")
    item = Outgoing(
        uuid.uuid4(),
        0,
        text,
        " ".join(subject.split())[:LONGEST] or _t("Test of Liuke"),
        _t("This is a test. The channel works."),
        translation.get_language() or "en",
        "transactional",
    )
    try:
        kind.open()
        (outcome,) = kind.deliver([item])
    except NoAccount:
        raise Conflict(_("Set up an account of this channel first."), code="no_account") from None
    except Exception as error:
        raise _not_sent(f"{type(error).__name__}: {error}") from None
    finally:
        kind.close()
    if outcome.result is not DeliveryResult.SENT:
        raise _not_sent(outcome.error)


def _not_sent(error: str) -> Conflict:
    return Conflict(_("The test could not be sent: %(error)s") % {"error": error[:300]}, code="not_sent")
