"""The customer list, the customer page and the order page, as each role sees them."""

import pytest
from django.urls import reverse

from core import urls as core_urls
from core.base.actor import SYSTEM
from core.db.paging import encode
from core.events.models import DomainEvent
from core.security.roles import Role
from crm import urls
from crm.customers.models import AttributeDefinition, Customer, Tag
from crm.customers.services.consents import record_consent
from crm.customers.services.customers import add_note, add_tag
from crm.desk.services import open_ticket
from crm.orders.services.refunds import record_refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_role(client, staff):
    def sign_in(role):
        user = staff(role)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def wang(make_customer, make_order):
    customer = make_customer("王小明", phone="13800138000", email="wang@example.com", birthday="1990-05-17")
    make_order(customer, 12_800)
    make_order(customer, 5_000)
    record_refund(order_number="O-1", number="R-1", source="storefront", amount=800, actor=SYSTEM)
    add_tag(customer=customer, name="vip", actor=SYSTEM)
    add_note(customer=customer, text="Likes light roasts", actor=SYSTEM)
    open_ticket(customer=customer, subject="Where is my parcel?", text="Three days.", actor=SYSTEM)
    record_consent(
        customer=customer, channel="sms", purpose="marketing", decision="granted", source="checkout", actor=SYSTEM
    )
    return customer


def page_of(client, customer, **query):
    return client.get(reverse("customer", args=[customer.number]), query)


WHO_MAY = {
    "home": None,
    "search": None,
    "palette": None,
    "preferences": None,
    "set_theme": None,
    "components": None,
    "customers": "crm.view_customer",
    "customers_tag": "crm.add_customertag",
    "customers_export": "crm.export_customer",
    "customer": "crm.view_customer",
    "customer_timeline": "crm.view_customer",
    "customer_orders": "crm.view_order",
    "customer_edit": "crm.change_customer",
    "customer_tag": "crm.add_customertag",
    "customer_untag": "crm.add_customertag",
    "customer_note": "crm.add_note",
    "customer_note_pin": "crm.add_note",
    "customer_new": "crm.add_customer",
    "customer_contact": "crm.add_identity",
    "customer_verify": "crm.change_identity",
    "customer_contact_remove": "crm.delete_identity",
    "customer_consent": "crm.add_consent",
    "duplicates": "crm.view_duplicatecandidate",
    "duplicate_decide": "crm.change_duplicatecandidate",
    "order_refund": "crm.add_refund",
    "customer_unmask": "crm.unmask_customer",
    "orders": "crm.view_order",
    "order": "crm.view_order",
}


def test_each_page_names_its_permission():
    patterns = {pattern.name: pattern.callback for pattern in [*core_urls.console, *urls.console]}
    found = {name: patterns[name].permission for name in WHO_MAY}
    assert found == WHO_MAY


@pytest.mark.parametrize(
    ("role", "tag", "note", "unmask", "export", "edit"),
    [
        (Role.AGENT, 302, 302, 200, 403, 200),
        (Role.LEAD, 302, 302, 200, 200, 200),
        (Role.MARKETER, 302, 403, 403, 403, 403),
        (Role.ANALYST, 403, 403, 403, 200, 403),
        (Role.ADMINISTRATOR, 302, 302, 200, 200, 200),
    ],
)
def test_roles(as_role, wang, role, tag, note, unmask, export, edit):
    client, number = as_role(role), wang.number
    phone = wang.identities.get(kind="phone")
    assert client.get(reverse("customers")).status_code == 200
    assert page_of(client, wang).status_code == 200
    assert client.post(reverse("customer_tag", args=[number]), {"tag": "new"}).status_code == tag
    assert client.post(reverse("customer_note", args=[number]), {"text": "Hello"}).status_code == note
    assert client.post(reverse("customer_unmask", args=[number, phone.pk])).status_code == unmask
    assert client.get(reverse("customers_export")).status_code == export
    assert client.get(reverse("customer_edit", args=[number])).status_code == edit


