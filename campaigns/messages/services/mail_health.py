"""Check whether e-mail can be sent, for `doctor` and the jobs page: configuration, server answer, last error."""

from __future__ import annotations

import contextlib
import smtplib

from django.conf import settings
from django.core.mail import get_connection
from django.utils.translation import gettext as _t

from campaigns.messages.models import Message, MessageState

SECONDS = 3


def check() -> tuple[bool, str]:
    """Return an error when the mail server does not answer, or when messages wait because the provider refused us."""
    provider = settings.EMAIL_PROVIDER
    if settings.EMAIL_UNUSED_KEYS:
        text = _t("%(names)s is set, but EMAIL_PROVIDER does not name its provider")
        return False, text % {"names": ", ".join(settings.EMAIL_UNUSED_KEYS)}
    if provider == "files":
        text = _t("kept as files in %(folder)s: set EMAIL_PROVIDER or EMAIL_HOST to send")
        return True, text % {"folder": settings.EMAIL_FILE_PATH}
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
        return False, _t("%(provider)s: messages wait. %(error)s") % {"provider": provider, "error": waiting}
    if provider == "other":
        return True, _t("%(backend)s, set by EMAIL_BACKEND") % {"backend": settings.EMAIL_BACKEND}
    if not settings.ANYMAIL["WEBHOOK_SECRET"]:
        text = _t("%(provider)s: ANYMAIL_WEBHOOK_SECRET is not set, so bounces and complaints are not reported")
        return False, text % {"provider": provider}
    return True, _t("%(provider)s, with its key; it reports bounces and complaints") % {"provider": provider}


def _smtp() -> tuple[bool, str]:
    where = {"server": f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"}
    connection = get_connection(timeout=SECONDS)
    try:
        connection.open()
    except smtplib.SMTPAuthenticationError as error:
        text = _t("SMTP at %(server)s refuses EMAIL_HOST_USER and EMAIL_HOST_PASSWORD (%(code)s)")
        return False, text % {**where, "code": error.smtp_code}
    except (OSError, smtplib.SMTPException) as error:
        return False, _t("SMTP at %(server)s does not answer (%(error)s)") % {**where, "error": error}
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            connection.close()
    return True, _t("SMTP at %(server)s answers") % where
