"""Test that ticket replies reach the customer, by the right channel, and that the desk shows their state."""

from __future__ import annotations

import pytest
from django.urls import reverse

from campaigns.messages.models import Message, Suppression
from campaigns.messages.services.messages import send_due
from campaigns.transactional.services.replies import channel_of, send_reply
from core.base.actor import SYSTEM, of_user
from core.security.roles import Role
from crm.customers.models import Identity, IdentityKind
from crm.desk.models import Ticket, TicketMessage
from crm.desk.services import open_ticket, reply_to_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(staff):
    return staff(Role.AGENT, "agent")


def make_ticket(customer, **changes) -> Ticket:
    return open_ticket(customer=customer, subject="Broken cup", text="It is broken.", actor=SYSTEM, **changes)


def page(client, ticket: Ticket) -> str:
    return " ".join(client.get(reverse("ticket", args=[ticket.number])).content.decode().split())


def without_storefront(customer) -> None:
    Identity.objects.filter(customer=customer, kind=IdentityKind.STOREFRONT).delete()


def test_a_reply_goes_out_once_as_a_transactional_message(client, agent, make_customer, settle, mailoutbox):
    # given a customer with an address and no consent
    client.force_login(agent)
    customer = make_customer("Anna Berg", email="anna@example.com")
    ticket = make_ticket(customer)

    # when an agent answers, and the event is handled twice
    reply_to_ticket(ticket=ticket, text="Sorry <b>Anna</b>!\nA new one is on its way.", actor=of_user(agent))
    assert "Queued" in page(client, ticket)
    settle()
    reply = TicketMessage.objects.get(author=agent)
    assert send_reply(message_id=reply.pk) is False
    send_due()

    # then one mail is sent, with the text as it was written
    (mail,) = mailoutbox
    assert mail.to == ["anna@example.com"]
    assert ticket.number in mail.subject
    html = mail.alternatives[0][0] if getattr(mail, "alternatives", None) else mail.body
    assert "Sorry &lt;b&gt;Anna&lt;/b&gt;!<br" in html
    message = Message.objects.get()
    assert (message.message_class, message.origin, message.state) == ("transactional", "ticket:reply", "sent")

    # and the desk shows it with its channel
    text = page(client, ticket)
    assert f'<a href="{reverse("message", args=[message.pk])}"><span class="badge tone-good">Sent</span></a>' in text
    assert '<span class="muted">E-mail</span>' in text


def test_notes_and_customers_messages_are_not_sent(agent, make_customer, settle):
    ticket = make_ticket(make_customer(email="anna@example.com"))
    reply_to_ticket(ticket=ticket, text="Ask the carrier", actor=of_user(agent), internal=True)
    reply_to_ticket(ticket=ticket, text="Hello?", actor=SYSTEM, from_customer=True)
    make_ticket(ticket.customer, from_customer=False, internal=True)
    settle()
    assert Message.objects.count() == 0
    # messages that we start ourselves are sent
    make_ticket(ticket.customer, from_customer=False)
    settle()
    assert Message.objects.get().channel == "email"


def test_the_first_channel_that_reaches_the_customer_is_taken(make_customer):
    # given a customer with only a storefront account, then with an address too
    plain, mailed = make_customer(), make_customer(email="bo@example.com")
    assert channel_of(make_ticket(plain)) == "inbox"
    assert channel_of(make_ticket(mailed)) == "email"

    # then a storefront ticket is answered there, and a ticket that answers an e-mail is answered by e-mail
    assert channel_of(make_ticket(mailed, origin="api")) == "inbox"
    assert channel_of(make_ticket(mailed, origin="reply", origin_ref="email:77")) == "email"

    # a blocked address or channel is not used
    address = Identity.objects.get(customer=mailed, kind=IdentityKind.EMAIL)
    blocked = Suppression.objects.create(channel="email", address_index=address.value_index, reason="bounce")
    assert channel_of(make_ticket(mailed)) == "inbox"
    Suppression.objects.filter(pk=blocked.pk).delete()
    Suppression.objects.create(channel="email", customer=mailed, reason="manual")
    assert channel_of(make_ticket(mailed)) == "inbox"

    # and without a storefront account the inbox is not used
    without_storefront(plain)
    assert channel_of(make_ticket(plain)) is None


def test_the_desk_says_when_no_channel_reaches_the_customer(client, agent, make_customer, settle):
    client.force_login(agent)
    customer = make_customer("Anna Berg")
    without_storefront(customer)
    ticket = make_ticket(customer)
    reply_to_ticket(ticket=ticket, text="Sorry!", actor=of_user(agent))
    settle()
    assert TicketMessage.objects.get(author=agent).delivery == "unreachable"
    assert Message.objects.count() == 0
    assert "No channel reaches this customer" in page(client, ticket)


def test_the_desk_says_why_a_reply_failed(client, agent, make_customer, settle):
    client.force_login(agent)
    ticket = make_ticket(make_customer("Anna Berg", email="anna@example.com"))
    reply_to_ticket(ticket=ticket, text="Sorry!", actor=of_user(agent))
    settle()
    Message.objects.update(state="failed", reason="bounce")
    text = page(client, ticket)
    assert '<span class="badge tone-bad">Failed</span>' in text
    assert "E-mail · Bounced" in text


def test_a_reply_by_the_inbox_is_read_in_the_app(client, agent, api, make_customer, settle):
    customer = make_customer("Anna Berg")
    ticket = make_ticket(customer, origin="api")
    reply_to_ticket(ticket=ticket, text="Sorry!", actor=of_user(agent))
    settle()
    send_due()
    inbox = api.get(f"/api/v1/customers/{customer.number}/inbox").json()["results"]
    assert "Sorry!" in inbox[0]["body"]