def test_the_page_shows_contacts_masked_and_no_birthday(as_role, wang):
    page = page_of(as_role(Role.AGENT), wang).content.decode()
    for shown in (
        "王小明",
        wang.number,
        "+86138****8000",
        "w***@example.com",
        "1990, the day is hidden",
        "¥170.00",
        "vip",
    ):
        assert shown in page
    for hidden in ("13800138000", "wang@example.com", "1990-05-17", "05-17"):
        assert hidden not in page


def test_showing_a_full_contact_is_recorded(as_role, wang):
    client, phone = as_role(Role.AGENT), wang.identities.get(kind="phone")
    response = client.post(reverse("customer_unmask", args=[wang.number, phone.pk]), headers={"HX-Request": "true"})
    assert "+8613800138000" in response.content.decode()
    assert response.headers["Cache-Control"] == "no-store"
    event = DomainEvent.objects.get(kind="crm.identity_unmasked")
    assert (event.subject_id, event.payload["kind"]) == (wang.pk, "phone")
    assert event.actor.startswith("user:")


def test_an_identity_of_someone_else_is_not_shown(as_role, wang, make_customer):
    other = make_customer("李静", phone="13900139000").identities.get(kind="phone")
    response = as_role(Role.AGENT).post(reverse("customer_unmask", args=[wang.number, other.pk]))
    assert response.status_code == 404
    assert not DomainEvent.objects.filter(kind="crm.identity_unmasked").exists()


def test_a_longer_page_needs_no_more_queries(as_role, wang, make_order, django_assert_max_num_queries):
    client = as_role(Role.LEAD)
    page_of(client, wang)
    with django_assert_max_num_queries(40) as before:
        page_of(client, wang)
    for number in range(8):
        make_order(wang, 1_000 + number)
        add_note(customer=wang, text=f"Note {number}", actor=SYSTEM)
        add_tag(customer=wang, name=f"tag {number}", actor=SYSTEM)
        open_ticket(customer=wang, subject=f"Ticket {number}", text="…", actor=SYSTEM)
    with django_assert_max_num_queries(len(before.captured_queries)):
        page_of(client, wang)


def test_the_list_needs_equal_queries_for_one_row_and_many(as_role, wang, make_customer, django_assert_max_num_queries):
    client = as_role(Role.LEAD)
    client.get(reverse("customers"))
    with django_assert_max_num_queries(18) as before:
        client.get(reverse("customers"))
    for number in range(10):
        make_customer(f"Customer {number}", phone=f"1390013{number:04d}")
    with django_assert_max_num_queries(len(before.captured_queries)):
        client.get(reverse("customers"))


def test_the_list_pages_by_cursor_and_filters_by_tag(as_role, make_customer):
    customers = [make_customer(f"Number {n:02d}") for n in range(40)]
    Customer.objects.update(created_at="2026-01-01T00:00:00Z")
    add_tag(customer=customers[7], name="chosen", actor=SYSTEM)
    client = as_role(Role.AGENT)
    first = client.get(reverse("customers"))
    page = first.context["page"]
    assert (len(page), first.context["count"].value) == (30, 40)
    second = client.get(reverse("customers"), {"cursor": page.next}).context["page"]
    assert {customer.name for customer in [*page, *second]} == {customer.name for customer in customers}
    assert page.next == encode(page.items[-1], ["created_at", "id"], "n")
    tagged = client.get(reverse("customers"), {"tag": Tag.objects.get().pk}).context["page"]
    assert [customer.name for customer in tagged] == ["Number 07"]


def test_an_invalid_filter_value_is_ignored(as_role, wang):
    client = as_role(Role.AGENT)
    for query in (
        {"tag": "x"},
        {"tag": "9" * 40},
        {"since": "-1"},
        {"cursor": "zz"},
        {"bought": "maybe"},
        {"q": "\x00"},
    ):
        assert client.get(reverse("customers"), query).status_code == 200


