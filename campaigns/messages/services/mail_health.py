"""Check whether e-mail can be sent, for `doctor` and the jobs page: configuration, server answer, last error."""

from __future__ import annotations

import contextlib
import smtplib

from django.conf import settings
from django.core.mail import get_connection

from campaigns.messages.models import Message, MessageState

SECONDS = 3


def check() -> tuple[bool, str]:
    """Return an error when the mail server does not answer, or when messages wait because the provider refused us."""
    provider = settings.EMAIL_PROVIDER
    if settings.EMAIL_UNUSED_KEYS:
        return False, f"{', '.join(settings.EMAIL_UNUSED_KEYS)} is set, but EMAIL_PROVIDER does not name its provider"
    if provider == "files":
        return True, f"kept as files in {settings.EMAIL_FILE_PATH}: set EMAIL_PROVIDER or EMAIL_HOST to send"
    if provider == "smtp":
        return _smtp()
    waiting = (
        Message.objects.filter(channel="email", state=MessageState.QUEUED)
        .exclude(error="")
        .order_by("-due_at")
        .values_list("error", flat=True)
        .first()
    )
    if waiting:
        return False, f"{provider}: messages wait. {waiting}"
    if provider == "other":
        return True, f"{settings.EMAIL_BACKEND}, set by EMAIL_BACKEND"
    if not settings.ANYMAIL["WEBHOOK_SECRET"]:
        return False, f"{provider}: ANYMAIL_WEBHOOK_SECRET is not set, so bounces and complaints are not reported"
    return True, f"{provider}, with its key; it reports bounces and complaints"


def _smtp() -> tuple[bool, str]:
    where = f"SMTP at {settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    connection = get_connection(timeout=SECONDS)
    try:
        connection.open()
    except smtplib.SMTPAuthenticationError as error:
        return False, f"{where} refuses EMAIL_HOST_USER and EMAIL_HOST_PASSWORD ({error.smtp_code})"
    except (OSError, smtplib.SMTPException) as error:
        return False, f"{where} does not answer ({error})"
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            connection.close()
    return True, f"{where} answers"
