"""Tests of the pages of earning rules: create, preview, dry run, publish, change and switch off."""

from __future__ import annotations

import pytest

from core.jobs.models import Job
from core.jobs.services import run_job
from core.security.roles import Role
from loyalty.earning.models import Earning, EarningRule, EarningRuleVersion
from loyalty.program.models import PointType

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER))
    return client


@pytest.fixture
def shop(program, make_customer, make_order, settle):
    customer = make_customer("Ann")
    make_order(customer, 80_00, number="A-1", category="Coffee/Beans", channel="app")
    make_order(customer, 20_00, number="A-2", category="Tea", sku="TEA")
    settle()
    return customer


def typed(**values) -> dict:
    kind = PointType.objects.get(code="points")
    return {
        "name": "Coffee days", "point_type": kind.pk, "trigger": "order", "stacking": "sum", "points": 2,
        "per_amount": "1", "position": 0, **values,
    }  # fmt: skip


def test_a_rule_is_created_with_conditions_and_limits(marketer, shop):
    page = marketer.get("/earning/new/").content.decode()
    assert 'name="on_category_categories"' in page
    answer = marketer.post(
        "/earning/new/",
        typed(
            do="publish", budget=5_000, on_category_categories="Coffee\nTea/Green", on_weekday_days=["1", "3"],
            on_minimum_amount_amount="49.90", on_day_of_month_days="8, 18", on_first_order_on="on",
            on_dates_first="2026-01-01", on_dates_last="2026-12-31", cap_member_day=100, cap_rule_ever=9_000,
        ),
    )  # fmt: skip
    rule = EarningRule.objects.get(name="Coffee days")
    assert (answer.status_code, answer["Location"]) == (302, f"/earning/{rule.pk}/")
    version = rule.versions.get()
    assert (rule.budget, version.points, version.per_amount, version.version) == (5_000, 2, 100, 1)
    assert {one["kind"]: one for one in version.conditions} == {
        "first_order": {"kind": "first_order"},
        "minimum_amount": {"kind": "minimum_amount", "amount": 49_90},
        "category": {"kind": "category", "categories": ["Coffee", "Tea/Green"]},
        "weekday": {"kind": "weekday", "days": [1, 3]},
        "day_of_month": {"kind": "day_of_month", "days": [8, 18]},
        "dates": {"kind": "dates", "first": "2026-01-01", "last": "2026-12-31"},
    }
    assert version.caps == [
        {"period": "day", "scope": "member", "points": 100},
        {"period": "ever", "scope": "rule", "points": 9_000},
    ]
    assert version.published_by.startswith("user:")
    page = marketer.get(f"/earning/{rule.pk}/").content.decode()
    for words in (
        "2 points per ¥1.00",
        "on Coffee, Tea/Green",
        "every Monday, Wednesday",
        "at most 100 points a day",
    ):
        assert words in page
    # and the form of its next version shows all of it
    form = marketer.get(f"/earning/{rule.pk}/edit/").context["form"]
    again = {name: form[name].value() for name in form.fields}
    assert (again["on_minimum_amount_amount"], again["on_day_of_month_days"], again["on_weekday_days"]) == (
        "49.90", "8, 18", ["1", "3"],
    )  # fmt: skip
    # published again unchanged, it has the same terms
    posted = {name: value for name, value in again.items() if value not in (None, "", False)}
    assert marketer.post(f"/earning/{rule.pk}/edit/", {**posted, "do": "publish"}).status_code == 302
    second = rule.versions.get(version=2)
    assert (second.conditions, second.caps, second.per_amount) == (version.conditions, version.caps, version.per_amount)


def test_a_preview_on_a_member_changes_nothing(marketer, shop):
    rule = EarningRule.objects.get(code="spend")
    body = {
        "stacking": "sum", "points": 3, "per_amount": "1", "on_channel_channels": "app", "member": shop.number,
        "do": "preview",
    }  # fmt: skip
    before = Earning.objects.count()
    part = marketer.post(f"/earning/{rule.pk}/edit/", body, headers={"HX-Request": "true"}).content.decode()
    assert 'id="trial"' in part
    assert "<html" not in part
    assert "240" in part
    assert "the channel is none" in part
    whole = marketer.post(f"/earning/{rule.pk}/edit/", body).content.decode()
    assert "<html" in whole
    assert "the channel is none" in whole
    wrong = marketer.post(f"/earning/{rule.pk}/edit/", {**body, "member": "C9999"}).content.decode()
    assert "There is no such customer." in wrong
    # a request without a button publishes nothing
    body.pop("do")
    assert marketer.post(f"/earning/{rule.pk}/edit/", body).status_code == 200
    assert (Earning.objects.count(), EarningRuleVersion.objects.count()) == (before, 1)


