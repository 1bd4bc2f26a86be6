"""Test e-mail by a provider's API: the chosen provider, its key, its answers, and the report of `doctor`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from campaigns.messages.models import Message
from campaigns.messages.services import mail_health
from campaigns.messages.services.messages import queue_message, send_due
from campaigns.templates.services.templates import Text, save_template
from config import mail
from core.base.actor import SYSTEM
from core.embedded.places import ConfigurationError
from crm.customers.services.consents import record_consent
from tests.campaigns.channels.provider import Endpoint
from tests.campaigns.conftest import policy

ROOT = Path(__file__).resolve().parents[3]
NAMES = {
    "EMAIL_PROVIDER", "EMAIL_BACKEND", "EMAIL_HOST", "ANYMAIL_WEBHOOK_SECRET",
    *(name for one in mail.PROVIDERS.values() for name in (*one.needs, *one.may)),
}  # fmt: skip


@pytest.fixture
def environment(monkeypatch):
    """Set the variables that mail reads to exactly the given ones."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def given(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return mail.from_environment()

    return given


def test_without_anything_mail_is_kept_as_files_and_a_host_means_smtp(environment):
    assert environment().provider == "files"
    assert environment(EMAIL_HOST="mail.example").provider == "smtp"
    assert environment(EMAIL_PROVIDER="SMTP").backend == mail.SMTP


@pytest.mark.parametrize("provider", mail.PROVIDERS)
def test_each_provider_is_one_of_anymails_and_takes_its_keys(environment, provider, settings):
    from django.core.mail import get_connection

    wanted = mail.PROVIDERS[provider]
    values = {name: "https://api.example/" if name.endswith("_URL") else "key-1" for name in wanted.needs}
    found = environment(EMAIL_PROVIDER=provider, **values, ANYMAIL_WEBHOOK_SECRET="shop:secret,shop:older")
    assert found.provider == provider
    assert found.anymail == {
        **values, "WEBHOOK_SECRET": ["shop:secret", "shop:older"], "REQUESTS_TIMEOUT": (5, 20),
    }  # fmt: skip
    settings.ANYMAIL = found.anymail
    assert get_connection(found.backend).esp_name.lower().replace(" ", "_") == provider


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"EMAIL_PROVIDER": "mailgun"}, "EMAIL_PROVIDER=mailgun needs MAILGUN_API_KEY."),
        (
            {"EMAIL_PROVIDER": "mailjet"},
            "EMAIL_PROVIDER=mailjet needs MAILJET_API_KEY and MAILJET_SECRET_KEY.",
        ),
        ({"EMAIL_PROVIDER": "smtp"}, "EMAIL_PROVIDER=smtp needs EMAIL_HOST, the name of the mail server."),
        ({"EMAIL_PROVIDER": "pigeon"},
         f"EMAIL_PROVIDER must be smtp or one of {', '.join(mail.PROVIDERS)}, not 'pigeon'."),
        (
            {"EMAIL_PROVIDER": "resend", "EMAIL_BACKEND": "x.Backend"},
            "Set EMAIL_PROVIDER or EMAIL_BACKEND, not both.",
        ),
        (
            {"EMAIL_PROVIDER": "resend", "RESEND_API_KEY": "'re_123'"},
            "RESEND_API_KEY contains a space, a quote or another character that is not valid in a key.",
        ),
        (
            {"ANYMAIL_WEBHOOK_SECRET": "shop:secret,nocolon"},
            "ANYMAIL_WEBHOOK_SECRET must look like name:password, several separated by commas; "
            "one of them has no colon.",
        ),
    ],
)  # fmt: skip
def test_wrong_or_missing_settings_are_one_sentence(environment, values, sentence):
    with pytest.raises(ConfigurationError) as refused:
        environment(**values)
    assert str(refused.value) == sentence


def test_every_command_stops_with_that_sentence_alone():
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "EMAIL_PROVIDER": "sendgrid", "DJANGO_SETTINGS_MODULE": "config.settings.base"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip() == "EMAIL_PROVIDER=sendgrid needs SENDGRID_API_KEY."


@pytest.fixture
def postmark(settings, store):
    """Play Postmark by a local server."""
    policy()
    server = Endpoint()
    server.answer = lambda asked: (200, {"ErrorCode": 0, "MessageID": "p-1", "To": "ada@example.com", "Message": "OK"})
    settings.EMAIL_PROVIDER, settings.EMAIL_BACKEND = "postmark", "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "t-1", "POSTMARK_API_URL": f"{server.url}/", "WEBHOOK_SECRET": ["shop:secret"],
        "REQUESTS_TIMEOUT": (1, 1),
    }  # fmt: skip
    settings.SITE_URL = "https://shop.example"
    yield server
    server.close()


