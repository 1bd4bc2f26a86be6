"""Test care rules: customers of each trigger, once per occurrence, and the preview."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from analytics.features.services.features import mark_changed, refresh_everything
from analytics.segments.events import SEGMENT_ENTERED
from analytics.segments.models import Segment
from analytics.segments.services.runs import refresh_changed
from campaigns.care.models import CareRule
from campaigns.care.services.care import (
    activate_care_rule,
    create_care_rule,
    pause_care_rule,
    preview_audience,
    update_care_rule,
)
from campaigns.care.services.presets import ensure_presets
from campaigns.care.services.runs import run_care_rule, run_care_rules
from campaigns.coupons.models import CouponCode
from campaigns.messages.models import Message
from campaigns.messages.services.messages import send_due
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.bus import emit
from core.events.models import EventDelivery
from crm.customers.models import Customer
from crm.customers.services.customers import birthday_columns, update_customer
from crm.desk.services import open_ticket, resolve_ticket
from crm.orders.models import Order
from crm.orders.services.refunds import record_refund
from tests.campaigns.conftest import policy
from tests.reference.gate import bucket
from tests.segments import put_in, take_out
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _open(request):
    if "store" in request.fixturenames:
        request.getfixturevalue("store")
        policy()


@pytest.fixture
def template(store):
    return save_template(name="Hello", channel="inbox", texts=[Text("en", "Hi")], actor=SYSTEM)


@pytest.fixture
def gift_template(store):
    return save_template(name="Gift", channel="inbox", texts=[Text("en", "Hi {{ coupon.code }}")], actor=SYSTEM)


@pytest.fixture
def make_rule(template, gift_template):
    def make(trigger, *, active=True, **fields) -> CareRule:
        chosen = gift_template if "coupon" in fields else template
        rule = create_care_rule(name=f"{trigger} {CareRule.objects.count()}", trigger=trigger, template=chosen,
                                actor=SYSTEM, **fields)  # fmt: skip
        return activate_care_rule(rule=rule, actor=SYSTEM) if active else rule

    return make


def born(customer, birthday: str) -> None:
    Customer.objects.filter(pk=customer.pk).update(**birthday_columns(date.fromisoformat(birthday)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def active_since(rule: CareRule, moment: datetime) -> None:
    CareRule.objects.filter(pk=rule.pk).update(activated_at=moment)


def made(rule: CareRule) -> list[tuple]:
    return sorted(Message.objects.filter(origin=f"care:{rule.pk}").values_list("customer__name", "occurrence", "state"))


class TestBirthdays:
    def test_the_birthday_is_local_to_the_customer_and_once_a_year(self, make_rule, make_customer):
        shanghai, new_york = make_customer("S"), make_customer("N", time_zone="America/New_York")
        for customer in (shanghai, new_york):
            born(customer, "1990-03-10")
        rule = make_rule("birthday")
        active_since(rule, at("2026-03-01T00:00"))
        # 17:00 UTC on the 9th is the 10th in Shanghai and still the 9th in New York.
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-09T15:59")) == 0
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-09T16:00")) == 1
        assert made(rule) == [("S", "2026", "queued")]
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-09T17:00")) == 0
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-10T06:00")) == 1
        assert made(rule) == [("N", "2026", "queued"), ("S", "2026", "queued")]
        born(shanghai, "1990-03-12")
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-12T02:00")) == 0, (
            "an edited date is not a second birthday"
        )
        assert run_care_rule(rule_id=rule.pk, now=at("2027-03-12T06:00")) == 1

    def test_before_the_birthday_and_at_an_hour(self, make_rule, make_customer):
        born(make_customer("A"), "1990-01-02")
        rule = make_rule("birthday", days=5, send_at=time(9, 30))
        active_since(rule, at("2025-12-01T00:00"))
        assert run_care_rule(rule_id=rule.pk, now=at("2025-12-28T01:00")) == 1
        message = Message.objects.get()
        assert message.occurrence == "2026"
        assert message.due_at == at("2025-12-28T01:30")

    @pytest.mark.parametrize(("leap", "day"), [("02-28", "2027-02-28"), ("03-01", "2027-03-01")])
    def test_29_february(self, make_rule, make_customer, leap, day):
        policy(leap_birthday=leap)
        born(make_customer("A"), "1992-02-29")
        rule = make_rule("birthday")
        active_since(rule, at("2027-01-01T00:00"))
        for text in ("2027-02-27", "2027-02-28", "2027-03-01", "2027-03-02"):
            run_care_rule(rule_id=rule.pk, now=at(f"{text}T04:00"))
            if text == day:
                assert len(made(rule)) == 1
            elif text < day:
                assert made(rule) == []
        assert made(rule) == [("A", "2027", "queued")]

    def test_a_missed_day_is_caught_up_but_not_days_before_activation(self, make_rule, make_customer):
        born(make_customer("A"), "1990-03-10")
        rule = make_rule("birthday")
        active_since(rule, at("2026-03-11T03:00"))
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-11T04:00")) == 0
        active_since(rule, at("2026-03-01T03:00"))
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-11T04:00")) == 1
        assert run_care_rule(rule_id=rule.pk, now=at("2026-03-12T04:00")) == 0


class TestAfterPurchase:
    def test_once_per_order_and_only_for_orders_since_activation(self, make_rule, make_customer, make_order, settle):
        customer = make_customer("A")
        make_order(customer, number="BEFORE")
        rule = make_rule("after_purchase", days=7)
        order = make_order(customer, number="AFTER", paid_at=timezone.now() + timedelta(seconds=1))
        settle()
        assert made(rule) == [("A", f"order:{order.pk}", "queued")]
        message = Message.objects.get()
        assert message.due_at == order.paid_at + timedelta(days=7)
        from campaigns.care.handlers import care_for_orders
        from core.events.models import DomainEvent

        care_for_orders(list(DomainEvent.objects.filter(kind="crm.order_paid")))
        assert Message.objects.count() == 1
        update_care_rule(rule=rule, days=8, actor=SYSTEM)
        care_for_orders(list(DomainEvent.objects.filter(kind="crm.order_paid")))
        assert Message.objects.count() == 1, "a new version sends no occurrence a second time"

    def test_a_refunded_order_is_not_asked_about(self, make_rule, make_customer, make_order, settle):
        rule = make_rule("after_purchase", days=1)
        order = make_order(make_customer("A"), paid_at=timezone.now() + timedelta(seconds=1))
        settle()
        record_refund(order_number=order.number, number="R1", source="storefront", actor=SYSTEM)
        Message.objects.update(due_at=timezone.now())
        send_due()
        assert Message.objects.get(origin=f"care:{rule.pk}").reason == "left_segment"


class TestNoOrder:
    @pytest.fixture
    def lapsed(self, make_customer, make_order, settle):
        def make(name, days_ago):
            customer = make_customer(name)
            make_order(customer, days_ago=days_ago)
            return customer

        return make

    def test_once_per_lapse_and_also_those_lapsed_already(self, make_rule, lapsed, make_order, settle):
        long_gone, recent = lapsed("L", 400), lapsed("R", 20)
        settle()
        refresh_everything()
        rule = make_rule("no_order", days=90, active=False)
        preview = preview_audience(rule)
        assert (preview.total, preview.sent, preview.reasons, preview.basis) == (1, 1, {}, "now")
        activate_care_rule(rule=rule, actor=SYSTEM)
        assert run_care_rule(rule_id=rule.pk) == 1
        assert run_care_rule(rule_id=rule.pk) == 0
        later = timezone.now() + timedelta(days=71)
        assert run_care_rule(rule_id=rule.pk, now=later) == 1
        assert [name for name, _occurrence, _state in made(rule)] == ["L", "R"]
        order = make_order(long_gone, days_ago=0)
        settle()
        refresh_everything()
        assert run_care_rule(rule_id=rule.pk, now=later) == 0
        Order.objects.filter(pk=order.pk).update(paid_at=timezone.now() - timedelta(days=95))
        refresh_everything()
        assert run_care_rule(rule_id=rule.pk, now=later + timedelta(days=1)) == 1, "a new lapse"
        assert recent.messages.count() == 1

    def test_customers_who_ordered_since_then_get_nothing(self, make_rule, lapsed, make_order, settle):
        customer = lapsed("L", 100)
        settle()
        refresh_everything()
        rule = make_rule("no_order", days=90)
        assert run_care_rule(rule_id=rule.pk) == 1
        make_order(customer)
        send_due()
        assert made(rule)[0][2] == "suppressed"
        assert Message.objects.get().reason == "left_segment"

    def test_a_segment_limits_who_gets_it(self, make_rule, lapsed, settle):
        vip = Segment.objects.create(name="VIP", rule={"op": "and", "children": []})
        inside = lapsed("I", 100)
        lapsed("O", 100)
        settle()
        refresh_everything()
        put_in(vip, inside)
        rule = make_rule("no_order", days=90, segment=vip)
        assert preview_audience(rule).total == 1
        assert run_care_rule(rule_id=rule.pk) == 1
        take_out(vip, inside)
        send_due()
        assert Message.objects.get().reason == "left_segment"

    def test_the_holdout_is_stored_and_a_change_of_share_moves_no_customer(self, make_rule, settle):
        people = Customer.objects.bulk_create([Customer(name=f"C{n}", number=f"H{n}") for n in range(300)])
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO crm_order (store_id, source, number, customer_id, state, channel, currency, subtotal,
                       discount, points_amount, shipping, tax, fees, total, refunded, item_count, placed_at, paid_at)
                   SELECT s.id, 't', c.number, c.id, 'paid', '', 'CNY', 100, 0, 0, 0, 0, 0, 100, 0, 1,
                          now() - interval '100 days', now() - interval '100 days' FROM crm_customer c, crm_store s"""
            )
        refresh_everything()
        rule = make_rule("no_order", days=90, holdout_percent=20)
        held = {person.pk for person in people if bucket(f"care:{rule.pk}", person.pk) < 20}
        preview = preview_audience(rule)
        assert (preview.total, preview.reasons) == (300, {"holdout": len(held)})
        assert run_care_rule(rule_id=rule.pk) == 300
        stored = set(Message.objects.filter(state="suppressed", reason="holdout").values_list("customer_id", flat=True))
        assert stored == held
        assert 30 < len(held) < 90
        update_care_rule(rule=rule, holdout_percent=80, actor=SYSTEM)
        Order.objects.update(paid_at=timezone.now() - timedelta(days=95))
        refresh_everything()
        assert run_care_rule(rule_id=rule.pk) == 300
        again = Message.objects.filter(origin_version=2, reason="holdout").values_list("customer_id", flat=True)
        assert set(again) == held