def test_a_dry_run_is_started_polled_and_shown(marketer, shop, django_capture_on_commit_callbacks):
    rule = EarningRule.objects.get(code="spend")
    body = {"stacking": "sum", "points": 3, "per_amount": "1", "do": "dry", "days": "30"}
    part = marketer.post(f"/earning/{rule.pk}/edit/", body, headers={"HX-Request": "true"}).content.decode()
    job = Job.objects.get(kind="loyalty.dry_run")
    assert f'hx-get="/earning/try/{job.pk}/"' in part
    run_job(job)
    part = marketer.get(f"/earning/try/{job.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in part
    assert "1 member would get more, 0 less." in part
    assert "+200" in part
    page = marketer.get(f"/earning/try/{job.pk}/").content.decode()
    assert "Points for orders" in page
    assert EarningRuleVersion.objects.count() == 1


def test_an_unsaved_rule_can_be_run_dry(marketer, shop):
    body = typed(do="dry", days="7", points=5, per_amount="")
    assert marketer.post("/earning/new/", body, headers={"HX-Request": "true"}).status_code == 200
    job = Job.objects.get(kind="loyalty.dry_run")
    run_job(job)
    job.refresh_from_db()
    assert job.result["figures"]["own"] == 10
    assert EarningRule.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"points": ""}, "Use a whole number in the allowed range."),
        ({"stacking": "multiply", "factor": "1"}, "Use a factor above 1"),
        ({"on_weekday_days": ["9"]}, "9"),
        ({"on_dates_first": "2026-02-01"}, "Dates"),
        ({"name": ""}, "This field is required."),
        ({"trigger": "activity", "per_amount": ""}, "Choose the kind of activity."),
    ],
)
def test_a_wrong_value_is_reported_and_nothing_is_published(marketer, shop, values, words):
    answer = marketer.post("/earning/new/", typed(do="publish", **values))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert (EarningRule.objects.count(), EarningRuleVersion.objects.count()) == (1, 1)


def test_another_trigger_has_other_fields(marketer, shop):
    part = marketer.post(
        "/earning/new/", typed(do="look", trigger="activity"), headers={"HX-Request": "true"}
    ).content.decode()
    assert 'name="event_kind"' in part
    assert 'name="streak_days"' in part
    assert 'name="on_property_name"' in part
    assert 'name="on_category_categories"' not in part
    assert 'name="per_amount"' not in part


def test_dates_and_budget_take_effect_without_a_version(marketer, shop):
    rule = EarningRule.objects.get(code="spend")
    body = {"name": "Orders", "position": 4, "budget": 700, "ends_at": "2027-01-01T00:00"}
    assert marketer.post(f"/earning/{rule.pk}/settings/", body).status_code == 302
    rule.refresh_from_db()
    assert (rule.name, rule.position, rule.budget, rule.versions.count()) == ("Orders", 4, 700, 1)
    wrong = marketer.post(f"/earning/{rule.pk}/settings/", {**body, "starts_at": "2028-01-01T00:00"})
    assert "The end is before the start." in wrong.content.decode()
    assert marketer.post(f"/earning/{rule.pk}/switch/", {}).status_code == 302
    rule.refresh_from_db()
    assert (rule.active, rule.starts_at) == (False, None)


def test_the_list_shows_what_each_rule_gives(marketer, shop, make_rule, django_assert_max_num_queries):
    make_rule("Double", stacking="multiply", factor="2", conditions=[{"kind": "weekday", "days": [6, 7]}])
    make_rule("Check-in", points=5, per_amount=None, rule={"trigger": "activity", "event_kind": "check_in"})
    with django_assert_max_num_queries(25):
        page = marketer.get("/earning/").content.decode()
    for words in (
        "all other points × 2",
        "every Saturday, Sunday",
        "5 points each time",
        "Activity: ",
        "Multiplies the others",
    ):
        assert words in page