@pytest.fixture
def message(make_customer, postmark):
    customer = make_customer("Ada", email="ada@example.com", language="en")
    record_consent(
        customer=customer, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM
    )
    template = save_template(name="T", channel="email", texts=[Text("en", "<p>Hi</p>", "Hi")], actor=SYSTEM)
    return queue_message(customer=customer, template=template, origin="test", occurrence="1")


def ends(message) -> tuple[str, int, str]:
    send_due()
    message.refresh_from_db()
    return message.state, message.attempts, message.reason


@pytest.mark.django_db
class TestAnswers:
    def test_it_is_sent_with_the_key_and_our_id(self, postmark, message):
        assert ends(message) == ("sent", 1, "")
        (asked,) = postmark.asked
        assert asked.headers["x-postmark-server-token"] == "t-1"
        assert asked.body["Metadata"] == {"message": str(message.pk)}
        assert message.provider_id == "p-1"

    def test_a_wrong_key_costs_no_message_and_doctor_says_so(self, postmark, message, capsys):
        postmark.answer = lambda asked: (
            401,
            {"ErrorCode": 10, "Message": "No Account or Server API tokens were supplied"},
        )
        assert ends(message) == ("queued", 0, "")
        sentence = "The e-mail provider postmark refuses the key that is configured (401)."
        assert message.error == sentence
        assert mail_health.check() == (False, f"postmark: messages wait. {sentence}")
        with pytest.raises(SystemExit) as left:
            call_command("doctor")
        assert left.value.code in {1, 2}
        assert f"warn mail postmark: messages wait. {sentence}" in " ".join(capsys.readouterr().out.split())
        postmark.answer = lambda asked: (
            200,
            {"ErrorCode": 0, "MessageID": "p-1", "To": "ada@example.com", "Message": "OK"},
        )
        Message.objects.update(due_at=message.created_at)
        assert ends(message) == ("sent", 1, "")
        assert mail_health.check() == (True, "postmark, with its key; it reports bounces and complaints")

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (422, ("failed", 1, "refused")),
            (429, ("queued", 1, "")),
            (500, ("uncertain", 1, "")),
        ],
    )
    def test_answers_of_the_provider_are_classified(self, postmark, message, status, expected):
        postmark.answer = lambda asked: (status, {"ErrorCode": 300, "Message": "no"})
        assert ends(message) == expected
        assert len(postmark.asked) == 1

    def test_an_accepted_message_with_an_unreadable_answer_is_uncertain(self, postmark, message):
        postmark.answer = lambda asked: (200, "<html>")
        assert ends(message) == ("uncertain", 1, "")

    def test_a_timeout_after_the_hand_over_is_uncertain(self, postmark, message):
        postmark.delay = 1.5
        assert ends(message) == ("uncertain", 1, "")

    def test_an_unreachable_provider_costs_no_attempt(self, postmark, message):
        postmark.close()
        assert ends(message) == ("queued", 0, "")


@pytest.mark.django_db
def test_doctor_names_what_is_not_set(settings, postmark):
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": []}
    ok, detail = mail_health.check()
    assert (ok, "ANYMAIL_WEBHOOK_SECRET is not set" in detail) == (False, True)
    settings.EMAIL_PROVIDER, settings.EMAIL_BACKEND = "smtp", mail.SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    ok, detail = mail_health.check()
    assert not ok
    assert detail.startswith("SMTP at 127.0.0.1:9 does not answer")
    settings.EMAIL_PROVIDER = "files"
    assert mail_health.check()[0]
    settings.EMAIL_UNUSED_KEYS = ["POSTMARK_SERVER_TOKEN"]
    assert mail_health.check() == (
        False,
        "POSTMARK_SERVER_TOKEN is set, but EMAIL_PROVIDER does not name its provider",
    )


def test_a_key_without_a_chosen_provider_stops_nothing_and_is_reported(environment):
    found = environment(POSTMARK_SERVER_TOKEN="t-1")
    assert (found.provider, list(found.unused)) == ("files", ["POSTMARK_SERVER_TOKEN"])
    assert list(environment(EMAIL_PROVIDER="postmark").unused) == []
