"""Pages on which an agent creates and changes what is known about a customer, each with its effect shown first."""

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.customers.models import Consent, Customer, DuplicateCandidate, Identity, Note
from crm.customers.services.customers import add_note
from crm.customers.services.identities import GivenIdentity, resolve_customer
from crm.desk.models import TicketStatus
from crm.desk.services import open_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(client, staff):
    client.force_login(staff(Role.AGENT))
    return client


@pytest.fixture
def ann(make_customer):
    return make_customer("Ann", phone="13800138000")


def text(response):
    return response.content.decode()


def test_the_page_reads_only_the_open_tab(agent, ann, make_order):
    make_order(ann, number="A-17")
    page = reverse("customer", args=[ann.number])
    assert [panel.name for panel in agent.get(page).context["panels"]] == ["orders"]
    assert [panel.name for panel in agent.get(page, {"tab": "service"}).context["panels"]] == ["tickets"]
    assert agent.get(page, {"tab": "nonsense"}).context["tab"] == "orders"
    part = text(agent.get(page, {"tab": "service"}, headers={"HX-Request": "true"}))
    assert "<html" not in part
    assert 'id="customer-tabs"' in part
    assert "A-17" not in part


def test_the_head_shows_phone_tickets_and_pinned_notes(agent, ann):
    open_ticket(customer=ann, subject="Where?", text="…", actor=SYSTEM)
    note = add_note(customer=ann, text="Allergic to nuts", actor=SYSTEM)
    url = reverse("customer_note_pin", args=[ann.number, note.pk])
    assert agent.post(url, {"pinned": "yes"}).status_code == 302
    head = text(agent.get(reverse("customer", args=[ann.number]))).split("customer-columns")[0]
    tickets = f"{reverse('tickets')}?state=open&amp;customer={ann.number}"
    for words in ("Allergic to nuts", "+86138****8000", "Open tickets", tickets):
        assert words in head
    agent.post(url, {"pinned": "no"})
    assert Note.objects.get().pinned is False


def test_all_tickets_of_a_customer_are_listed(agent, ann, make_customer):
    other = open_ticket(customer=make_customer("Bob"), subject="Other", text="…", actor=SYSTEM)
    tickets = [open_ticket(customer=ann, subject=f"Parcel {n}", text="…", actor=SYSTEM) for n in range(3)]
    type(tickets[0]).objects.filter(pk=tickets[0].pk).update(status=TicketStatus.CLOSED)
    page = agent.get(reverse("tickets"), {"state": "all", "customer": ann.number})
    assert {ticket.pk for ticket in page.context["page"]} == {ticket.pk for ticket in tickets}
    assert other.number not in text(page)
    assert "Tickets of Ann" in text(page)
    # and the open ones alone are those that the customer page counts
    still_open = agent.get(reverse("tickets"), {"state": "open", "customer": ann.number})
    assert {ticket.pk for ticket in still_open.context["page"]} == {ticket.pk for ticket in tickets[1:]}


def test_a_customer_is_created_after_a_warning(agent, store, make_customer):
    make_customer("Ann", phone="13800138001")
    values = {"name": "ann", "phone": "138 0013 8000", "verified": "on"}
    warned = agent.post(reverse("customer_new"), values)
    assert [(item.customer.name, item.same_contact) for item in warned.context["similar"]] == [("Ann", False)]
    assert Customer.objects.count() == 1
    done = agent.post(reverse("customer_new"), {**values, "do": "save"})
    created = Customer.objects.get(name="ann")
    assert done.url == reverse("customer", args=[created.number])
    assert created.identities.get().verified_at is not None


def test_a_taken_contact_is_shown_and_never_given_to_a_second_customer(agent, ann):
    values = {"name": "Anna", "phone": "13800138000", "do": "save"}
    response = agent.post(reverse("customer_new"), values)
    assert [item.same_contact for item in response.context["similar"]] == [True]
    assert response.context["form"].errors == {"phone": ["This contact belongs to another customer."]}
    assert Customer.objects.count() == 1