def test_tagging_the_chosen_customers(as_role, wang, make_customer):
    other = make_customer("李静")
    client = as_role(Role.MARKETER)
    response = client.post(
        reverse("customers_tag"),
        {"customer": [wang.number, other.number], "tag": " spring  sale ", "next": "/customers/"},
    )
    assert response.url == "/customers/"
    assert sorted(Tag.objects.get(name="spring sale").customer_tags.values_list("customer_id", flat=True)) == [
        wang.pk,
        other.pk,
    ]


def test_a_refused_tag_shows_the_reason_and_changes_nothing(as_role, wang):
    client = as_role(Role.AGENT)
    response = client.post(reverse("customer_tag", args=[wang.number]), {"tag": "x" * 61}, follow=True)
    assert "A tag has 1 to 60 characters." in response.content.decode()
    assert list(wang.customer_tags.values_list("tag__name", flat=True)) == ["vip"]


def test_the_export_has_masked_contacts_and_no_formulas(as_role, wang, make_customer):
    make_customer('=HYPERLINK("x")')
    response = as_role(Role.ANALYST).get(reverse("customers_export"), {"q": ""})
    text = b"".join(response.streaming_content).decode()
    lines = text.removeprefix("\ufeff").splitlines()
    assert lines[0].startswith("Customer number,Name,Phone")
    assert f"{wang.number},王小明,'+86138****8000,w***@example.com" in text
    assert "13800138000" not in text
    assert '"\'=HYPERLINK(""x"")"' in text
    assert len(lines) == 3


def test_the_export_of_chosen_customers_has_only_them(as_role, wang, make_customer):
    make_customer("李静")
    response = as_role(Role.LEAD).get(reverse("customers_export"), {"customer": wang.number})
    assert len(b"".join(response.streaming_content).decode().splitlines()) == 2


def test_editing_keeps_what_the_form_does_not_show(as_role, wang):
    AttributeDefinition.objects.create(code="wholesale", label="Wholesale", type="boolean")
    client, address = as_role(Role.AGENT), reverse("customer_edit", args=[wang.number])
    response = client.post(address, {"name": "王大明", "gender": "male", "attribute_wholesale": "false"})
    assert response.status_code == 302
    wang.refresh_from_db()
    assert (wang.name, wang.gender, wang.birthday, wang.attributes) == (
        "王大明",
        "male",
        "1990-05-17",
        {"wholesale": False},
    )
    assert 'value="false" selected' in client.get(address).content.decode()


def test_the_error_of_an_edit_is_shown_beside_its_field(as_role, wang):
    client = as_role(Role.AGENT)
    response = client.post(reverse("customer_edit", args=[wang.number]), {"name": "王大明", "time_zone": "Mars/Base"})
    assert response.context["form"].errors == {"time_zone": ["Use a zone such as Asia/Shanghai."]}
    wang.refresh_from_db()
    assert wang.name == "王小明"


def test_a_merged_customer_leads_to_the_other(as_role, wang, make_customer):
    other = make_customer("王小明")
    Customer.objects.filter(pk=other.pk).update(state="merged", merged_into=wang)
    assert page_of(as_role(Role.AGENT), other).url == reverse("customer", args=[wang.number])


def test_the_timeline_is_a_page_and_a_part_of_one(as_role, wang):
    client = as_role(Role.AGENT)
    address = reverse("customer_timeline", args=[wang.number])
    part = client.get(address, {"show": "orders"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "Order paid" in part
    assert client.get(address, {"show": "orders"}).url == f"{reverse('customer', args=[wang.number])}?show=orders"
    assert page_of(client, wang, show="orders").context["show"] == "orders"


def test_an_order_shows_lines_sums_and_refunds(as_role, wang):
    order = wang.orders.get(number="O-1")
    page = as_role(Role.ANALYST).get(reverse("order", args=[order.pk])).content.decode()
    for shown in ("O-1", "SKU-1", "¥128.00", "Refund R-1", "¥8.00", "¥120.00"):
        assert shown in page
