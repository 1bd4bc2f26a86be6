"""The demo shop is built once, small, and looked at: its history lies in the past and obeys the product's rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import override_settings

from config.demo import replay
from config.demo.logins import ensure_logins
from config.demo.shop import empty_shop, load_demo_shop
from core.base import clock
from core.base.facts import collect
from core.embedded import places
from core.security.models import User
from core.security.roles import Role
from crm.orders.models import Product
from tests import caches
from tests.config.conftest import END

DEFAULTS = """
SELECT c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
JOIN pg_class c ON c.oid = d.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE pg_get_expr(d.adbin, d.adrelid) ~ '(now|timestamp)[(]' AND c.relname !~ '^crm_activityevent_[0-9]'
ORDER BY 1, 2"""
# Tables whose rows follow from the seed alone; ids and times of the others depend on random keys.
COMPARED = (
    "SELECT paid_at, total, discount, refunded FROM crm_order ORDER BY paid_at, id",
    "SELECT origin, step, state, reason, count(*) FROM campaigns_message GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    "SELECT state, count(*) FROM campaigns_journeyrun GROUP BY 1 ORDER BY 1",
    "SELECT available, pending, held, debt FROM loyalty_account ORDER BY id",
    "SELECT member_id, tier_id, started_at, ended_at FROM loyalty_tierperiod ORDER BY id",
    "SELECT subject, status, created_at FROM crm_ticket ORDER BY id",
    "SELECT experiment_id, customer_id, arm_id FROM campaigns_exposure ORDER BY 1, 2",
)


@pytest.fixture(scope="module")
def demo(own_database, tmp_path_factory) -> Iterator[dict[str, Any]]:
    """Return the defaults of columns before the replay, and the facts after it."""
    with override_settings(MEDIA_ROOT=str(tmp_path_factory.mktemp("media"))):
        before = rows(DEFAULTS)
        caches.forget()
        ensure_logins()
        load_demo_shop(customers=150, seed=7, months=3, end=END)
        yield {"defaults": before, "facts": collect()}


def rows(statement: str, *values: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def one(statement: str, *values: Any) -> Any:
    return rows(statement, *values)[0][0]


@pytest.mark.parametrize(
    "name", ["journeys", "journey_runs", "broadcasts", "experiments", "rewards", "redemptions", "coupon_uses",
             "tier_periods", "orders", "customers", "activity_events", "products"],
)  # fmt: skip
def test_a_fact_of_a_living_shop_is_above_zero(demo, name):
    assert demo["facts"][name] > 0


def test_the_shop_has_what_its_plan_lists(demo):
    facts = demo["facts"]
    assert facts["journeys"] == 4
    assert facts["broadcasts"] == 6
    assert facts["experiments"] == 3
    assert facts["rewards"] == 8
    assert set(facts["tickets"]) >= {"closed", "open"}
    assert one("SELECT count(*) FROM crm_ticketrating") > 0
    assert one("SELECT count(*) FROM campaigns_broadcast WHERE state = 'scheduled'") == 2
    assert one("SELECT refused_count FROM crm_importrun WHERE source = 'branch'") == 3
    assert one("SELECT count(*) FROM core_domainevent WHERE kind = 'crm.duplicate_suspected'") > 0
    assert rows("SELECT channel FROM campaigns_channelaccount WHERE active ORDER BY 1") == [("sms",), ("wechat",)]
    assert one("SELECT count(*) FROM loyalty_badge") == 3


def test_messages_are_opened_clicked_and_answered_with_orders(demo):
    opened, clicked = rows("SELECT count(opened_at), count(clicked_at) FROM campaigns_message")[0]
    assert opened > clicked > 0
    assert one("SELECT count(*) FROM campaigns_message WHERE opened_at < sent_at") == 0
    assert one("SELECT count(*) FROM campaigns_couponuse WHERE state = 'redeemed' AND order_reference LIKE 'S%%'") > 0


def test_points_are_earned_in_several_months_and_the_ledger_is_proven(demo):
    assert one("SELECT count(DISTINCT date_trunc('month', created_at)) FROM loyalty_entry WHERE kind = 'earn'") >= 3
    assert demo["facts"]["ledger"] == {**demo["facts"]["ledger"], "reconciles": True, "differ": 0}
    assert one("SELECT count(*) FROM loyalty_reconciliation") > 1


def test_nothing_lies_after_the_end_or_in_the_present(demo):
    for table, column in (
        ("loyalty_entry", "created_at"), ("campaigns_message", "created_at"), ("core_domainevent", "occurred_at"),
        ("crm_customer", "created_at"), ("crm_order", "recorded_at"), ("loyalty_tierperiod", "started_at"),
        ("crm_ticketmessage", "created_at"), ("loyalty_rewardredemption", "placed_at"),
        ("core_audit", "pgh_created_at"),
    ):  # fmt: skip
        if one("SELECT to_regclass(%s) IS NULL", table):
            continue
        assert one(f"SELECT max({column}) FROM {table}") <= END, table


def test_tiers_that_rose_with_an_order_began_at_its_moment(demo):
    upgrades = rows(
        """SELECT count(*), count(*) FILTER (WHERE EXISTS (
               SELECT FROM crm_order o WHERE o.customer_id = m.customer_id AND o.paid_at = p.started_at))
           FROM loyalty_tierperiod p JOIN loyalty_member m ON m.id = p.member_id WHERE p.reason = 'qualified'"""
    )[0]
    assert upgrades[0] > 10
    assert upgrades[1] >= 0.9 * upgrades[0]


def test_no_customer_got_more_marketing_than_the_caps_allow(demo):
    caps = rows("SELECT cap_per_day, cap_per_week FROM campaigns_sendingpolicy")
    per_day, per_week = caps[0] if caps else (2, 4)
    by_day = """SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM campaigns_message m
                JOIN crm_customer c ON c.id = m.customer_id WHERE m.state = 'sent' AND m.message_class = 'marketing'
                GROUP BY m.customer_id, (m.sent_at AT TIME ZONE c.time_zone)::date) AS days"""
    by_week = """SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM campaigns_message m
                 JOIN crm_customer c ON c.id = m.customer_id WHERE m.state = 'sent' AND m.message_class = 'marketing'
                 GROUP BY m.customer_id, date_trunc('week', m.sent_at AT TIME ZONE c.time_zone)) AS weeks"""
    assert 0 < one(by_day) <= per_day
    assert 0 < one(by_week) <= per_week


def test_held_out_customers_got_no_marketing(demo):
    held = """FROM campaigns_exposure e JOIN campaigns_experimentarm a ON a.id = e.arm_id AND a.position = 0
              JOIN campaigns_experiment x ON x.id = e.experiment_id AND x.scope = 'everything'"""
    assert one(f"SELECT count(*) {held}") > 0
    assert one(
        f"""SELECT count(*) {held} JOIN campaigns_message m ON m.customer_id = e.customer_id AND m.state = 'sent'
            AND m.message_class = 'marketing' AND m.sent_at >= x.started_at"""
    ) == 0  # fmt: skip
    assert one("SELECT count(*) FROM campaigns_journeyrun WHERE state = 'held_out'") > 0


def test_the_clock_and_all_defaults_of_columns_are_back(demo):
    assert rows(DEFAULTS) == demo["defaults"]
    assert not replay.was_interrupted()
    assert one("SHOW search_path") == '"$user", public'
    assert clock.now() - END > timedelta(minutes=1)
    assert (
        one("SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'replay'")
        == 0
    )


def test_products_have_pictures_and_texts_in_both_languages(demo):
    product = Product.objects.get(sku="CF-01")
    assert (product.name, product.name_zh) == ("Yunnan Natural 200 g", "云南日晒200g")
    assert 0 < (product.cost or 0) < (product.price or 0)
    assert product.tags == ["coffee", "freshly roasted", "Yunnan"]
    assert product.picture.open("rb").read(8) == b"\x89PNG\r\n\x1a\n"
    assert not Product.objects.filter(picture="").exists()


def test_names_are_in_one_language(demo):
    assert one("SELECT name FROM crm_store") == "山茶咖啡"
    assert one("SELECT count(*) FROM analytics_segment WHERE name ~ '[A-Za-z]{4}'") == 0
    assert one("SELECT count(*) FROM campaigns_broadcast WHERE name ~ '[A-Za-z]{4}'") == 0


def test_the_truth_of_each_campaign_is_written_beside_the_data(demo):
    truth = json.loads((places.locations().directory / "simulation" / "truth.json").read_text())
    assert truth["experiments"]["subject"]["true_difference_of_delivered"] == pytest.approx(0.10)
    assert truth["experiments"]["button"]["true_difference_of_delivered"] == 0
    assert len([name for name in truth["campaigns"] if name.startswith("broadcast ")]) == 6
    assert len([name for name in truth["campaigns"] if name.startswith("journey ")]) == 4


def test_staff_have_addresses(demo):
    assert not User.objects.filter(email="").exists()
    assert Group.objects.get(name=Role.AGENT.value).user_set.count() == 3


def test_equal_seeds_make_equal_shops(own_database, tmp_path):
    shops = []
    with override_settings(MEDIA_ROOT=str(tmp_path)):
        for _turn in range(2):
            empty_shop()
            caches.forget()
            ensure_logins()
            load_demo_shop(customers=40, seed=5, months=1, end=END)
            shops.append([rows(statement) for statement in COMPARED])
    assert shops[0] == shops[1]
    assert len(shops[0][0]) > 5


def test_an_interrupted_load_leaves_an_empty_shop_and_the_real_clock(own_database, tmp_path):
    def interrupt(_text: str) -> None:
        raise KeyboardInterrupt

    before = rows(DEFAULTS)
    caches.forget()
    empty_shop()
    with override_settings(MEDIA_ROOT=str(tmp_path)), pytest.raises(KeyboardInterrupt):
        load_demo_shop(customers=10, months=1, end=END, say=interrupt)

    assert [one(f"SELECT count(*) FROM {table}") for table in ("crm_store", "crm_customer", "crm_order")] == [0, 0, 0]
    assert rows(DEFAULTS) == before
    assert not replay.was_interrupted()
    assert clock.now() - END > timedelta(minutes=1)