def test_a_contact_is_added_verified_and_removed(agent, ann):
    add = reverse("customer_contact", args=[ann.number])
    refused = agent.post(add, {"kind": "phone", "value": "12"})
    assert refused.context["form"].errors == {"value": ["This is not a phone number of that country."]}
    agent.post(add, {"kind": "email", "value": "Ann@Example.com"})
    email = Identity.objects.get(kind="email")
    assert (email.value, email.verified_at) == ("ann@example.com", None)
    verify = reverse("customer_verify", args=[ann.number, email.pk])
    assert "not verified" in text(agent.get(verify))
    agent.post(verify)
    email.refresh_from_db()
    assert email.verified_at is not None
    remove = reverse("customer_contact_remove", args=[ann.number, email.pk])
    assert "messages that need it are not sent" in text(agent.get(remove))
    assert Identity.objects.filter(pk=email.pk).exists()
    agent.post(remove)
    assert not Identity.objects.filter(pk=email.pk).exists()


def test_the_contact_of_another_customer_is_not_found(agent, ann, make_customer):
    other = make_customer("Bob", phone="13800138009").identities.get(kind="phone")
    for name in ("customer_verify", "customer_contact_remove"):
        assert agent.post(reverse(name, args=[ann.number, other.pk])).status_code == 404
    assert Identity.objects.filter(pk=other.pk).exists()


def test_a_consent_is_recorded_after_its_effect(agent, ann):
    url = reverse("customer_consent", args=[ann.number])
    values = {"channel": "sms", "purpose": "marketing", "decision": "granted", "source": "phone call"}
    seen = agent.post(url, values)
    assert next((effect.before, effect.after) for effect in seen.context["effects"]) == ("not asked", "Granted")
    assert Consent.objects.count() == 0
    assert agent.post(url, {**values, "do": "save"}).status_code == 302
    consent = Consent.objects.get()
    assert (consent.channel, consent.decision, consent.source) == ("sms", "granted", "phone call")
    assert consent.actor.startswith("user:")
    again = agent.post(url, {**values, "decision": "withdrawn"})
    assert next((effect.before, effect.after) for effect in again.context["effects"]) == ("Granted", "Withdrawn")


def test_a_pair_is_compared_and_answered(agent, make_customer, staff):
    make_customer("Ann", storefront="s1", phone="13800138001")
    make_customer("Ann", storefront="s2", phone="13800138002")
    resolve_customer(
        [GivenIdentity("storefront", "s1"), GivenIdentity("phone", "13800138002", True)],
        actor=SYSTEM,
        source="test",
        country="CN",
    )
    pair = DuplicateCandidate.objects.get()
    listed = agent.get(reverse("duplicates"))
    assert [row[0] for row in listed.context["rows"]] == [pair]
    rows = {str(row.label): row for row in agent.get(reverse("duplicate", args=[pair.pk])).context["rows"]}
    assert (rows["Name"].same, rows["Customer number"].same) == (True, False)
    assert rows["Phone"].first == "+86138****8001 (verified)"
    decide = reverse("duplicate_decide", args=[pair.pk])
    assert agent.post(decide, {"answer": "distinct"}).url == reverse("duplicates")
    assert list(agent.get(reverse("duplicates")).context["rows"]) == []
    assert [row[0] for row in agent.get(reverse("duplicates"), {"show": "distinct"}).context["rows"]] == [pair]
    agent.post(decide, {"answer": "open"})
    pair.refresh_from_db()
    assert pair.state == "open"
    agent.force_login(staff(Role.MARKETER))
    assert agent.post(decide, {"answer": "distinct"}).status_code == 403
    pair.refresh_from_db()
    assert pair.state == "open"


def test_namesakes_are_told_apart_in_the_search(agent, make_customer, make_order):
    first = make_customer("张艳", phone="13800138001", region="上海")
    make_customer("张艳", phone="13800138002", region="北京")
    make_order(first, days_ago=3)
    found = agent.get(reverse("search"), {"q": "zhangyan"}).context["found"][0].results
    assert ["上海" in result.detail for result in found] == [False, True]
    assert ["last order" in result.detail for result in found] == [False, True]
    listed = agent.get(reverse("customers"), {"q": "zhangyan"}).context["page"]
    assert [customer.region for customer in listed] == ["北京", "上海"]
