"""Settings of outgoing e-mail: SMTP, a provider's API through anymail, or files. Each error is one sentence.

The variables have anymail's own names, so that its documentation applies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config import env
from core.embedded.places import ConfigurationError

SMTP = "django.core.mail.backends.smtp.EmailBackend"
FILES = "django.core.mail.backends.filebased.EmailBackend"
# Timeouts of a provider's API in seconds: for the connection, and for the answer.
ANYMAIL_TIMEOUT = (5, 20)


@dataclass(frozen=True)
class MailProvider:
    """Required and optional variables of a provider: regions, domains, keys that verify its webhooks."""

    needs: Sequence[str]
    may: Sequence[str] = ()


PROVIDERS: dict[str, MailProvider] = {
    "brevo": MailProvider(["BREVO_API_KEY"]),
    "mailersend": MailProvider(["MAILERSEND_API_TOKEN"], ["MAILERSEND_SIGNING_SECRET"]),
    "mailgun": MailProvider(
        ["MAILGUN_API_KEY"], ["MAILGUN_SENDER_DOMAIN", "MAILGUN_API_URL", "MAILGUN_WEBHOOK_SIGNING_KEY"]
    ),
    "mailjet": MailProvider(["MAILJET_API_KEY", "MAILJET_SECRET_KEY"]),
    "mailtrap": MailProvider(["MAILTRAP_API_TOKEN"], ["MAILTRAP_SANDBOX_ID"]),
    "mandrill": MailProvider(["MANDRILL_API_KEY"], ["MANDRILL_WEBHOOK_KEY", "MANDRILL_WEBHOOK_URL"]),
    "postal": MailProvider(["POSTAL_API_KEY", "POSTAL_API_URL"], ["POSTAL_WEBHOOK_KEY"]),
    "postmark": MailProvider(["POSTMARK_SERVER_TOKEN"], ["POSTMARK_MESSAGE_STREAM"]),
    "resend": MailProvider(["RESEND_API_KEY"], ["RESEND_SIGNING_SECRET"]),
    "scaleway": MailProvider(["SCALEWAY_SECRET_KEY", "SCALEWAY_PROJECT_ID"], ["SCALEWAY_REGION"]),
    "sendgrid": MailProvider(["SENDGRID_API_KEY"]),
    "sparkpost": MailProvider(["SPARKPOST_API_KEY"], ["SPARKPOST_API_URL", "SPARKPOST_SUBACCOUNT"]),
    "unisender_go": MailProvider(["UNISENDER_GO_API_KEY", "UNISENDER_GO_API_URL"]),
}


@dataclass(frozen=True)
class Mail:
    """The resulting settings.

    `provider` is smtp, files, the name of an anymail provider, or other if EMAIL_BACKEND is set.

    `unused`: keys that are set although their provider is not chosen.
    """

    provider: str
    backend: str
    anymail: dict[str, Any]
    unused: Sequence[str] = ()


def from_environment() -> Mail:
    """Read the settings. Raises ConfigurationError with one sentence that names the variable."""
    provider, backend, host = env.text("EMAIL_PROVIDER").lower(), env.text("EMAIL_BACKEND"), env.text("EMAIL_HOST")
    anymail: dict[str, Any] = {"WEBHOOK_SECRET": _webhook_secrets(), "REQUESTS_TIMEOUT": ANYMAIL_TIMEOUT}
    if provider and backend:
        raise ConfigurationError("Set EMAIL_PROVIDER or EMAIL_BACKEND, not both.")
    if backend:
        known = {name: value for one in PROVIDERS.values() for name, value in _values([*one.needs, *one.may]).items()}
        return Mail("other", backend, {**anymail, **known})
    if not provider:
        unused = [name for one in PROVIDERS.values() for name in one.needs if env.text(name)]
        return Mail("smtp", SMTP, anymail, unused) if host else Mail("files", FILES, anymail, unused)
    if provider == "smtp":
        if not host:
            raise ConfigurationError("EMAIL_PROVIDER=smtp needs EMAIL_HOST, the name of the mail server.")
        return Mail(provider, SMTP, anymail)
    if provider not in PROVIDERS:
        raise ConfigurationError(f"EMAIL_PROVIDER must be smtp or one of {', '.join(PROVIDERS)}, not {provider!r}.")
    chosen_provider = PROVIDERS[provider]
    missing = [name for name in chosen_provider.needs if not env.text(name)]
    if missing:
        raise ConfigurationError(f"EMAIL_PROVIDER={provider} needs {' and '.join(missing)}.")
    values = _values([*chosen_provider.needs, *chosen_provider.may])
    for name, value in values.items():
        # A provider's error does not explain that a key was pasted with quotes or a line end.
        if not value.isascii() or any(character.isspace() or character in "\"'" for character in value):
            raise ConfigurationError(
                f"{name} contains a space, a quote or another character that is not valid in a key."
            )
    return Mail(provider, f"anymail.backends.{provider}.EmailBackend", {**anymail, **values})


def _values(names: Sequence[str]) -> dict[str, str]:
    return {name: env.text(name) for name in names if env.text(name)}


def _webhook_secrets() -> list[str]:
    secrets = env.items("ANYMAIL_WEBHOOK_SECRET", [])
    for secret in secrets:
        name, _, password = secret.partition(":")
        if not name or not password:
            raise ConfigurationError(
                "ANYMAIL_WEBHOOK_SECRET must look like name:password, several separated by commas; "
                "one of them has no colon."
            )
    return secrets
