"""Test the preference centre behind a signed link (P1): by channel and purpose, both languages, no sign-in."""

from __future__ import annotations

import pytest

from campaigns.messages.services.messages import queue_message, send_due
from campaigns.templates.services.contexts import preferences_signer, preferences_url
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from crm.customers.models import Consent, ConsentState, Customer
from crm.customers.services.consents import record_consent

pytestmark = pytest.mark.django_db


def path_of(customer) -> str:
    return "/p/" + preferences_url(customer.pk).partition("/p/")[2]


def said(customer) -> dict:
    return {(s.channel, s.purpose): s.granted for s in ConsentState.objects.filter(customer_id=customer.pk)}


def test_current_choices_show_and_only_changes_are_stored(client, make_customer):
    ada = make_customer("Ada", email="ada@example.com")
    record_consent(
        customer=ada, channel="email", purpose="marketing", decision="granted", source="checkout", actor=SYSTEM
    )
    page = client.get(path_of(ada)).content.decode()
    assert 'value="email.marketing"\n' in page or 'value="email.marketing"' in page
    assert "sms.marketing" not in page, "there is no phone and no account"
    response = client.post(path_of(ada), {"on": ["email.service", "inbox.marketing", "inbox.service"]})
    assert "Your choice is saved" in response.content.decode()
    assert said(ada) == {("email", "marketing"): False}
    last = Consent.objects.order_by("-pk").first()
    assert (last.source, last.evidence, last.actor) == ("preference centre", "signed link", f"member:{ada.pk}")
    count = Consent.objects.count()
    client.post(path_of(ada), {"on": ["email.service", "inbox.marketing", "inbox.service"]})
    assert Consent.objects.count() == count, "the same choice twice is written once"
    client.post(path_of(ada), {"on": ["email.marketing"]})
    assert said(ada) == {
        ("email", "marketing"): True, ("email", "service"): False, ("inbox", "marketing"): False,
        ("inbox", "service"): False,
    }  # fmt: skip


def test_it_uses_the_customers_language_and_offers_the_other(client, make_customer):
    wang = make_customer("王小明", email="w@example.com", language="zh-hans")
    assert 'lang="zh-hans"' in client.get(path_of(wang)).content.decode()
    assert 'lang="en"' in client.get(path_of(wang), {"language": "en"}).content.decode()


def test_a_forged_link_and_an_erased_customer_open_nothing(client, make_customer):
    ada, bob = make_customer("Ada", email="a@example.com"), make_customer("Bob", email="b@example.com")
    _number, mark = preferences_signer().sign(str(ada.pk)).split(":")
    for token in (f"{bob.pk}:{mark}", str(ada.pk), "x", f"{mark}:{mark}"):
        assert client.get(f"/p/{token}/").status_code == 404
        assert client.post(f"/p/{token}/", {"on": ["email.marketing"]}).status_code == 404
    Customer.objects.filter(pk=bob.pk).update(state="erased")
    assert client.get(path_of(bob)).status_code == 404
    assert not ConsentState.objects.exists()


def test_a_template_can_lead_there(open_policy, make_customer, mailoutbox, client):
    ada = make_customer("Ada", email="a@example.com", language="en")
    record_consent(customer=ada, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM)
    template = save_template(
        name="T",
        channel="email",
        actor=SYSTEM,
        texts=[Text("en", '<a href="{{ links.preferences }}">Choose</a>', "Hi")],
    )
    queue_message(customer=ada, template=template, origin="x", occurrence="1")
    send_due()
    html = mailoutbox[0].alternatives[0][0]
    path = "/p/" + html.partition("/p/")[2].partition('"')[0]
    assert client.get(path).status_code == 200
    assert mailoutbox[0].extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Choose (" in mailoutbox[0].body, "the plain-text part is made from the HTML"
