"""The admin creates and changes objects as the console does, and refuses with the same messages at the same fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.forms import model_to_dict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.segments.models import Segment, SegmentState
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.broadcasts.services.broadcasts import schedule_broadcast
from campaigns.channels.models import ChannelAccount
from campaigns.coupons.models import Coupon
from campaigns.experiments.models import ExperimentState
from campaigns.experiments.services.experiments import end_experiment, start_experiment
from campaigns.journeys.models import Journey, JourneyState
from campaigns.messages.models import SendingPolicy
from core.base.actor import SYSTEM
from core.console.admin import ConfigurationAdmin, SuperuserOnly
from core.console.service_admin import ServiceAdmin
from core.security.roles import Role
from crm.customers.models import AttributeDefinition
from crm.customers.services.attributes import create_attribute
from loyalty.earning.models import EarningRule
from loyalty.program.models import PointType, Program
from loyalty.rewards.services.categories import create_category
from loyalty.tiers.models import Tier
from tests.populated import PopulatedShop
from tests.segments import put_in

SECRET = "whsec_" + "c2VjcmV0" * 4
STEPS = [{"id": "s1", "kind": "wait", "amount": 1, "unit": "days"}]
RULE = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 2}]}


@pytest.fixture
def populated(program, staff, make_customer, make_order, tmp_path) -> PopulatedShop:
    shop = PopulatedShop(program, staff(Role.ADMINISTRATOR), staff(Role.LEAD), make_customer, make_order, tmp_path)
    shop.add(1)
    shop.values["category"] = create_category(program=program, name="Gifts", actor=SYSTEM)
    shop.values["attribute"] = create_attribute(code="shoe-size", label="Shoe size", type="number", actor=SYSTEM)
    shop.values |= {"program": program, "points": PointType.objects.get(code="points")}
    return shop


@pytest.fixture
def enter(client, staff) -> Callable[[Role], Client]:
    def make(role: Role) -> Client:
        user = staff(role)
        user.is_staff = True
        user.save()
        client.force_login(user)
        client.user = user
        return client

    return make


def url(model: str, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model.replace('/', '_')}_{page}", args=args)


def entered(page: Any) -> dict[str, Any]:
    """Return what a browser sends when the user saves the form of this page unchanged."""
    form = page.context["adminform"].form
    values: dict[str, Any] = {}
    for bound in form:
        value, widget = bound.value(), bound.field.widget
        if type(widget) is forms.Select and value in (None, ""):
            # A browser sends the first choice.
            value = next(iter(bound.field.choices))[0]
        if value is None or value is False or value == "":
            continue
        if isinstance(widget, forms.CheckboxInput):
            values[bound.name] = "on"
        elif isinstance(widget, forms.SelectMultiple | forms.CheckboxSelectMultiple):
            values[bound.name] = list(value)
        elif isinstance(widget, forms.Select):
            values[bound.name] = str(value)
        elif not isinstance(widget, forms.FileInput):
            values[bound.name] = widget.format_value(value)
    return values


def errors(page: Any) -> dict[str, list[str]]:
    return {name: [str(text) for text in texts] for name, texts in page.context["adminform"].form.errors.items()}


def columns(obj: Any) -> dict[str, Any]:
    """Return the columns that do not differ by nature between two objects made with the same values."""
    own = {"id", "name", "code", "created_at", "updated_at", "published_at", "salt", "weighed_at", "computed_at"}
    own |= {"reserved_count", "rank", "threshold", "counts_from"}
    fields = [one for one in obj._meta.concrete_fields if one.name not in own]
    return {one.name: one.value_from_object(obj) for one in fields}


@dataclass(frozen=True)
class Case:
    """How one kind of object is created and changed, and a change that is refused at `wrong_field`.

    `console` is the route of the console that creates the object from the same fields.
    """

    model: str
    values: Callable[[dict[str, Any]], dict[str, Any]]
    stored: dict[str, Any]
    change: dict[str, Any]
    changed: dict[str, Any]
    wrong: dict[str, Any]
    wrong_field: str
    console: str = ""
    key: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    role: Role = Role.MARKETER

    def __str__(self) -> str:
        return self.model


def pk(made: dict[str, Any], key: str) -> str:
    return str(made[key].pk)


CASES = [
    Case(
        "campaigns/coupon",
        lambda made: {"name": "Autumn", "value": "12.50", "minimum_spend": "100.00", "budget": "5000"},
        {"name": "Autumn", "value": 1_250, "minimum_spend": 10_000, "budget": 500_000, "currency": "CNY"},
        {"limit_total": "7", "minimum_spend": "80.00"},
        {"limit_total": 7, "minimum_spend": 8_000},
        {"starts_at": "2026-05-02T10:00", "ends_at": "2026-05-01T10:00"},
        "ends_at",
        console="coupon_new",
        key="coupon",
    ),
    Case(
        "campaigns/template",
        lambda made: {"name": "Greeting", "channel": "email", "subject_en": "Hello", "body_en": "<p>Hi</p>"},
        {"name": "Greeting", "channel": "email", "version": 1},
        {"body_en": "<p>Hi again</p>"},
        {"version": 2},
        {"body_en": "<p>{{ customer.nothing }}</p>"},
        "body_en",
        console="template_new",
        key="template",
    ),
    Case(
        "campaigns/carerule",
        lambda made: {"name": "Birthday", "days": "3", "template": pk(made, "template"), "holdout_percent": "5"},
        {"name": "Birthday", "trigger": "birthday", "days": 3, "holdout_percent": 5, "state": "draft"},
        {"days": "40"},
        {"days": 40},
        {"name": " "},
        "name",
        console="care_new",
        key="care",
    ),
    Case(
        "campaigns/broadcast",
        lambda made: {"name": "Sale", "segment": pk(made, "segment"), "template": pk(made, "template")},
        {"name": "Sale", "state": "draft", "holdout_percent": 0, "per_minute": 0},
        {"per_minute": "500", "holdout_percent": "10"},
        {"per_minute": 500, "holdout_percent": 10},
        {"name": "Sale"},
        "name",
        console="broadcast_new",
        key="broadcast",
    ),
    Case(
        "campaigns/journey",
        lambda made: {
            "name": "Welcome",
            "definition": json.dumps({"entry": {"kind": "api"}, "steps": STEPS, "holdout": 10}),
        },
        {"name": "Welcome", "state": "draft"},
        {"name": "Welcome back"},
        {"name": "Welcome back"},
        {"name": "Welcome"},
        "name",
        key="journey",
    ),
    Case(
        "analytics/segment",
        lambda made: {"name": "Regulars", "rule": json.dumps(RULE)},
        {"name": "Regulars", "kind": "rule", "version": 1, "rule": RULE},
        {"description": "Two orders"},
        {"description": "Two orders", "version": 1},
        {"name": "Regulars"},
        "name",
        key="segment",
    ),
    Case(
        "campaigns/experiment",
        lambda made: {"name": "Shorter text", "metric": "revenue", "effect": "2.50", "arm1_name": "Short"},
        {"name": "Shorter text", "metric": "revenue", "effect": 250, "state": "draft"},
        {"window_days": "30"},
        {"window_days": 30},
        {"name": "Shorter text"},
        "name",
        console="experiment_new",
        key="experiment",
    ),
    Case(
        "loyalty/earningrule",
        lambda made: {"name": "Coffee", "points": "2", "per_amount": "1.50"},
        {"name": "Coffee", "trigger": "order", "active": True},
        {"budget": "9000"},
        {"budget": 9_000},
        {"starts_at": "2026-05-02T10:00", "ends_at": "2026-05-01T10:00"},
        "ends_at",
        console="earning_new",
        key="earning",
        extra={"do": "publish"},
    ),
    Case(
        "loyalty/reward",
        lambda made: {"name": "Mug", "kind": "gift", "points": "300", "money": "9.90", "stock": "5"},
        {"name": "Mug", "kind": "gift", "points": 300, "money": 990, "stock": 5},
        {"money": "12"},
        {"money": 1_200},
        {"starts_at": "2026-05-02T10:00", "ends_at": "2026-05-01T10:00"},
        "ends_at",
        console="reward_new",
        key="reward",
    ),
    Case(
        "loyalty/tier",
        lambda made: {"name": "Diamond", "rank": "50", "threshold": "90000", "paid_price": "199.00"},
        {"name": "Diamond", "rank": 50, "threshold": 9_000_000, "paid_price": 19_900},
        {"multiplier": "1.75"},
        {"paid_days": 365},
        {"rank": "1"},
        "rank",
        key="tier",
    ),
    Case(
        "loyalty/task",
        lambda made: {"name": "Three orders", "counts": "order", "goal_1": "3", "points_1": "50"},
        {"name": "Three orders", "trigger": "order", "measure": "times"},
        {"season": "Spring"},
        {"season": "Spring"},
        {"starts_at": "2026-05-02T10:00", "ends_at": "2026-05-01T10:00"},
        "ends_at",
        console="task_new",
        key="task",
    ),
    Case(
        "loyalty/badge",
        lambda made: {"name": "Explorer", "icon": "rocket"},
        {"name": "Explorer", "icon": "rocket", "active": True},
        {"name_zh": "探索者"},
        {"name_zh": "探索者"},
        {"name": "\x00"},
        "name",
        console="badge_new",
        key="badge",
    ),
    Case(
        "loyalty/rewardcategory",
        lambda made: {"name": "Drinks"},
        {"name": "Drinks", "code": "drinks", "position": 0},
        {"position": "4"},
        {"position": 4},
        {"position": "40000"},
        "position",
        key="category",
    ),
    Case(
        "loyalty/pointtype",
        lambda made: {"name": "Stars", "code": "stars"},
        {"name": "Stars", "code": "stars", "spendable": True},
        {"name": "Star points"},
        {"name": "Star points"},
        {"name": ""},
        "name",
        key="points",
    ),
    Case(
        "campaigns/shopday",
        lambda made: {"name": "Member day", "month": "8", "day": "8"},
        {"name": "Member day", "month": 8, "day": 8, "lunar": False, "year": None},
        {"day": "18"},
        {"day": 18},
        {"month": "2", "day": "30"},
        "day",
        key="day",
    ),
    Case(
        "crm/attributedefinition",
        lambda made: {"code": "colour", "label": "Colour", "type": "choice", "choices": "Red\nBlue\nRed"},
        {"code": "colour", "label": "Colour", "type": "choice", "choices": ["Red", "Blue"]},
        {"choices": "Red\nGreen"},
        {"choices": ["Red", "Green"]},
        {"choices": " \n "},
        "choices",
        key="attribute",
        role=Role.ADMINISTRATOR,
    ),
]
NOT_AUDITED = {"loyalty/rewardcategory", "loyalty/pointtype"}


def model_of(case: Case) -> Any:
    return apps.get_model(*case.model.split("/"))


def create(client: Client, case: Case, made: dict[str, Any]) -> Any:
    """Create the object of the case in the admin and return it."""
    page = client.get(url(case.model, "add"))
    assert page.status_code == 200
    values = {**entered(page), **case.values(made)}
    known = set(model_of(case).objects.values_list("pk", flat=True))
    answer = client.post(url(case.model, "add"), values)
    assert answer.status_code == 302, errors(answer)
    return model_of(case).objects.exclude(pk__in=known).get()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_admin_creates_what_the_console_creates(case, populated, enter):
    # given a role that may create these objects in the console
    client = enter(case.role)
    page = client.get(url(case.model, "add"))
    values = {**entered(page), **case.values(populated.values)}
    # when the same values are saved in the admin and in the console
    first = create(client, case, populated.values)
    assert {name: getattr(first, name) for name in case.stored} == case.stored
    if case.console:
        known = set(model_of(case).objects.values_list("pk", flat=True))
        answer = client.post(reverse(case.console), {**values, "name": f"{values['name']} 2", **case.extra})
        assert answer.status_code == 302, answer.context["form"].errors
        second = model_of(case).objects.exclude(pk__in=known).get()
        # then the rows are equal
        assert columns(first) == columns(second)
    # and the admin's log names who created it
    entry = LogEntry.objects.get(object_id=str(first.pk), content_type__model=case.model.split("/")[1])
    assert entry.user == client.user


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_admin_changes_an_object_and_the_audit_log_names_the_actor(case, populated, enter):
    # given an object, and its form
    client = enter(case.role)
    obj = create(client, case, populated.values)
    address = url(case.model, "change", obj.pk)
    page = client.get(address)
    assert page.status_code == 200
    # when it is saved
    answer = client.post(address, {**entered(page), **case.change})
    # then it is changed
    assert answer.status_code == 302, errors(answer)
    after = model_of(case).objects.get(pk=obj.pk)
    assert {name: getattr(after, name) for name in case.changed} == case.changed
    if case.model not in NOT_AUDITED:
        kept = after.events.order_by("-pgh_id").first()
        assert kept.pgh_context.metadata["actor"] == f"user:{client.user.pk}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_refused_change_is_shown_at_its_field_and_changes_nothing(case, populated, enter):
    # given two objects of a kind
    client = enter(case.role)
    create(client, case, populated.values)
    obj = populated.values[case.key]
    address = url(case.model, "change", obj.pk)
    page = client.get(address)
    if case.model == "loyalty/tier":
        Tier.objects.exclude(pk=obj.pk).filter(rank=1).update(name="First")
    if case.model == "crm/attributedefinition":
        obj = AttributeDefinition.objects.get(code="colour")
        address = url(case.model, "change", obj.pk)
        page = client.get(address)
    before = model_to_dict(model_of(case).objects.get(pk=obj.pk))
    # when the form is saved with a wrong value
    answer = client.post(address, {**entered(page), **case.wrong})
    # then the reason stands at the field, and the row is as it was
    assert answer.status_code == 200
    assert list(errors(answer)) == [case.wrong_field]
    assert model_to_dict(model_of(case).objects.get(pk=obj.pk)) == before


@pytest.mark.parametrize("case", CASES, ids=str)
def test_saving_a_form_unchanged_changes_nothing(case, populated, enter):
    client = enter(case.role)
    obj = create(client, case, populated.values)
    before = columns(model_of(case).objects.get(pk=obj.pk))
    address = url(case.model, "change", obj.pk)
    page = client.get(address)
    # Each field is on the page as an input, and none of them as a text.
    missing = [name for name in page.context["adminform"].form.fields if f'name="{name}"' not in page.content.decode()]
    assert missing == []
    assert client.post(address, entered(page)).status_code == 302
    assert columns(model_of(case).objects.get(pk=obj.pk)) == before


def test_every_service_admin_is_tested():
    tested = {case.model for case in CASES} | {"campaigns/channelaccount", "campaigns/sendingpolicy", "loyalty/program"}
    found = {
        f"{model._meta.app_label}/{model._meta.model_name}"
        for model, model_admin in admin.site._registry.items()
        if isinstance(model_admin, ServiceAdmin)
    }
    assert found == tested


# Objects whose forms have something of their own.


def test_the_program_is_changed_in_its_currency_and_refuses_a_wrong_share(populated, enter):
    client, program = enter(Role.MARKETER), populated.program
    address = url("loyalty/program", "change", program.pk)
    values = entered(client.get(address))
    assert values["redeem_amount"] == "1.00"
    # when the worth, the return window and the policy of tiers are changed
    change = {"redeem_amount": "2.50", "return_window_days": "14", "tier_grace_days": "30"}
    assert client.post(address, {**values, **change}).status_code == 302
    # then minor units are stored
    after = Program.objects.get()
    assert (after.redeem_amount, after.return_window_days, after.tier_grace_days) == (250, 14, 30)
    assert after.events.order_by("-pgh_id").first().pgh_context.metadata["actor"] == f"user:{client.user.pk}"
    # and a refusal changes neither part
    for wrong, name in (
        ({"redeem_share_percent": "101"}, "redeem_share_percent"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"redeem_points": "0"}, "redeem_points"),
        ({"expiry_policy": "rolling", "expiry_count": "0"}, "expiry_count"),
        ({"return_window_days": "7", "tier_window_days": "5000"}, "tier_window_days"),
    ):
        answer = client.post(address, {**values, **change, **wrong})
        assert (answer.status_code, list(errors(answer))) == (200, [name])
        assert model_to_dict(Program.objects.get()) == model_to_dict(after)
    assert client.get(url("loyalty/program", "add")).status_code == 403


def test_the_sending_limits_are_one_row_and_changed_by_their_service(store, enter):
    client = enter(Role.MARKETER)
    # the list makes the row on first use
    page = client.get(url("campaigns/sendingpolicy"))
    assert page.context["cl"].result_count == 1
    address = url("campaigns/sendingpolicy", "change", 1)
    values = entered(client.get(address))
    assert client.post(address, {**values, "cap_per_day": "3"}).status_code == 302
    assert SendingPolicy.objects.get().cap_per_day == 3
    answer = client.post(address, {**values, "cap_per_day": "1001"})
    assert list(errors(answer)) == ["cap_per_day"]
    assert SendingPolicy.objects.get().cap_per_day == 3


def test_a_channel_account_keeps_its_secret_and_never_shows_it(store, enter):
    client = enter(Role.ADMINISTRATOR)
    add = url("campaigns/channelaccount", "add")
    # given the fields of another provider, which are shown without saving
    page = client.post(add, {"provider": "gateway", "do": "look"})
    form = page.context["adminform"].form
    assert (page.status_code, form.provider, ChannelAccount.objects.count()) == (200, "gateway", 0)
    # when a required field is missing, then nothing is saved
    answer = client.post(add, {"provider": "gateway"})
    assert errors(answer)["url"] == ["This field is required."]
    assert ChannelAccount.objects.count() == 0
    # when all are filled in, then the account is stored
    values = {"provider": "gateway", "url": "https://93.184.216.34/sms", "secret": SECRET}
    assert client.post(add, {**entered(page), **values}).status_code == 302
    account = ChannelAccount.objects.get()
    assert (account.provider, account.values["secret"]) == ("gateway", SECRET)
    # and its page neither shows the secret nor loses it
    address = url("campaigns/channelaccount", "change", account.pk)
    page = client.get(address)
    assert SECRET not in page.content.decode()
    assert client.post(address, entered(page)).status_code == 302
    assert ChannelAccount.objects.get().values["secret"] == SECRET


def test_a_definition_that_is_no_json_names_line_and_column(populated, enter):
    client = enter(Role.MARKETER)
    add = url("campaigns/journey", "add")
    for text, message in (
        ('{"entry":\n  oops}', "Line 2, column 3: this is not valid JSON."),
        ('{"holdout": NaN}', "This is not valid JSON."),
        ("[1]", "The definition must be a JSON object."),
        ('{"colour": 1}', "There is no field colour."),
        ('{"entry": 5}', "entry: This value is not valid."),
        ('{"steps": 5}', "steps: Steps must be a list."),
        ('{"entry": {"kind": {}}}', "A value in this definition has the wrong type."),
    ):
        answer = client.post(add, {"name": "Wrong", "definition": text})
        assert errors(answer) == {"definition": [message]}, text
        # the text stays as it was typed
        assert answer.context["adminform"].form["definition"].value() == text
    assert not Journey.objects.filter(name="Wrong").exists()


def test_problems_of_a_journey_are_shown_with_their_path(populated, enter):
    client = enter(Role.MARKETER)
    branch = {"id": "b", "kind": "branch", "rule": RULE, "arms": {"yes": [{"id": "w", "kind": "message"}], "no": []}}
    draft = {"entry": {"kind": "event"}, "steps": [*STEPS, branch]}
    answer = client.post(url("campaigns/journey", "add"), {"name": "Wrong", "definition": json.dumps(draft)})
    texts = errors(answer)["definition"]
    assert any(text.startswith("entry.event: ") for text in texts)
    assert any(text.startswith("steps[1].arms.yes[0].") for text in texts)
    assert not Journey.objects.filter(name="Wrong").exists()


def test_an_empty_definition_starts_an_empty_draft_whose_name_can_be_changed(populated, enter):
    client = enter(Role.MARKETER)
    assert client.post(url("campaigns/journey", "add"), {"name": "Later"}).status_code == 302
    journey = Journey.objects.get(name="Later")
    address = url("campaigns/journey", "change", journey.pk)
    page = client.get(address)
    assert reverse("journey_edit", args=[journey.pk]) in page.content.decode()
    # when the unfinished draft is saved under another name
    assert client.post(address, {**entered(page), "name": "Soon"}).status_code == 302
    # then the draft is as it was
    assert (Journey.objects.get(pk=journey.pk).name, Journey.objects.get(pk=journey.pk).draft) == (
        "Soon", journey.draft,
    )  # fmt: skip


def test_a_wrong_rule_names_its_path_and_a_list_has_no_rule(populated, enter):
    client = enter(Role.MARKETER)
    add = url("analytics/segment", "add")
    leaf = {"condition": "order_count", "operator": "gte", "value": 1}
    for rule, start in (
        ({"op": "and", "children": [{**leaf, "condition": "no_such"}]}, "children.0.condition: "),
        ({"op": "and", "children": [leaf, {**leaf, "value": "x"}]}, "children.1.value: "),
        ({"op": "and", "children": [{**leaf, "condition": []}]}, ""),
        (5, ""),
    ):
        answer = client.post(add, {"name": "Wrong", "kind": "rule", "rule": json.dumps(rule)})
        (text,) = errors(answer)["rule"]
        assert text.startswith(start), text
    assert list(errors(client.post(add, {"name": "Wrong", "kind": "rule"}))) == ["rule"]
    assert not Segment.objects.filter(name="Wrong").exists()
    # a fixed list has a name only
    assert client.post(add, {"name": "Guests", "kind": "static"}).status_code == 302
    guests = Segment.objects.get(name="Guests")
    address = url("analytics/segment", "change", guests.pk)
    page = client.get(address)
    assert "rule" not in page.context["adminform"].form.fields
    assert client.post(address, {**entered(page), "name": "Visitors"}).status_code == 302
    assert Segment.objects.get(pk=guests.pk).name == "Visitors"


def test_changed_terms_of_an_earning_rule_are_a_new_version(populated, enter):
    client, rule = enter(Role.MARKETER), populated.values["earning"]
    address = url("loyalty/earningrule", "change", rule.pk)
    values = entered(client.get(address))
    # when only a setting changes, then the version stays
    assert client.post(address, {**values, "position": "3"}).status_code == 302
    assert (EarningRule.objects.get(pk=rule.pk).position, rule.versions.count()) == (3, 1)
    # when a term changes, then the next version is published and the first is as it was
    assert client.post(address, {**values, "position": "4", "points": "5"}).status_code == 302
    assert list(rule.versions.order_by("version").values_list("version", "points")) == [(1, 1), (2, 5)]
    assert rule.versions.get(version=2).published_by == f"user:{client.user.pk}"
    # and a refused term leaves the settings as they were too
    answer = client.post(address, {**values, "position": "9", "stacking": "multiply", "factor": "0.5"})
    assert list(errors(answer)) == ["factor"]
    assert (EarningRule.objects.get(pk=rule.pk).position, rule.versions.count()) == (4, 2)


def test_a_large_discount_is_confirmed_in_the_admin_too(populated, enter):
    client = enter(Role.MARKETER)
    add = url("campaigns/coupon", "add")
    values = {**entered(client.post(add, {"kind": "percent", "mode": "unique", "do": "look"})), "name": "Half"}
    answer = client.post(add, {**values, "value": "85"})
    assert list(errors(answer)) == ["large_discount_confirmed"]
    assert not Coupon.objects.filter(name="Half").exists()
    assert client.post(add, {**values, "value": "85", "large_discount_confirmed": "on"}).status_code == 302
    assert Coupon.objects.get(name="Half").value == 85


# What can't be changed.


def test_a_scheduled_broadcast_is_read_only_with_its_reason(populated, enter):
    client, broadcast = enter(Role.MARKETER), populated.values["broadcast"]
    put_in(populated.values["segment"])
    address = url("campaigns/broadcast", "change", broadcast.pk)
    values = entered(client.get(address))
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    page = client.get(address)
    assert "This broadcast is scheduled. Make it a draft again to change it." in page.content.decode()
    assert list(page.context["adminform"].form.fields) == []
    assert 'name="_save"' not in page.content.decode()
    # a form that was open until then is refused
    answer = client.post(address, {**values, "name": "Other"}, follow=True)
    assert "This broadcast is scheduled." in answer.content.decode()
    assert Broadcast.objects.get(pk=broadcast.pk).name == broadcast.name


def test_an_ended_experiment_and_an_archived_segment_are_read_only(populated, enter):
    client, experiment, segment = enter(Role.MARKETER), populated.values["experiment"], populated.values["segment"]
    end_experiment(experiment=start_experiment(experiment=experiment, actor=SYSTEM), actor=SYSTEM)
    Segment.objects.filter(pk=segment.pk).update(state=SegmentState.ARCHIVED)
    page = client.get(url("campaigns/experiment", "change", experiment.pk))
    assert "This experiment has ended, so it can&#x27;t be changed." in page.content.decode()
    page = client.get(url("analytics/segment", "change", segment.pk))
    assert "This segment is archived, so it can&#x27;t be changed." in page.content.decode()


# Commands of the lists.


def run(client: Client, model: str, command: str, *objects: Any, confirmed: bool = False) -> Any:
    data = {"action": command, "_selected_action": [str(one.pk) for one in objects], "index": "0"}
    if confirmed:
        data["confirmed"] = "yes"
    return client.post(url(model), data, follow=True)


def said(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def test_coupons_are_switched_off_and_on_with_their_number(populated, enter):
    client, coupon = enter(Role.MARKETER), populated.values["coupon"]
    assert said(run(client, "campaigns/coupon", "switch_off", coupon)) == ["Switch off: 1 changed."]
    assert not Coupon.objects.get(pk=coupon.pk).active
    assert said(run(client, "campaigns/coupon", "switch_off", coupon)) == ["Switch off: 1 was in this state already."]
    assert said(run(client, "campaigns/coupon", "switch_on", coupon)) == ["Switch on: 1 changed."]
    assert Coupon.objects.get(pk=coupon.pk).active


def test_a_refused_command_names_the_object_and_its_reason(populated, enter):
    client, broadcast = enter(Role.MARKETER), populated.values["broadcast"]
    assert said(run(client, "campaigns/broadcast", "pause", broadcast)) == [
        "News 01: This is not possible in the broadcast's current state."
    ]
    assert Broadcast.objects.get(pk=broadcast.pk).state == BroadcastState.DRAFT


def test_a_command_with_an_effect_is_confirmed_first(populated, enter):
    client, journey = enter(Role.MARKETER), populated.values["journey"]
    page = run(client, "campaigns/journey", "stop", journey)
    assert "The journey ends now for 1 customer." in page.content.decode()
    assert Journey.objects.get(pk=journey.pk).state == JourneyState.RUNNING
    assert said(run(client, "campaigns/journey", "stop", journey, confirmed=True)) == ["Stop: 1 changed."]
    assert Journey.objects.get(pk=journey.pk).state == JourneyState.STOPPED


@pytest.mark.parametrize(
    ("model", "key", "command", "state"),
    [
        ("campaigns/carerule", "care", "activate", "active"),
        ("campaigns/experiment", "experiment", "start", ExperimentState.RUNNING),
        ("campaigns/journey", "journey", "pause", JourneyState.PAUSED),
        ("analytics/segment", "segment", "archive", SegmentState.ARCHIVED),
    ],
)
def test_states_are_changed_by_commands(model, key, command, state, populated, enter):
    client, obj = enter(Role.MARKETER), populated.values[key]
    page = run(client, model, command, obj, confirmed=True)
    assert said(page)[0].endswith(": 1 changed."), said(page)
    assert type(obj).objects.get(pk=obj.pk).state == state
    # An analyst sees the list without commands.
    analyst = enter(Role.ANALYST)
    assert analyst.get(url(model)).context["action_form"] is None or model == "analytics/segment"


def test_a_day_is_removed_after_confirmation(populated, enter):
    client, day = enter(Role.ADMINISTRATOR), populated.values["day"]
    run(client, "campaigns/shopday", "remove", day)
    assert type(day).objects.filter(pk=day.pk).exists()
    run(client, "campaigns/shopday", "remove", day, confirmed=True)
    assert not type(day).objects.filter(pk=day.pk).exists()


def test_a_customer_field_is_archived_and_restored(populated, enter):
    client, field = enter(Role.ADMINISTRATOR), populated.values["attribute"]
    run(client, "crm/attributedefinition", "archive", field)
    assert not AttributeDefinition.objects.current().filter(pk=field.pk).exists()
    run(client, "crm/attributedefinition", "restore", field)
    assert AttributeDefinition.objects.current().filter(pk=field.pk).exists()


# Lists, links and the index.


def test_lists_need_the_same_number_of_queries_for_more_rows(populated, enter):
    client = enter(Role.ADMINISTRATOR)
    models = [
        model._meta.label_lower.replace(".", "/")
        for model, model_admin in admin.site._registry.items()
        if isinstance(model_admin, ConfigurationAdmin) and not isinstance(model_admin, SuperuserOnly)
    ]

    def measure() -> dict[str, int]:
        counts = {}
        for model in models:
            client.get(url(model))
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url(model)).status_code == 200, model
            counts[model] = len(queries)
        return counts

    populated.add(1)
    few = measure()
    populated.add(3)
    for place in range(3):
        create_category(program=populated.program, name=f"More {place}", actor=SYSTEM)
        create_attribute(code=f"more-{place}", label="More", type="text", actor=SYSTEM)
    many = measure()
    assert {model: (few[model], many[model]) for model in models if few[model] != many[model]} == {}
    assert max(many.values()) <= 17


def test_lists_search_and_show_amounts_in_the_currency(populated, enter):
    client = enter(Role.MARKETER)
    page = client.get(url("campaigns/coupon"), {"q": "Coupon 01"})
    assert page.context["cl"].result_count == 1
    text = page.content.decode()
    assert "¥5.00 off" in text
    assert "Silver" in client.get(url("loyalty/tier")).content.decode()
    assert "¥501.00" in client.get(url("loyalty/tier")).content.decode()


def test_console_and_admin_lead_to_each_other(populated, enter):
    client, coupon = enter(Role.MARKETER), populated.values["coupon"]
    here, there = reverse("coupon", args=[coupon.pk]), url("campaigns/coupon", "change", coupon.pk)
    assert f'href="{there}"' in client.get(here).content.decode()
    assert f'href="{here}"' in client.get(there).content.decode()
    assert f'href="{url("campaigns/coupon")}"' in client.get(reverse("coupons")).content.decode()
    assert f'href="{reverse("coupons")}"' in client.get(url("campaigns/coupon")).content.decode()
    # Without access to the admin there is no link to it.
    client.user.is_staff = False
    client.user.save()
    assert "/admin/" not in client.get(here).content.decode()


def test_the_index_is_grouped_by_what_a_reader_looks_for(populated, enter):
    groups = {
        group["app_label"]: [str(model["object_name"]) for model in group["models"]]
        for group in enter(Role.MARKETER).get("/admin/").context["app_list"]
    }
    assert list(groups) == ["campaigns", "loyalty", "customers", "settings"]
    assert {"Broadcast", "CareRule", "Coupon", "Experiment", "Journey", "ShopDay", "Template"} == set(
        groups["campaigns"]
    )
    assert {"Badge", "EarningRule", "Program", "Reward", "RewardCategory", "Task", "Tier"} <= set(groups["loyalty"])
    assert {"Segment", "AttributeDefinition", "Tag"} <= set(groups["customers"])
    assert "SendingPolicy" in groups["settings"]


def test_agents_see_nothing_of_the_configuration(populated, enter):
    client = enter(Role.AGENT)
    assert client.get("/admin/").context["app_list"] == []
    for case in CASES:
        assert client.get(url(case.model)).status_code == 403, case
        assert client.get(url(case.model, "add")).status_code == 403, case
        assert client.get(url(case.model, "change", populated.values[case.key].pk)).status_code == 403, case


def test_analysts_read_and_change_nothing_but_segments(populated, enter):
    client = enter(Role.ANALYST)
    for case in CASES:
        address = url(case.model, "change", populated.values[case.key].pk)
        if case.model == "analytics/segment":
            assert client.get(url(case.model, "add")).status_code == 200
            continue
        assert client.get(url(case.model, "add")).status_code == 403, case
        assert client.post(address, case.change).status_code == 403, case
        page = client.get(address)
        assert page.status_code == 403 or 'name="_save"' not in page.content.decode(), case


def test_tables_of_packages_and_the_ledger_are_for_superusers_only(populated, enter):
    hidden = [
        model
        for model, model_admin in admin.site._registry.items()
        if model._meta.app_label in {"account", "mfa", "django_celery_beat", "contenttypes"}
        or getattr(model_admin, "group", "") == "technical"
    ]
    assert {"PeriodicTask", "Authenticator", "EmailAddress", "ContentType", "Lot", "Entry", "Account", "Hold"} <= {
        model.__name__ for model in hidden
    }
    client = enter(Role.ADMINISTRATOR)
    # given someone who was given every permission there is
    client.user.user_permissions.set(Permission.objects.all())
    for model in hidden:
        assert client.get(url(model._meta.label_lower.replace(".", "/"))).status_code == 403, model
    client.user.is_superuser = True
    client.user.save()
    for model in hidden:
        assert client.get(url(model._meta.label_lower.replace(".", "/"))).status_code == 200, model
    # who may not write the ledger either
    assert client.get(url("loyalty/lot", "add")).status_code == 403
