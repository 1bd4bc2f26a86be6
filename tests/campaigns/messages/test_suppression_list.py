"""Test the suppression list: search by full address, adding, lifting with a reason, export, API."""

from __future__ import annotations

import pytest
from django.urls import reverse

from campaigns.messages.models import Suppression
from campaigns.messages.services.suppressions import lift_suppression, suppress_address, suppress_customer
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.customers.services.identities import index_of
from tests.campaigns.pages import PART

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(make_customer):
    return make_customer("Ada", email="ada@example.com")


def block(address: str = "ada@example.com", **values) -> Suppression:
    return suppress_address(**{"channel": "email", "address": address, "reason": "manual", "actor": SYSTEM, **values})


class TestServices:
    def test_an_address_is_suppressed_once_and_names_its_customer(self, ada):
        first = block(" ADA@example.com ")
        assert (first.customer, first.channel, first.reason) == (ada, "email", "manual")
        assert bytes(first.address_index) == index_of("email", "ada@example.com")
        assert block() == first
        assert Suppression.objects.count() == 1
        assert DomainEvent.objects.filter(kind="campaigns.address_suppressed", subject_id=ada.pk).count() == 1

    def test_an_address_without_a_customer_is_suppressed_too(self, store):
        assert block("nobody@example.com").customer is None

    @pytest.mark.parametrize(
        ("values", "field", "code"),
        [
            ({"channel": "pigeon"}, "channel", "invalid_choice"),
            ({"channel": "inbox"}, "channel", "no_addresses"),
            ({"address": "not an address"}, "address", "invalid_address"),
            ({"address": ""}, "address", "invalid_address"),
            ({"reason": " "}, "reason", "required"),
            ({"reason": "x" * 41}, "reason", "required"),
        ],
    )
    def test_a_refusal_names_its_field_and_changes_nothing(self, store, values, field, code):
        with pytest.raises(Invalid) as refusal:
            block(**values)
        assert (refusal.value.field, refusal.value.code) == (field, code)
        assert Suppression.objects.count() == 0

    def test_lifting_is_recorded_once_with_its_reason(self, ada):
        row = block()
        with pytest.raises(Invalid) as refusal:
            lift_suppression(suppression=row, actor=SYSTEM, reason="x" * 201)
        assert refusal.value.code == "max_length"
        for _ in range(2):
            lift_suppression(suppression=row, actor=SYSTEM, reason="The mailbox works again")
        row.refresh_from_db()
        assert row.lifted_at is not None
        event = DomainEvent.objects.get(kind="campaigns.suppression_lifted")
        assert (event.subject_id, event.payload["reason"]) == (ada.pk, "The mailbox works again")
        assert block() != row, "the address can be suppressed again"


class TestPage:
    def test_the_list_masks_addresses_and_finds_one_by_its_full_address(self, as_role, ada, make_customer):
        block()
        block("bob@example.org", reason="bounce")
        suppress_customer(
            customer=make_customer("Eve", email="eve@example.com"), channel="email", reason="manual", actor=SYSTEM
        )
        client = as_role(Role.MARKETER)
        page = client.get(reverse("suppressions"))
        assert [(row.address, row.gone) for row in page.context["rows"]] == [
            ("", False), ("", True), ("a***@example.com", False),
        ]  # fmt: skip
        assert "ada@example.com" not in page.content.decode()
        for address, names in (
            ("ada@example.com", ["Ada"]), ("Bob@Example.org", [None]), ("eve@example.com", ["Eve"]),
            ("ada@example", []), ("a", []), ("\x00", ["Eve", None, "Ada"]),
        ):  # fmt: skip
            rows = client.get(reverse("suppressions"), {"address": address}).context["rows"]
            assert [row.suppression.customer and row.suppression.customer.name for row in rows] == names, address
        assert len(client.get(reverse("suppressions"), {"reason": "bounce"}).context["rows"]) == 1
        assert len(client.get(reverse("suppressions"), {"channel": "sms"}).context["rows"]) == 0

    def test_adding_and_lifting_go_through_the_page(self, as_role, ada):
        client = as_role(Role.MARKETER)
        refused = client.post(reverse("suppressions_add"), {"channel": "email", "address": "ada", "reason": "asked"})
        assert (refused.status_code, refused.context["errors"]) == (422, {"address": "This is not an e-mail address."})
        assert refused.context["values"]["reason"] == "asked"
        client.post(reverse("suppressions_add"), {"channel": "email", "address": "ada@example.com", "reason": "asked"})
        row = Suppression.objects.get()
        assert (row.reason, row.created_by) == ("asked", client.get(reverse("suppressions")).context["user"])
        client.post(reverse("suppression_lift", args=[row.pk]), {"reason": "asked again"})
        assert client.get(reverse("suppressions")).context["rows"] == []
        lifted = client.get(reverse("suppressions"), {"state": "lifted"}).context["rows"]
        assert [one.reason for one in lifted] == ["asked"]

    def test_the_file_has_full_addresses_only_for_those_who_may_see_them(self, as_role, ada):
        block()
        masked = b"".join(as_role(Role.MARKETER).get(reverse("suppressions_export")).streaming_content).decode()
        assert "a***@example.com" in masked
        assert "ada@example.com" not in masked
        full = b"".join(as_role(Role.LEAD).get(reverse("suppressions_export")).streaming_content).decode()
        assert f"E-mail,ada@example.com,{ada.number},By hand," in full
        events = DomainEvent.objects.filter(kind="campaigns.suppressions_exported").order_by("pk")
        assert [event.payload for event in events] == [{"rows": 1, "full": False}, {"rows": 1, "full": True}]

    def test_more_rows_need_no_more_queries(self, as_role, ada, django_assert_max_num_queries):
        client = as_role(Role.MARKETER)
        block()
        client.get(reverse("suppressions"))
        with django_assert_max_num_queries(20) as one:
            client.get(reverse("suppressions"))
        for number in range(5):
            block(f"c{number}@example.com")
        with django_assert_max_num_queries(len(one.captured_queries)):
            client.get(reverse("suppressions"), headers=PART)


