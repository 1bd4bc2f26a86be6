"""Send e-mail through Django's backend: SMTP, or a provider's API by anymail."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils.translation import gettext_lazy as _
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from campaigns.channels.registry import Channel, DeliveryOutcome, DeliveryResult, Outgoing
from campaigns.channels.rules import to_text
from crm.customers.selectors import MailSender, mail_sender


class Email(Channel):
    """Send multipart text and HTML.

    The Message-ID contains our id, so that a bounce or a person can find the message.
    """

    name = "email"
    address_kind = "email"
    html = True
    needs_subject = True
    icon = "mail"
    guide = (
        _("Choose an e-mail provider, or a mail server of your own."),
        _("Set EMAIL_PROVIDER and its key, or EMAIL_HOST, on the server, and restart it."),
        _("Enter the sender under Settings, Shop, and check its domain."),
        _("Publish the records that the check shows, then send a test."),
    )

    def __init__(self) -> None:
        self._connection: Any = None

    def begin_id(self, message_id: UUID) -> str:
        return f"<{message_id}@{urlsplit(settings.SITE_URL).hostname or 'localhost'}>"

    def open(self) -> None:
        """Open or check the connection before each batch: a closed connection must not make a message uncertain."""
        if self._connection is not None:
            smtp: Any = getattr(self._connection, "connection", None)
            with contextlib.suppress(OSError, smtplib.SMTPException):
                if not hasattr(smtp, "noop") or smtp.noop()[0] == 250:
                    return
            self.close()
        self._connection = get_connection()
        self._connection.open()
        smtp = getattr(self._connection, "connection", None)
        if hasattr(smtp, "ehlo_or_helo_if_needed"):
            smtp.ehlo_or_helo_if_needed()

    def deliver(self, batch: Sequence[Outgoing]) -> list[DeliveryOutcome]:
        # Read for each batch, so that a changed sender takes effect at once.
        sender = mail_sender()
        return [self._send(item, sender) for item in batch]

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.close()

    def _send(self, item: Outgoing, sender: MailSender) -> DeliveryOutcome:
        message = self._compose(item, sender)
        message.connection = self._connection
        try:
            message.send()
        except Exception as error:
            self.close()
            return DeliveryOutcome(item.id, classify(error), error=_text(error))
        status = getattr(message, "anymail_status", None)
        provider_id = getattr(status, "message_id", None) or self.begin_id(item.id)
        return DeliveryOutcome(item.id, DeliveryResult.SENT, str(provider_id))

    def _compose(self, item: Outgoing, sender: MailSender) -> EmailMultiAlternatives:
        headers = {
            "Message-ID": self.begin_id(item.id),
            "X-Liuke-Message": str(item.id),
            "Content-Language": item.language,
        }
        if item.unsubscribe_url:
            headers["List-Unsubscribe"] = f"<{item.unsubscribe_url}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message = EmailMultiAlternatives(
            item.subject,
            to_text(item.body),
            from_email=sender.address,
            to=[item.address],
            reply_to=sender.reply_to,
            headers=headers,
        )
        message.attach_alternative(item.body, "text/html")
        # Reports by anymail's providers carry our id from here (plain SMTP ignores it).
        message.metadata = {"message": str(item.id)}  # type: ignore[attr-defined]
        return message


def classify(error: Exception) -> DeliveryResult:
    """Classify an error: only a 5xx reply about the recipient suppresses the address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _text in error.recipients.values()]
        return DeliveryResult.BOUNCED if codes and all(code >= 500 for code in codes) else DeliveryResult.TEMPORARY
    if isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError | smtplib.SMTPResponseException):
        return DeliveryResult.REFUSED if error.smtp_code >= 500 else DeliveryResult.TEMPORARY
    status = getattr(error, "status_code", None)
    if status == 401:
        # The provider rejected our key and accepted nothing: the fault is the key, not this message.
        return DeliveryResult.AWAY
    if isinstance(status, int):
        # A provider's API: 429 means not accepted, 5xx may mean accepted. By class these errors are also network
        # errors. A 2xx answer with an unreadable body counts as accepted: do not send again.
        if status == 429:
            return DeliveryResult.TEMPORARY
        return DeliveryResult.UNKNOWN if status >= 500 or status < 300 else DeliveryResult.REFUSED
    if _never_connected(error):
        return DeliveryResult.AWAY
    if isinstance(error, smtplib.SMTPServerDisconnected | TimeoutError | ConnectionError | OSError):
        # The connection may have broken between the data and the answer.
        return DeliveryResult.UNKNOWN
    return DeliveryResult.REFUSED


def _never_connected(error: BaseException) -> bool:
    """Return whether a provider's API was never reached, by the error of the HTTP library."""
    cause = error.__cause__
    reason = getattr(cause.args[0], "reason", None) if cause is not None and cause.args else None
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _text(error: Exception) -> str:
    if getattr(error, "status_code", None) == 401:
        return f"The e-mail provider {settings.EMAIL_PROVIDER} refuses the key that is configured (401)."
    return f"{type(error).__name__}: {error}"[:500]