class TestSegmentEntered:
    # Each transaction has its own time: one that began before the activation enters before it.
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_once_per_entry_and_only_after_activation(self, make_rule, make_customer, make_order, settle):
        from analytics.segments.services.segments import create_segment

        spenders = create_segment(
            name="Spenders", actor=SYSTEM,
            rule={"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]},
        )  # fmt: skip
        early, late = make_customer("E"), make_customer("L")
        make_order(early)
        _refresh(settle)
        rule = make_rule("segment_entered", segment=spenders)
        make_order(late)
        _refresh(settle)
        assert [name for name, _occurrence, _state in made(rule)] == ["L"]
        _refresh(settle)
        assert len(made(rule)) == 1
        assert preview_audience(rule).basis == "last_30_days"
        assert preview_audience(rule).total == 2

    @pytest.mark.django_db(transaction=True)
    def test_entry_events_are_queued_only_while_an_active_rule_needs_them(self, make_rule, make_customer):
        segment = Segment.objects.create(name="VIP", rule={"op": "and", "children": []})
        customer = make_customer("E")

        def owed_after_entering() -> int:
            with transaction.atomic():
                emit(SEGMENT_ENTERED, subject_id=customer.pk, payload={"segments": [segment.pk], "names": ["VIP"]})
            return EventDelivery.objects.filter(handler="campaigns.care_for_entering").count()

        assert owed_after_entering() == 0
        rule = make_rule("segment_entered", segment=segment)
        assert owed_after_entering() == 1
        pause_care_rule(rule=rule, actor=SYSTEM)
        assert owed_after_entering() == 1, "nothing was added while it is paused"


def _refresh(settle) -> None:
    settle()
    mark_changed(Customer.objects.values_list("pk", flat=True))
    from analytics.segments.services.runs import compute_segments

    refresh_changed()
    compute_segments()
    settle()


def test_a_coupon_is_issued_once_for_each_message_that_goes(make_rule, make_coupon, make_customer):
    coupon = make_coupon(name="Gift", valid_days=7)
    going, silent = make_customer("G"), make_customer("S")
    from campaigns.messages.services.suppressions import suppress_customer

    suppress_customer(customer=silent, channel="inbox", reason="manual", actor=SYSTEM)
    for customer in (going, silent):
        born(customer, "1990-03-10")
    rule = make_rule("birthday", coupon=coupon)
    active_since(rule, at("2026-03-01T00:00"))
    assert run_care_rule(rule_id=rule.pk, now=at("2026-03-10T04:00")) == 2
    policy(stale_hours=0)
    Message.objects.update(due_at=timezone.now())
    send_due()
    code = CouponCode.objects.get()
    assert (code.customer_id, code.issued_for) == (going.pk, f"message:{Message.objects.get(customer=going).pk}")
    from campaigns.coupons.rules.codes import shown

    assert Message.objects.get(customer=going).body == f"Hi {shown(code.code)}"
    coupon.refresh_from_db()
    assert coupon.issued_count == 1


def test_pausing_drops_what_is_queued(make_rule, make_customer):
    born(make_customer("A"), "1990-03-10")
    rule = make_rule("birthday")
    active_since(rule, at("2026-03-01T00:00"))
    run_care_rule(rule_id=rule.pk, now=at("2026-03-10T04:00"))
    pause_care_rule(rule=rule, actor=SYSTEM)
    Message.objects.update(due_at=timezone.now())
    send_due()
    assert Message.objects.get().reason == "rule_paused"
    assert run_care_rules() == {}


def test_rules_are_checked(make_rule, template, make_coupon):
    for fields, field in [
        ({"trigger": "never"}, "trigger"),
        ({"trigger": "segment_entered"}, "segment"),
        ({"trigger": "no_order"}, "days"),
        ({"trigger": "birthday", "days": 61}, "days"),
        ({"trigger": "birthday", "holdout_percent": 91}, "holdout_percent"),
        ({"trigger": "birthday", "coupon": make_coupon(code="PUBLIC")}, "coupon"),
    ]:
        with pytest.raises(Invalid) as error:
            create_care_rule(name="X", template=template, actor=SYSTEM, **fields)
        assert error.value.field == field
    assert CareRule.objects.count() == 0
    coupon = make_coupon(name="Over")
    rule = make_rule("birthday", coupon=coupon, active=False)
    type(coupon).objects.filter(pk=coupon.pk).update(active=False)
    with pytest.raises(Conflict):
        activate_care_rule(rule=CareRule.objects.get(pk=rule.pk), actor=SYSTEM)


def test_a_rule_sends_only_marketing_from_every_entry_point(make_rule, template):
    # given a transactional template, which would bypass consent, caps and quiet hours
    receipt = save_template(
        name="Receipt", channel="inbox", texts=[Text("en", "Paid")], message_class="transactional", actor=SYSTEM
    )
    rule = make_rule("birthday")

    # then no rule accepts it
    with pytest.raises(Invalid) as made:
        create_care_rule(name="X", trigger="birthday", template=receipt, actor=SYSTEM)
    with pytest.raises(Invalid) as changed:
        update_care_rule(rule=rule, template=receipt, actor=SYSTEM)
    assert {(error.value.code, error.value.field) for error in (made, changed)} == {
        ("transactional_template", "template")
    }

    # and a rule's template can't become transactional
    with pytest.raises(Conflict) as kept:
        save_template(
            name="Hello",
            channel="inbox",
            texts=[Text("en", "Hi")],
            message_class="transactional",
            template=template,
            actor=SYSTEM,
        )
    assert kept.value.field == "message_class"
    template.refresh_from_db()
    rule.refresh_from_db()
    assert (CareRule.objects.count(), rule.template, rule.version) == (1, template, 1)
    assert (template.message_class, template.version) == ("marketing", 1)


def test_presets_are_drafts_in_two_languages_and_made_once(store):
    segment = Segment.objects.create(name="VIP", rule={"op": "and", "children": []})
    first = ensure_presets(store, segment=segment)
    assert set(first) == {"birthday", "thanks", "winback", "welcome", "expiring"}
    assert {rule.state for rule in first.values()} == {"draft"}
    assert first["birthday"].name == "生日祝福与优惠券"
    counts = (CareRule.objects.count(), Message.objects.count())
    again = ensure_presets(store, segment=segment, active=("birthday",))
    assert (CareRule.objects.count(), Message.objects.count()) == counts
    assert again["birthday"].state == "active"
    for rule in first.values():
        assert set(rule.template.texts.values_list("language", flat=True)) == {"en", "zh-hans"}


def test_presets_render_for_a_real_customer(store, make_customer, make_order, program, settle):
    customer = make_customer("Ada Lovelace", email="ada@example.com", language="en")
    order = make_order(customer, 9_900, number="2026-1")
    settle()
    from campaigns.templates.rules import liquid
    from campaigns.templates.services import contexts
    from core.base import zones

    rules = ensure_presets(store)
    facts = contexts.Contexts([customer.pk], zones.known_zones())
    code = CouponCode(code="23456789ACDEFGH")
    for rule in rules.values():
        for language in ("en", "zh-hans"):
            text = rule.template.texts.get(language=language)
            extra = {"order": contexts.order_contexts([order.pk])[order.pk], "links": {"unsubscribe": "https://x/u"}}
            if rule.coupon:
                extra["coupon"] = contexts.coupon_context(rule.coupon, code, language)
            told = facts.of(customer.pk, language, extra)
            body = liquid.render(text.body, told, html=True)
            subject = liquid.render(text.subject, told, html=False)
            assert "Ada" in subject + body
            if rule.coupon:
                assert "23456-789AC-DEFGH" in body
    assert "SKU-1" in liquid.render(rules["thanks"].template.texts.get(language="en").body, told, html=True)


def test_a_resolved_ticket_asks_once_per_resolution(make_customer, settle):
    customer = make_customer("Ada")
    ticket = open_ticket(customer=customer, subject="Where?", text="Where is it?", actor=SYSTEM)
    resolve_ticket(ticket=ticket, actor=SYSTEM)
    settle()
    settle()
    message = Message.objects.get()
    assert (message.channel, message.step, message.message_class) == ("inbox", "survey", "transactional")
    send_due()
    message.refresh_from_db()
    assert message.state == "sent"
    assert "/rate/" in message.body


class TestRaces:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_concurrent_runs_of_a_rule_make_each_message_once(self, make_rule):
        Customer.objects.bulk_create(
            [Customer(name=f"C{n}", number=f"B{n}", **birthday_columns(date(1990, 3, 10))) for n in range(300)]
        )
        rule = make_rule("birthday")
        active_since(rule, at("2026-03-01T00:00"))
        totals = at_once([lambda: run_care_rule(rule_id=rule.pk, now=at("2026-03-10T04:00"))] * 8)
        assert sum(totals) == 300
        assert Message.objects.count() == 300

    def test_a_new_version_during_a_run_sends_no_message_twice(self, make_rule):
        Customer.objects.bulk_create(
            [Customer(name=f"C{n}", number=f"B{n}", **birthday_columns(date(1990, 3, 10))) for n in range(200)]
        )
        rule = make_rule("birthday")
        active_since(rule, at("2026-03-01T00:00"))
        stop = threading.Event()

        def edit():
            for percent in range(10):
                update_care_rule(rule=rule, send_at=time(10 + percent), actor=SYSTEM)
            stop.set()

        def run():
            while not stop.is_set():
                run_care_rule(rule_id=rule.pk, now=at("2026-03-10T04:00"))

        at_once([edit, run, run])
        run_care_rule(rule_id=rule.pk, now=at("2026-03-10T04:00"))
        assert Message.objects.count() == 200
        assert Message.objects.values("customer_id").distinct().count() == 200


def test_a_changed_birthday_does_not_affect_other_customers(make_rule, make_customer):
    """A run finds customers only by the blind index; a wrong birthday matches no customer."""
    customer = make_customer("A")
    update_customer(customer=customer, changes={"birthday": "1990-03-10"}, actor=SYSTEM)
    make_customer("B")
    rule = make_rule("birthday")
    active_since(rule, at("2026-03-01T00:00"))
    assert run_care_rule(rule_id=rule.pk, now=at("2026-03-10T04:00")) == 1
    assert made(rule) == [("A", "2026", "queued")]
