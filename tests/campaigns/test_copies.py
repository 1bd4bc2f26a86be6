"""Copies of campaign objects: drafts or switched off, with a name of their own, and the rest as in the original."""

from __future__ import annotations

from decimal import Decimal

import pytest

from campaigns.care.services.care import duplicate_care_rule
from campaigns.coupons.models import CouponCode
from campaigns.coupons.services.coupons import duplicate_coupon
from campaigns.experiments.services.experiments import Arm, create_experiment, duplicate_experiment
from campaigns.journeys.services.journeys import create_journey, duplicate_journey
from campaigns.templates.models import TemplateText
from campaigns.templates.services.templates import duplicate_template
from core.base.actor import SYSTEM, of_user
from core.security.roles import Role
from loyalty.earning.models import EarningRule
from loyalty.earning.services.rules import duplicate_rule
from loyalty.growth.services.tasks import Level, create_task, duplicate_task
from loyalty.rewards.services.rewards import create_reward, duplicate_reward

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor(staff):
    return of_user(staff(Role.MARKETER))


def test_a_coupon_is_copied_switched_off_and_a_public_one_gets_a_new_code(make_coupon, actor):
    unique, public = make_coupon(limit_total=5), make_coupon(name="Open", code="SPRING26")
    first, second = duplicate_coupon(coupon=unique, actor=actor), duplicate_coupon(coupon=public, actor=actor)
    assert (first.name, first.active, first.value, first.limit_total, first.owner_id) == (
        "Copy of Summer", False, 2_000, 5, actor.id,
    )  # fmt: skip
    assert (second.active, second.mode) == (False, "public")
    code = CouponCode.objects.get(coupon=second).code
    assert (len(code), code == "SPRING26") == (8, False)


def test_a_template_is_copied_with_its_newest_texts(template, actor):
    copy = duplicate_template(template=template, actor=actor)
    assert (copy.name, copy.code, copy.version, copy.owner_id) == ("Copy of Hello", None, 1, actor.id)
    texts = TemplateText.objects.filter(template=copy).order_by("language").values_list("language", "subject")
    assert list(texts) == [("en", "Hello"), ("zh-hans", "您好")]


def test_a_care_rule_and_a_journey_are_copied_as_drafts(rule, actor):
    copy = duplicate_care_rule(rule=rule, actor=actor)
    assert (copy.name, copy.state, copy.trigger, copy.days, copy.template) == (
        "Copy of Win back", "draft", "no_order", 30, rule.template,
    )  # fmt: skip
    journey = create_journey(name="Welcome", actor=SYSTEM, draft={"steps": [{"id": "a", "kind": "exit"}]})
    other = duplicate_journey(journey=journey, actor=actor)
    assert (other.name, other.state, other.draft, other.owner_id) == (
        "Copy of Welcome", "draft", journey.draft, actor.id,
    )  # fmt: skip


def test_an_experiment_is_copied_with_its_arms_and_draws_anew(template, actor):
    arms = [Arm("Control"), Arm("New text", 3, template)]
    made = create_experiment(
        actor=SYSTEM, arms=arms, name="Subject", metric="ordered", effect=Decimal("0.02"), window_days=7
    )
    copy = duplicate_experiment(experiment=made, actor=actor)
    assert (copy.name, copy.state, copy.window_days) == ("Copy of Subject", "draft", 7)
    assert copy.salt != made.salt
    assert [(arm.name, arm.weight, arm.template) for arm in copy.arms.all()] == [
        ("Control", 1, None), ("New text", 3, template),
    ]  # fmt: skip


def test_loyalty_objects_are_copied_switched_off(program, actor):
    rule = EarningRule.objects.filter(program=program).first()
    copy = duplicate_rule(rule=rule, actor=actor)
    newest, own = rule.versions.order_by("-version").first(), copy.versions.get()
    assert (copy.active, copy.trigger, copy.owner_id) == (False, rule.trigger, actor.id)
    assert (own.points, own.per_amount, own.conditions) == (newest.points, newest.per_amount, newest.conditions)
    assert copy.code != rule.code
    reward = create_reward(program=program, kind="gift", name="Lounge", points=50, stock=3, actor=SYSTEM)
    twin = duplicate_reward(reward=reward, actor=actor)
    assert (twin.name, twin.active, twin.points, twin.stock, twin.kind) == ("Copy of Lounge", False, 50, 3, "gift")
    task = create_task(program=program, name="Three", trigger="order", levels=[Level(3, points=10)], actor=SYSTEM)
    again = duplicate_task(task=task, actor=actor)
    assert (again.active, [(level.goal, level.points) for level in again.levels.all()]) == (False, [(3, 10)])
