"""Test messages that the shop's own systems request: declared values, once per key, through the gate."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse

from campaigns.channels.models import ChannelAccount
from campaigns.messages.models import Message
from campaigns.messages.services.messages import send_due
from campaigns.messages.services.suppressions import suppress_customer
from campaigns.templates.models import Template
from campaigns.templates.rules import declared_values
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.security.roles import Role
from tests.campaigns.conftest import policy

pytestmark = pytest.mark.django_db
VALUES = [{"name": "number", "example": "SF123"}, {"name": "note", "required": False}]
BODY = "On its way: {{ values.number }}{% if values.note %} ({{ values.note }}){% endif %}"


@pytest.fixture
def make_template(store):
    def make(
        body=BODY, *, channel="inbox", message_class="transactional", code="parcel-sent", values=VALUES, name="Parcel"
    ):
        return save_template(
            name=name, channel=channel, texts=[Text("en", body, "Your parcel")], message_class=message_class, code=code,
            values=values, actor=SYSTEM,
        )  # fmt: skip

    return make


@pytest.fixture
def ask(api):
    def send(body, key="k1"):
        headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
        return api.post("/api/v1/messages", body, format="json", **headers)

    return send


def fault(response):
    error = response.json()["errors"][0]
    return response.status_code, error["code"], error["attr"]


def test_a_message_is_sent_once_per_key_and_can_be_read(api, ask, make_template, make_customer):
    policy(quiet_from="00:00", quiet_until="23:59")
    template, customer = make_template(), make_customer(language="en")
    body = {"template": "parcel-sent", "customer": customer.number, "values": {"number": "SF9", "note": "<b>heavy</b>"}}
    first = ask(body)
    assert first.status_code == 201
    made = first.json()
    assert {name: made[name] for name in ("state", "reason", "error", "template", "template_code", "customer",
                                          "channel")} == {
        "state": "queued", "reason": "", "error": "", "template": template.pk, "template_code": "parcel-sent",
        "customer": customer.number, "channel": "inbox",
    }  # fmt: skip
    assert ask(body).json()["id"] == made["id"]
    assert fault(ask({**body, "values": {"number": "other"}})) == (409, "idempotency_key_reused", "Idempotency-Key")
    send_due()
    found = api.get(f"/api/v1/messages/{made['id']}").json()
    assert (found["state"], found["language"], found["message_class"]) == ("sent", "en", "transactional")
    assert found["sent_at"] is not None
    assert Message.objects.get().body == "On its way: SF9 (<b>heavy</b>)", "plain text in the app's inbox"
    assert ask(body, key="k2").json()["id"] != made["id"], "another key is another message"
    assert Message.objects.count() == 2


def test_values_are_escaped_in_html(ask, make_template, make_customer):
    policy()
    make_template("<p>{{ values.number }}</p>", channel="email")
    customer = make_customer(email="a@example.com")
    ask({"template": "parcel-sent", "customer": customer.number, "values": {"number": "<script>x</script>"}})
    send_due()
    assert Message.objects.get().body == "<p>&lt;script&gt;x&lt;/script&gt;</p>"


def test_the_gate_decides(api, ask, make_template, make_customer):
    make_template()
    customer = make_customer()
    suppress_customer(customer=customer, channel="inbox", reason="manual", actor=SYSTEM)
    made = ask({"template": "parcel-sent", "customer": customer.number, "values": {"number": "1"}}).json()
    send_due()
    found = api.get(f"/api/v1/messages/{made['id']}").json()
    assert (found["state"], found["reason"], found["sent_at"]) == ("suppressed", "suppressed", None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"template": "nothing"}, (400, "unknown_template", "template")),
        ({"template": "999999"}, (400, "unknown_template", "template")),
        ({"customer": "X0"}, (404, "unknown_customer", None)),
        ({"values": {}}, (400, "required", "values.number")),
        ({"values": {"number": ""}}, (400, "required", "values.number")),
        ({"values": {"number": "1", "nubmer": "2"}}, (400, "unknown_value", "values.nubmer")),
        ({"values": {"number": ["1"]}}, (400, "invalid", "values.number")),
        ({"values": {"number": "x" * 1001}}, (400, "too_long", "values.number")),
    ],
)
def test_invalid_requests_are_refused_and_make_nothing(ask, make_template, make_customer, change, expected):
    make_template()
    body = {"template": "parcel-sent", "customer": make_customer().number, "values": {"number": "1"}}
    assert fault(ask({**body, **change})) == expected
    assert not Message.objects.exists()
    assert ask(body).status_code == 201, "a refused call leaves its key free"


def test_marketing_a_channel_without_a_provider_and_a_call_without_a_key_are_refused(ask, make_template, make_customer):
    customer = make_customer(phone="13800138000")
    make_template("Hi", message_class="marketing", code="news", values=[], name="News")
    assert fault(ask({"template": "news", "customer": customer.number})) == (409, "marketing_template", "template")
    make_template(channel="sms", code="sms", name="SMS")
    body = {"template": "sms", "customer": customer.number, "values": {"number": "1"}}
    assert not ChannelAccount.objects.exists()
    assert fault(ask(body)) == (409, "channel_not_ready", "template")
    assert fault(ask(body, key="")) == (400, "idempotency_key_missing", "Idempotency-Key")
    assert not Message.objects.exists()


def test_an_unknown_message_is_not_found(api):
    assert fault(api.get(f"/api/v1/messages/{uuid.UUID(int=7)}")) == (404, "unknown_message", None)


def test_texts_show_only_declared_values(make_template):
    with pytest.raises(Invalid) as refused:
        make_template("{{ values.nubmer }}")
    assert (refused.value.code, refused.value.field) == ("undeclared_value", "texts.0.body")
    assert "values.number" in str(refused.value.message)
    with pytest.raises(Invalid) as refused:
        make_template("{{ shop.name }}", message_class="marketing")
    assert (refused.value.code, refused.value.field) == ("values_of_marketing", "values")
    make_template()
    with pytest.raises(Invalid) as refused:
        make_template(name="Another")
    assert (refused.value.code, refused.value.field) == ("code_taken", "code")
    with pytest.raises(Invalid) as refused:
        make_template(name="Another", code="Not A Code")
    assert (refused.value.code, refused.value.field) == ("invalid", "code")
    assert Template.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Number: 1", "invalid_name"),
        ("a: 1\na: 2", "duplicate"),
        ("\n".join(f"v{n}: x" for n in range(31)), "too_many"),
    ],
)
def test_invalid_declarations_are_refused(text, code):
    with pytest.raises(declared_values.WrongValue) as wrong:
        declared_values.read(text)
    assert wrong.value.code == code


def test_declarations_are_formatted_as_they_are_read():
    text = "number: SF123\nnote?: heavy\nplain:"
    found = declared_values.read(text.replace(": ", "：", 1))
    assert found == [
        {"name": "number", "required": True, "example": "SF123"},
        {"name": "note", "required": False, "example": "heavy"},
        {"name": "plain", "required": True, "example": ""},
    ]
    assert declared_values.written(found) == text


def test_the_editor_declares_them_and_the_preview_shows_the_examples(client, staff, store):
    client.force_login(staff(Role.MARKETER))
    data = {
        "name": "Parcel", "channel": "inbox", "message_class": "transactional", "code": "parcel-sent",
        "values": "number: SF123\nnote?:", "subject_en": "Hi", "body_en": "On its way: {{ values.number }}",
    }  # fmt: skip
    client.post(reverse("template_new"), data)
    template = Template.objects.get()
    assert (template.code, [value["name"] for value in template.values]) == ("parcel-sent", ["number", "note"])
    assert "On its way: SF123" in client.get(reverse("template", args=[template.pk])).content.decode()
    preview = client.post(reverse("template_preview"), data, headers={"HX-Request": "true"})
    assert preview.context["sides"][0].rendered.body == "On its way: SF123"
    wrong = client.post(reverse("template_edit", args=[template.pk]), {**data, "values": "NO: x"})
    assert list(wrong.context["form"].errors) == ["values"]
    template.refresh_from_db()
    assert len(template.values) == 2


def test_the_messages_page_says_where_it_comes_from(client, staff, ask, make_template, make_customer):
    make_template()
    ask({"template": "parcel-sent", "customer": make_customer().number, "values": {"number": "1"}})
    client.force_login(staff(Role.MARKETER))
    assert "Sent by an API call" in client.get(reverse("messages")).content.decode()