class TestApi:
    def test_an_entry_is_added_found_and_lifted(self, api, ada):
        made = send(api, "post", "suppressions", {"channel": "email", "address": "ada@example.com", "reason": "bounce"})
        assert made.status_code == 201
        assert {name: made.json()[name] for name in ("channel", "address", "customer", "reason", "lifted_at")} == {
            "channel": "email", "address": "a***@example.com", "customer": ada.number, "reason": "bounce",
            "lifted_at": None,
        }  # fmt: skip
        again = send(api, "post", "suppressions", {"channel": "email", "address": "ada@example.com", "reason": "other"})
        assert again.json()["id"] == made.json()["id"]
        for query, count in (
            ("", 1),
            ("?address=ada@example.com", 1),
            ("?address=bob@example.com", 0),
            ("?lifted=true", 0),
        ):
            assert len(send(api, "get", f"suppressions{query}").json()["results"]) == count, query
        path = f"suppressions/{made.json()['id']}/lift"
        assert fault(send(api, "post", path, {})) == (400, "required", "reason")
        assert send(api, "post", path, {"reason": "works again"}).json()["lifted_at"] is not None
        assert send(api, "get", "suppressions").json()["results"] == []
        assert len(send(api, "get", "suppressions?lifted=true").json()["results"]) == 1

    def test_a_customer_is_blocked_by_number(self, api, ada):
        made = send(api, "post", "suppressions", {"channel": "inbox", "customer": ada.number, "reason": "manual"})
        assert (made.status_code, made.json()["address"], made.json()["customer"]) == (201, "", ada.number)

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"channel": "email", "reason": "x"}, (400, "required", "address")),
            ({"channel": "email", "address": "no", "reason": "x"}, (400, "invalid_address", "address")),
            ({"channel": "inbox", "address": "a@b.example", "reason": "x"}, (400, "no_addresses", "channel")),
            ({"channel": "email", "address": "a@b.example"}, (400, "required", "reason")),
        ],
    )
    def test_bad_input_is_refused(self, api, ada, body, expected):
        assert fault(send(api, "post", "suppressions", body)) == expected
        assert Suppression.objects.count() == 0

    def test_an_address_and_a_customer_together_and_an_unknown_entry(self, api, ada):
        both = {"channel": "email", "address": "ada@example.com", "customer": ada.number, "reason": "x"}
        assert fault(send(api, "post", "suppressions", both)) == (400, "required", "address")
        assert fault(send(api, "post", "suppressions/999/lift", {"reason": "x"}))[:2] == (404, "unknown_suppression")


def send(api, method: str, path: str, body=None):
    return getattr(api, method)(f"/api/v1/{path}", body, format="json")


def fault(response) -> tuple:
    error = response.json()["errors"][0]
    return response.status_code, error["code"], error["attr"]
