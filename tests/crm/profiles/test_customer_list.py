"""The customer list: actions on all matching customers, in the request or by a worker, and saved views."""

from __future__ import annotations

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.console.models import SavedView
from core.events.models import DomainEvent
from core.jobs import tasks
from core.jobs.models import Job
from core.jobs.services import run_job
from core.security.roles import Role
from crm.customers.models import CustomerTag
from crm.customers.services.customers import add_tag
from crm.profiles.console import customers as page

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(client, staff):
    user = staff(Role.AGENT, "mei")
    client.force_login(user)
    return user


@pytest.fixture
def people(make_customer):
    return [make_customer(f"Wang {number}") for number in range(5)] + [make_customer("Li")]


def tagged(name: str) -> list[str]:
    found = CustomerTag.objects.filter(tag__name=name).order_by("customer_id")
    return list(found.values_list("customer__name", flat=True))


def test_all_matching_customers_are_tagged_not_only_the_shown_page(client, agent, people):
    client.post(
        reverse("customers_tag"), {"all": "yes", "matching": "q=Wang", "tag": "vip", "customer": people[5].number}
    )
    assert tagged("vip") == [f"Wang {number}" for number in range(5)]
    assert DomainEvent.objects.filter(kind="crm.tags_changed", actor=f"user:{agent.pk}").count() == 5


def test_tagging_many_is_an_idempotent_job(client, agent, people, monkeypatch, django_capture_on_commit_callbacks):
    # given more customers than one request handles
    monkeypatch.setattr(page, "AT_ONCE", 2)
    monkeypatch.setattr("crm.customers.services.tags.CHUNK", 2)
    begun: list[int] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda _name, args=(), **_options: begun.append(args[0]))
    add_tag(customer=people[0], name="vip", actor=SYSTEM)

    # when all matching customers are tagged
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            reverse("customers_tag"), {"all": "yes", "matching": "q=Wang", "tag": " vip "}, follow=True
        )

    # then only a job exists, and the worker tags the customers without the tag
    assert "Adding the tag “vip” to about 5 customers" in answer.content.decode()
    job = Job.objects.get(pk=begun[0])
    assert (job.kind, job.label, job.total_count, job.created_by, tagged("vip")) == (
        "crm.tag_customers", "vip", 5, agent, ["Wang 0"],
    )  # fmt: skip
    assert "Wang" not in str(job.result), "the search text is sealed"
    tasks.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["tagged"]) == ("done", 4)
    assert tagged("vip") == [f"Wang {number}" for number in range(5)]
    run_job(job)
    assert DomainEvent.objects.filter(kind="crm.tags_changed", actor=f"user:{agent.pk}").count() == 4


def test_a_filter_that_the_role_does_not_have_is_not_applied_to_more_than_it_shows(client, staff, people):
    # given a role that may tag but not see orders
    user = staff(Role.AGENT)
    user.groups.first().permissions.remove(*user.groups.first().permissions.filter(codename="view_order"))
    client.force_login(user)
    shown = client.get(reverse("customers"), {"q": "Wang", "bought": "yes"}).context["count"].value
    client.post(reverse("customers_tag"), {"all": "yes", "matching": "q=Wang&bought=yes", "tag": "seen"})
    assert len(tagged("seen")) == shown == 5


def test_an_invalid_tag_creates_no_job(client, agent, people, monkeypatch):
    monkeypatch.setattr(page, "AT_ONCE", 2)
    client.post(reverse("customers_tag"), {"all": "yes", "matching": "", "tag": "x" * 61})
    assert (Job.objects.count(), CustomerTag.objects.count()) == (0, 0)


def test_a_view_is_kept_under_a_name_and_marked_when_it_is_shown(client, agent, people):
    saved = client.post(
        reverse("list_view_save", args=["customers"]), {"name": " My  Wangs ", "query": "bought=no&cursor=x&nonsense=1"}
    )
    assert saved.url == "/customers/?bought=no"
    listed = client.get(saved.url).content.decode()
    assert '<a href="/customers/?bought=no"' in listed
    assert listed.count('aria-current="true">My Wangs') == 1
    assert "Remove the view “My Wangs”" in listed
    client.post(reverse("list_view_save", args=["customers"]), {"name": "My Wangs", "query": "bought=yes"})
    assert list(SavedView.objects.values_list("name", "query", "shared")) == [("My Wangs", "bought=yes", False)]


@pytest.mark.parametrize("text", ["13800138000", "wang@example.com", "Wang"])
def test_the_search_text_is_not_saved_in_a_view(client, agent, people, text):
    # when a view with a search for a person is saved
    answer = client.post(
        reverse("list_view_save", args=["customers"]), {"name": "Mine", "query": f"q={text}&bought=no"}, follow=True
    )
    # then only its filters are saved, and the page says so
    assert list(SavedView.objects.values_list("query", flat=True)) == ["bought=no"]
    assert "The search text is not saved, because it may name a person." in answer.content.decode()
    # and a view with only a search is refused
    answer = client.post(
        reverse("list_view_save", args=["customers"]), {"name": "Other", "query": f"q={text}"}, follow=True
    )
    assert SavedView.objects.count() == 1
    assert "Choose a filter first" in answer.content.decode()


def test_views_are_private_or_shared_and_only_the_owner_removes_them(client, agent, staff, people):
    for name, shared in (("Private list", ""), ("Ours", "on")):
        client.post(
            reverse("list_view_save", args=["customers"]), {"name": name, "query": "bought=no", "shared": shared}
        )
    ours = SavedView.objects.get(name="Ours")

    client.force_login(staff(Role.ANALYST))
    assert [item.view.name for item in client.get(reverse("customers")).context["views"]] == ["Ours"]
    assert client.post(reverse("list_view_remove", args=["customers", ours.pk])).status_code == 403
    client.force_login(agent)
    client.post(reverse("list_view_remove", args=["customers", ours.pk]))
    assert list(SavedView.objects.values_list("name", flat=True)) == ["Private list"]


@pytest.mark.parametrize("given", [{"name": "", "query": "bought=no"}, {"name": "Empty", "query": "cursor=abc"}])
def test_a_view_needs_a_name_and_a_filter(client, agent, given):
    client.post(reverse("list_view_save", args=["customers"]), given)
    assert SavedView.objects.count() == 0


def test_an_export_of_all_that_match(client, staff, people):
    client.force_login(staff(Role.LEAD))
    answer = client.get(reverse("customers_export"), {"all": "yes", "matching": "q=Li", "customer": people[0].number})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert "Li" in lines[1]
