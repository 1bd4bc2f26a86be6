"""History of changes by programs: stored with the name of the key, like those of staff."""

from __future__ import annotations

from core.security.models import ApiKey


def test_a_change_over_the_api_is_kept_with_the_key_and_the_request(api, make_customer):
    # given a customer and a server key
    customer = make_customer("Old name")
    key = ApiKey.objects.get()

    # when the key's owner renames the customer
    answer = api.patch(
        f"/api/v1/customers/{customer.number}", {"name": "New name"}, format="json", headers={"X-Request-ID": "req-7"}
    )

    # then the trigger stored the old name, the actor and the request
    assert answer.status_code == 200, answer.content
    event = customer.events.get()
    assert event.name == "Old name"
    assert event.pgh_context.metadata == {
        "actor": f"key:{key.pk}",
        "request": "req-7",
        "url": f"/api/v1/customers/{customer.number}",
    }
