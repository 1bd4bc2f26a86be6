"""Test care rules and journeys that start on a festival, a shop day or the member day."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.segments.models import Segment
from campaigns.calendar.services import add_shop_day, move_shop_day, remove_shop_day
from campaigns.care.models import CareRule
from campaigns.care.services.care import activate_care_rule, create_care_rule, preview_audience, update_care_rule
from campaigns.care.services.runs import run_care_rule, run_care_rules
from campaigns.coupons.models import CouponCode
from campaigns.coupons.services.coupons import create_coupon
from campaigns.journeys.models import Journey, JourneyRun
from campaigns.journeys.services.entries import enter_due
from campaigns.journeys.services.journeys import create_journey, problems, publish_journey
from campaigns.messages.models import Message
from campaigns.messages.services.messages import send_due
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.security.roles import Role
from crm.customers.models import Customer
from loyalty.program.models import Program
from tests.campaigns.conftest import policy
from tests.segments import put_in

pytestmark = pytest.mark.django_db
STEPS = [{"id": "t", "kind": "tag", "action": "add", "tag": "x"}]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def template(store):
    policy()
    return save_template(name="Hello", channel="inbox", texts=[Text("en", "Hi")], actor=SYSTEM)


@pytest.fixture
def make_rule(template):
    def make(occasion: str, *, since: str = "2026-01-01T00:00", **fields) -> CareRule:
        values = {"template": template, **fields}
        rule = create_care_rule(name=occasion, trigger="occasion", occasion=occasion, actor=SYSTEM, **values)
        activate_care_rule(rule=rule, actor=SYSTEM)
        CareRule.objects.filter(pk=rule.pk).update(activated_at=at(since))
        return rule

    return make


@pytest.fixture
def make_segment(store):
    def make(*customers):
        segment = Segment.objects.create(name="People", rule={"op": "and", "children": []}, computed_version=1)
        put_in(segment, *customers)
        return segment

    return make


@pytest.fixture
def make_occasion_journey(store):
    def make(occasion: str, **entry) -> Journey:
        draft = {
            "entry": {"kind": "occasion", "occasion": occasion, "days": 0, "time": "09:00", **entry},
            "reentry": {"policy": "every", "value": 0}, "exit": {"policy": "never"}, "steps": STEPS,
        }  # fmt: skip
        journey = create_journey(name=occasion, draft=draft, actor=SYSTEM)
        publish_journey(journey=journey, actor=SYSTEM)
        Journey.objects.filter(pk=journey.pk).update(started_at=at("2026-01-01T00:00"))
        journey.refresh_from_db()
        return journey

    return make


def made(rule: CareRule) -> list[tuple[str, str]]:
    return sorted(Message.objects.filter(origin=f"care:{rule.pk}").values_list("customer__name", "occurrence"))


def runs(journey: Journey) -> list[tuple[str, str]]:
    return sorted(JourneyRun.objects.filter(journey=journey).values_list("customer__name", "cause"))


class TestCare:
    def test_a_festival_is_a_local_day_and_counts_once(self, make_rule, make_customer):
        # given customers in Shanghai and New York, and a rule for 七夕, 19 August 2026
        make_customer("S"), make_customer("N", time_zone="America/New_York")
        rule = make_rule("festival:qixi")
        # when it runs as the day begins in Shanghai
        assert run_care_rule(rule_id=rule.pk, now=at("2026-08-18T15:59")) == 0
        assert run_care_rule(rule_id=rule.pk, now=at("2026-08-18T16:00")) == 1
        assert made(rule) == [("S", "festival:qixi:2026")]
        # then New York follows at its own midnight, and no customer gets it twice
        assert run_care_rule(rule_id=rule.pk, now=at("2026-08-19T03:59")) == 0
        assert run_care_rule(rule_id=rule.pk, now=at("2026-08-19T04:00")) == 1
        assert run_care_rule(rule_id=rule.pk, now=at("2026-08-19T10:00")) == 0
        assert made(rule) == [("N", "festival:qixi:2026"), ("S", "festival:qixi:2026")]
        # and the next year has its own: 8 August 2027
        assert run_care_rule(rule_id=rule.pk, now=at("2027-08-08T06:00")) == 2

    def test_days_before_at_the_customers_hour(self, make_rule, make_customer):
        make_customer("S")
        rule = make_rule("festival:spring_festival", days=3, send_at=time(10))
        # 14 February 2026 is three days before the new year
        assert run_care_rule(rule_id=rule.pk, now=at("2026-02-13T15:59")) == 0
        assert run_care_rule(rule_id=rule.pk, now=at("2026-02-13T16:00")) == 1
        assert Message.objects.get().due_at == at("2026-02-14T02:00")

    def test_a_run_that_was_missed_catches_up_for_a_day(self, make_rule, make_customer):
        make_customer("S")
        rule = make_rule("festival:singles")
        assert run_care_rule(rule_id=rule.pk, now=at("2026-11-12T15:00")) == 1, "still the 12th in Shanghai"
        Message.objects.all().delete()
        CareRule.objects.update(last_run_at=None)
        assert run_care_rule(rule_id=rule.pk, now=at("2026-11-12T16:00")) == 0, "two days late"

    def test_a_new_customer_on_the_day_is_included(self, make_rule, make_customer):
        make_customer("S")
        rule = make_rule("festival:singles")
        assert run_care_rule(rule_id=rule.pk, now=at("2026-11-11T01:00")) == 1
        late = make_customer("Late")
        Customer.objects.filter(pk=late.pk).update(created_at=at("2026-11-11T02:00"))
        assert run_care_rule(rule_id=rule.pk, now=at("2026-11-11T03:00")) == 1
        assert made(rule) == [("Late", "festival:singles:2026"), ("S", "festival:singles:2026")]

    def test_a_shop_day_that_moves_within_the_year_counts_once(self, make_rule, make_customer):
        make_customer("S")
        day = add_shop_day(name="Founding day", month=3, day=3, actor=SYSTEM)
        rule = make_rule(f"shop_day:{day.pk}")
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-03T01:00")) == 1
        move_shop_day(shop_day=day, on=at("2026-04-04T00:00").date(), actor=SYSTEM)
        assert run_care_rule(rule_id=rule.pk, now=at("2026-04-04T01:00")) == 0
        assert run_care_rule(rule_id=rule.pk, now=at("2027-04-04T01:00")) == 1
        remove_shop_day(day=day, actor=SYSTEM)
        assert run_care_rule(rule_id=rule.pk, now=at("2028-04-04T01:00")) == 0

    def test_the_member_day_comes_each_month_and_brings_a_coupon(self, program, make_rule, make_customer):
        # given a member day on the 8th and a rule that gives a code two days before
        Program.objects.update(member_day_kind="day", member_day_number=8)
        make_customer("S")
        gift = save_template(name="Gift", channel="inbox", texts=[Text("en", "Hi {{ coupon.code }}")], actor=SYSTEM)
        coupon = create_coupon(
            name="Eighth", kind="percent", value=10, member_day_only=True, limit_per_customer=None, actor=SYSTEM
        )
        rule = make_rule("member_day", days=2, template=gift, coupon=coupon)
        # when two months pass
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-06T01:00")) == 1
        assert run_care_rule(rule_id=rule.pk, now=at("2026-04-06T01:00")) == 1
        # then each month has its own message and code
        assert made(rule) == [("S", "member_day:2026-03"), ("S", "member_day:2026-04")]
        Message.objects.update(due_at=timezone.now())
        send_due()
        assert CouponCode.objects.filter(coupon=coupon).count() == 2

    def test_the_segment_limits_it_and_the_preview_counts_it(self, make_rule, make_customer):
        make_customer("S"), make_customer("T")
        rule = make_rule("festival:singles")
        preview = preview_audience(rule)
        assert (preview.total, preview.basis) == (2, "next")

    def test_the_scheduled_task_runs_it(self, make_rule, make_customer):
        make_customer("S")
        rule = make_rule("festival:laba")
        assert rule.pk in run_care_rules()

    @pytest.mark.parametrize(
        ("occasion", "code"),
        [("", "required"), ("festival:moon", "unknown_occasion"), ("shop_day:99", "unknown_occasion"),
         ("member_day", "unknown_occasion")],
    )  # fmt: skip
    def test_a_rule_needs_a_day_of_the_calendar(self, program, template, occasion, code):
        with pytest.raises(Invalid) as caught:
            create_care_rule(name="X", trigger="occasion", occasion=occasion, template=template, actor=SYSTEM)
        assert (caught.value.code, caught.value.field) == (code, "occasion")
        assert not CareRule.objects.exists()

    def test_another_trigger_drops_the_occasion(self, make_rule):
        rule = make_rule("festival:singles")
        changed = update_care_rule(rule=rule, trigger="birthday", actor=SYSTEM)
        assert (changed.trigger, changed.occasion, changed.version) == ("birthday", "", 2)

    def test_the_form_offers_the_days(self, client, staff, template):
        client.force_login(staff(Role.MARKETER))
        data = {
            "name": "Qixi", "trigger": "occasion", "occasion": "festival:qixi", "days": "3", "template": template.pk,
            "send_at": "09:30", "holdout_percent": "0", "attribution_days": "7",
        }  # fmt: skip
        shown = client.post(reverse("care_new"), {**data, "do": "look"}).content.decode()
        assert '<option value="festival:qixi" selected>Qixi</option>' in shown
        client.post(reverse("care_new"), data)
        rule = CareRule.objects.get()
        assert (rule.occasion, rule.days) == ("festival:qixi", 3)
        assert "3 days before: Qixi, at 09:30" in client.get(reverse("care_rule", args=[rule.pk])).content.decode()


class TestJourneys:
    def test_customers_enter_at_their_local_hour_once(self, make_occasion_journey, make_customer):
        make_customer("S"), make_customer("N", time_zone="America/New_York")
        journey = make_occasion_journey("festival:mid_autumn", days=2)
        # 23 September 2026, 09:00 in Shanghai and then in New York
        assert enter_due(now=at("2026-09-23T00:59")) == {}
        assert enter_due(now=at("2026-09-23T01:00")) == {journey.pk: 1}
        assert enter_due(now=at("2026-09-23T12:59")) == {}
        assert enter_due(now=at("2026-09-23T13:00")) == {journey.pk: 1}
        assert runs(journey) == [("N", "festival:mid_autumn:2026"), ("S", "festival:mid_autumn:2026")]
        JourneyRun.objects.update(state="ended", ended_at=at("2026-09-24T00:00"), end_reason="completed")
        assert enter_due(now=at("2026-09-24T14:00")) == {}
        # 15 September 2027 is the next festival
        assert enter_due(now=at("2027-09-13T13:00")) == {journey.pk: 2}

    def test_the_segment_limits_the_entry(self, make_occasion_journey, make_customer, make_segment):
        inside = make_customer("In")
        make_customer("Out")
        journey = make_occasion_journey("festival:singles", segment=make_segment(inside).pk)
        enter_due(now=at("2026-11-11T02:00"))
        assert runs(journey) == [("In", "festival:singles:2026")]

    def test_a_shop_day_and_the_member_day_work_alike(self, program, make_occasion_journey, make_customer):
        Program.objects.update(member_day_kind="weekday", member_day_number=1, member_day_weekday=5)
        day = add_shop_day(name="Founding day", month=3, day=3, actor=SYSTEM)
        make_customer("S")
        first, second = make_occasion_journey(f"shop_day:{day.pk}"), make_occasion_journey("member_day")
        enter_due(now=at("2026-03-03T02:00"))
        enter_due(now=at("2026-03-06T02:00"))
        assert runs(first) == [("S", f"shop_day:{day.pk}:2026")]
        assert runs(second) == [("S", "member_day:2026-03")]

    @pytest.mark.parametrize(("occasion", "code"), [("", "required"), ("festival:moon", "unknown_occasion")])
    def test_a_draft_without_its_day_is_not_published(self, store, occasion, code):
        draft = {
            "entry": {"kind": "occasion", "occasion": occasion, "days": 0, "time": "09:00"},
            "reentry": {"policy": "never", "value": 0}, "exit": {"policy": "never"}, "steps": STEPS,
        }  # fmt: skip
        journey = create_journey(name="X", draft=draft, actor=SYSTEM)
        assert [(problem.field, problem.code) for problem in problems(journey.draft)] == [("occasion", code)]
        with pytest.raises(Invalid) as caught:
            publish_journey(journey=journey, actor=SYSTEM)
        assert caught.value.code == "journey_invalid"
        assert journey.versions.count() == 0

    def test_the_pages_name_the_day(self, client, staff, make_occasion_journey):
        client.force_login(staff(Role.MARKETER))
        journey = make_occasion_journey("festival:qixi", days=5)
        assert "5 days before: Qixi · 09:00" in client.get(reverse("journey", args=[journey.pk])).content.decode()
        edit = client.get(reverse("journey_edit", args=[journey.pk])).content.decode()
        assert '<option value="festival:qixi" selected>' in edit
