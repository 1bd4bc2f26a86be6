"""Segments in the console: roles, the rule as a form and back, errors at their place, the reason for one customer."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.conditions import labels as phrases
from analytics.conditions.registry import CONDITIONS
from analytics.segments.console import forms
from analytics.segments.console.charts import sparkline
from analytics.segments.models import Segment, SegmentMembership, SegmentState
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from core.base.actor import SYSTEM
from core.console import kept
from core.security.roles import Role
from crm.customers.models import Customer, Tag
from crm.customers.services.customers import add_tag

pytestmark = pytest.mark.django_db


def leaf(condition: str, operator: str, **values) -> dict:
    return {"condition": condition, "operator": operator, **values}


def group(op: str, *children: dict) -> dict:
    return {"op": op, "children": list(children)}


def sent(rule: dict, currency: str = "CNY") -> dict[str, list[str]]:
    """Return the fields that a browser sends for the form of this rule."""
    found: dict[str, list[str]] = {}
    for name, value in forms.fields_of(forms.shown_of(rule), currency):
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER))
    return client


@pytest.fixture
def big_spenders(program, make_customer, make_order, settle) -> Segment:
    rich, poor = make_customer("Rich"), make_customer("Poor")
    make_order(rich, 90_000)
    make_order(poor, 1_000)
    settle()
    segment_runs.refresh_changed()
    segment = segments.create_segment(
        name="Big spenders", rule=group("and", leaf("net_spend", "gte", value=50_000)), actor=SYSTEM
    )
    segment_runs.compute_segments([segment.pk])
    segment.refresh_from_db()
    return segment


# The form and the tree


def test_a_field_is_named_by_its_path_and_money_is_in_major_units():
    rule = group("and", leaf("net_spend", "gte", value=50_000), group("not", leaf("tags", "has", values=["3", "7"])))
    assert list(forms.fields_of(forms.shown_of(rule), "CNY")) == [
        ("rule.op", "and"),
        ("rule.children.0.condition", "net_spend"),
        ("rule.children.0.was", "net_spend"),
        ("rule.children.0.operator", "gte"),
        ("rule.children.0.value", "500.00"),
        ("rule.children.1.op", "not"),
        ("rule.children.1.children.0.condition", "tags"),
        ("rule.children.1.children.0.was", "tags"),
        ("rule.children.1.children.0.operator", "has"),
        ("rule.children.1.children.0.values", "3"),
        ("rule.children.1.children.0.values", "7"),
    ]


@pytest.mark.parametrize(
    ("currency", "typed", "minor"),
    [("CNY", "500", 50_000), ("CNY", " 12.5 ", 1_250), ("JPY", "500", 500), ("KWD", "1.234", 1_234)],
)
def test_an_amount_is_read_in_the_currency(currency, typed, minor):
    tree = forms.tree_of({**sent(group("and", leaf("net_spend", "gte"))), "rule.children.0.value": [typed]}, currency)
    assert tree == group("and", leaf("net_spend", "gte", value=minor))


@pytest.mark.parametrize("typed", ["abc", "12.345", "1_000", "+5", "1e3", "1,000"])
def test_an_unreadable_amount_stays_as_typed_and_is_marked(typed):
    tree = forms.tree_of({**sent(group("and", leaf("net_spend", "gte"))), "rule.children.0.value": [typed]}, "CNY")
    assert tree["children"][0]["value"] == typed
    assert forms.problems(tree) == {"rule.children.0.value": "Use an amount such as 12.50."}


def test_none_of_these_is_not_over_or():
    shown = group("not", leaf("is_member", "yes"), leaf("has_name", "yes"))
    rule = group("not", group("or", leaf("is_member", "yes"), leaf("has_name", "yes")))
    assert forms.rule_of(shown) == rule
    assert forms.shown_of(rule) == shown
    assert forms.rule_of(group("not", leaf("is_member", "yes"))) == group("not", leaf("is_member", "yes"))


def test_a_lone_condition_is_shown_in_a_group():
    assert forms.shown_of(leaf("is_member", "yes")) == group("and", leaf("is_member", "yes"))


def test_changing_the_condition_resets_the_leaf_and_changing_the_comparison_keeps_fitting_values():
    fields = sent(group("and", leaf("net_spend", "gte", value=50_000)))
    assert forms.tree_of({**fields, "rule.children.0.condition": ["country"]}, "CNY") == group(
        "and", leaf("country", "in")
    )
    assert forms.tree_of({**fields, "rule.children.0.operator": ["lte"]}, "CNY") == group(
        "and", leaf("net_spend", "lte", value=50_000)
    )
    assert forms.tree_of({**fields, "rule.children.0.operator": ["between"]}, "CNY") == group(
        "and", leaf("net_spend", "between")
    )


def test_children_keep_their_order_across_gaps_and_unknown_fields_are_ignored():
    fields = {
        "rule.op": ["or"],
        "rule.children.10.condition": ["has_name"],
        "rule.children.10.operator": ["yes"],
        "rule.children.2.condition": ["is_member"],
        "rule.children.2.operator": ["no"],
        "rule.children.2.nonsense": ["1"],
        "rule.children.x.condition": ["is_member"],
        "name": ["x"],
    }
    assert forms.tree_of(fields, "CNY") == group("or", leaf("is_member", "no"), leaf("has_name", "yes"))


def test_adding_and_removing_by_path():
    tree = group("and", leaf("is_member", "yes"), group("or", leaf("has_name", "yes")))
    assert forms.change(tree, "add:rule.children.1")["children"][1]["children"] == [
        leaf("has_name", "yes"),
        leaf("", ""),
    ]
    assert forms.change(tree, "group:rule")["children"][2] == group("or", leaf("", ""))
    assert forms.change(tree, "remove:rule.children.1.children.0") == group(
        "and", leaf("is_member", "yes"), group("or")
    )
    assert forms.change(tree, "remove:rule.children.0") == group("and", group("or", leaf("has_name", "yes")))
    for nothing in ("remove:rule", "remove:rule.children.9", "save", "", "add:rule.children.0", "burn:rule"):
        assert forms.change(tree, nothing) == tree


def test_each_error_is_named_at_its_place():
    shown = group(
        "and",
        leaf("", ""),
        leaf("gone", "is"),
        leaf("net_spend", "gte"),
        leaf("last_order", "after_date", date="31.01.2026"),
        leaf("order_count", "between", low="x", high=3),
        group("not"),
    )
    assert forms.problems(shown) == {
        "rule.children.0.condition": "Choose a condition.",
        "rule.children.1.condition": "There is no such condition.",
        "rule.children.2.value": "Fill this in.",
        "rule.children.3.date": "Use a date such as 2026-01-31.",
        "rule.children.4.low": "Use a whole number.",
        "rule.children.5": "Add a condition to this group, or remove it.",
    }


NUMBERS = st.integers(0, 10**9)
LEAVES = st.one_of(
    NUMBERS.map(lambda n: leaf("net_spend", "gte", value=n)),
    st.tuples(NUMBERS, NUMBERS).map(lambda p: leaf("spend_90", "between", low=p[0], high=p[1])),
    st.integers(0, 36500).map(lambda n: leaf("last_order", "within", days=n)),
    st.dates().map(lambda d: leaf("first_order", "before_date", date=d.isoformat())),
    st.just(leaf("last_order", "never")),
    st.tuples(st.text(min_size=1, max_size=9).filter(str.strip), st.sampled_from(["eq", "gte"])).map(
        lambda p: leaf(
            "did", "has", kind="view", times=1, days=2, where=[{"property": "a", "sign": p[1], "value": p[0]}] * 2
        )
    ),
    st.sampled_from(["yes", "no"]).map(lambda o: leaf("is_member", o)),
    st.sets(st.sampled_from(["", "female", "male", "other"]), min_size=1).map(
        lambda v: leaf("gender", "in", values=sorted(v))
    ),
    st.tuples(
        st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40),
        st.integers(1, 99),
        st.integers(1, 999),
    ).map(lambda p: leaf("bought_product", "has_not", sku=p[0], times=p[1], days=p[2])),
    st.sampled_from(["email", "sms"]).map(lambda c: leaf("consent", "has", channel=c, purpose="marketing")),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda c: group("and", *c)),
        st.lists(inner, max_size=4).map(lambda c: group("or", *c)),
        inner.map(lambda c: group("not", c)),
    ),
    max_leaves=12,
)
RULES = st.lists(TREES, max_size=4).map(lambda c: group("and", *c))


@given(RULES, st.sampled_from(["CNY", "JPY", "KWD"]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tree_to_form_to_tree_loses_nothing(rule, currency):
    assert forms.rule_of(forms.tree_of(sent(rule, currency), currency)) == rule


@given(RULES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_rule_can_be_put_into_words(rule):
    assert phrases.tree_words(rule, "CNY").text
    assert phrases.sentence(rule, "CNY")


def test_the_words_of_conditions_are_exact():
    rule = group(
        "and",
        leaf("net_spend", "gte", value=50_000),
        leaf("last_order", "before", days=90),
        group("or", leaf("stage", "in", values=["lapsed", "lost"]),
              leaf("bought_product", "has", sku="A-1", times=2, days=365)),
        group("not", group("or", leaf("is_member", "yes"), leaf("country", "in", values=["CN"]))),
    )  # fmt: skip
    words = phrases.tree_words(rule, "CNY")
    assert words.text == "All of these:"
    assert [child.text for child in words.children] == [
        "Net spend is at least ¥500.00",
        "Last order is more than 90 days ago",
        "Any of these:",
        "None of these:",
    ]
    assert [child.text for child in words.children[2].children] == [
        "Lifecycle stage is one of Lapsed, Lost",
        "Bought “A-1” at least 2 times in the last 365 days",
    ]
    assert [child.text for child in words.children[3].children] == ["Is a member: yes", "Country is China"]
    assert phrases.leaf_words(leaf("gone", "is"), "CNY") == "Unknown condition “gone”"


@pytest.mark.parametrize(
    ("given", "english", "chinese"),
    [
        (leaf("order_count", "gte", value=5), "Number of orders is at least 5", "订单数大于等于 5"),
        (leaf("refund_count", "eq", value=0), "Number of refunds is exactly 0", "退款次数等于 0"),
        (leaf("tier_rank", "gte", value=3), "Tier rank is at least 3 (Gold)", "等级序号大于等于 3（金卡会员）"),
        (leaf("tier_rank", "lte", value=9), "Tier rank is at most 9", "等级序号小于等于 9"),
        (leaf("country", "in", values=["DE"]), "Country is Germany", "国家/地区是 德国"),
        (leaf("source", "in", values=["mini_program"]), "Source is Mini program", "来源是 小程序"),
        (leaf("did", "has", kind="cart", times=2, days=30), "“Added to cart” at least 2 times in the last 30 days",
         "最近 30 天内“加入购物车”至少 2 次"),
        (leaf("did", "has_not", kind="cart", times=1, days=30), "No “Added to cart” in the last 30 days",
         "最近 30 天内没有“加入购物车”"),
        (leaf("bought_product", "has_not", sku="A", times=1, days=30), "Did not buy “A” in the last 30 days",
         "最近 30 天内未购买“A”"),
        (leaf("bought_product", "has_not", sku="A", times=3, days=30),
         "Bought “A” fewer than 3 times in the last 30 days", "最近 30 天内购买“A”少于 3 次"),
        (leaf("tier", "gte", value="3"), "Tier is at least Gold", "等级大于等于 金卡会员"),
        (leaf("did", "has", kind="cart", times=1, days=9, where=[
            {"property": "stars", "sign": "gte", "value": "4"}, {"property": "page", "sign": "eq", "value": "x"}]),
         "“Added to cart” at least 1 time in the last 9 days, where stars is at least 4, page is x",
         "最近 9 天内“加入购物车”至少 1 次，其中 stars大于等于 4、page是 x"),
        (leaf("did", "has_not_between", kind="cart", times=1, since="2026-01-01", until="2026-01-31"),
         "No “Added to cart” from Jan 1, 2026 to Jan 31, 2026", "2026年1月1日至2026年1月31日没有“加入购物车”"),
        (leaf("last_order", "between_days", low=10, high=20), "Last order is between 10 and 20 days ago",
         "上次下单在 10 至 20 天前"),
        (leaf("last_order", "between_dates", since="2026-01-01", until="2026-01-31"),
         "Last order is from Jan 1, 2026 to Jan 31, 2026", "上次下单在2026年1月1日至2026年1月31日"),
        (leaf("birthday", "this_month"), "Birthday is this month", "本月生日"),
        (leaf("last_order", "within", days=90), "Last order is within the last 90 days", "上次下单在最近 90 天内"),
        (leaf("messages_90", "gte", value=4), "Messages sent in the last 90 days is at least 4",
         "近 90 天发送消息数大于等于 4"),
    ],
)  # fmt: skip
def test_a_condition_reads_well_in_both_languages(program, make_customer, given, english, chinese):
    make_customer(country="DE")
    Customer.objects.update(source="mini_program")
    with translation.override("en"):
        assert phrases.leaf_words(given, "CNY") == english
    with translation.override("zh-hans"):
        assert phrases.leaf_words(given, "CNY") == chinese


def test_tags_are_named_one_or_several(make_customer):
    add_tag(customer=make_customer(), name="vip", actor=SYSTEM)
    add_tag(customer=make_customer(), name="wholesale", actor=SYSTEM)
    vip, wholesale = (str(Tag.objects.get(name=name).pk) for name in ("vip", "wholesale"))
    assert phrases.leaf_words(leaf("tags", "has", values=[vip]), "CNY") == "Has the tag vip"
    assert (
        phrases.leaf_words(leaf("tags", "has_not", values=[vip, wholesale]), "CNY")
        == "Has none of the tags vip, wholesale"
    )


def test_a_customers_own_value_is_in_words_too():
    consent = CONDITIONS["consent"]
    assert phrases.value_words(consent, leaf("consent", "has"), "email/marketing, sms/service", "CNY") == (
        "E-mail · Marketing, SMS · Service and surveys"
    )
    roast = leaf("attribute", "equals", attribute="roast", text="dark")
    assert phrases.value_words(CONDITIONS["attribute"], roast, '{"roast": "light", "size": 3}', "CNY") == "light"
    assert phrases.value_words(CONDITIONS["attribute"], roast, '{"size": 3}', "CNY") == "nothing"


def test_a_sparkline_needs_two_points():
    assert sparkline([5]) is None
    line = sparkline([0, 10, 5], width=24, height=14)
    assert (line.points, line.first, line.last) == ("2.0,12.0 12.0,2.0 22.0,7.0", 0, 5)


# The pages


class Fields(HTMLParser):
    """Parser for the fields that a browser would send for the builder's form, without buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._select = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and "selected" in given and self._select:
            self.found.setdefault(self._select, []).append(given.get("value", ""))
        elif (
            tag == "input"
            and given.get("name", "").startswith("rule")
            and (given.get("type") != "checkbox" or "checked" in given)
        ):
            self.found.setdefault(given["name"], []).append(given.get("value", ""))


def test_the_form_of_the_page_gives_the_same_rule(marketer, program, make_customer):
    tag = add_tag(customer=make_customer(), name="coffee", actor=SYSTEM)
    rule = group(
        "or",
        leaf("net_spend", "between", low=100, high=250_050),
        leaf("tags", "has", values=[str(getattr(tag, "tag_id", tag.pk))]),
        leaf("consent", "has", channel="email", purpose="marketing"),
        group("not", group("or", leaf("last_order", "never"), leaf("first_order", "after_date", date="2026-01-31"))),
    )
    segment = segments.create_segment(name="All kinds", rule=rule, actor=SYSTEM)
    page = Fields()
    page.feed(marketer.get(reverse("segment_edit", args=[segment.pk])).content.decode())
    assert forms.rule_of(forms.tree_of(page.found, "CNY")) == segment.rule == rule


def test_saving_makes_a_segment_and_queues_its_computation(
    marketer, program, monkeypatch, django_capture_on_commit_callbacks
):
    queued = []
    monkeypatch.setattr("celery.current_app.send_task", lambda _name, args=(), **_: queued.append(args))
    fields = {**sent(group("and", leaf("net_spend", "gte", value=50_000))), "name": ["Rich"], "do": ["save"]}
    with django_capture_on_commit_callbacks(execute=True):
        response = marketer.post(reverse("segment_new"), fields)
    segment = Segment.objects.get()
    assert (response.status_code, response.url) == (302, reverse("segment", args=[segment.pk]))
    assert segment.rule == group("and", leaf("net_spend", "gte", value=50_000))
    assert segment.created_by.groups.get().name == Role.MARKETER
    assert queued == [(segment.pk,)]
    assert "is being computed" in marketer.get(response.url).content.decode()


def test_wrong_input_is_shown_at_its_place_and_nothing_is_saved(marketer, program):
    fields = {
        **sent(group("and", leaf("net_spend", "gte"), leaf("is_member", "yes"))),
        "rule.children.0.value": ["a lot"],
        "name": ["Rich"],
        "do": ["save"],
    }
    page = marketer.post(reverse("segment_new"), fields).content.decode()
    assert Segment.objects.count() == 0
    assert 'value="a lot"' in page
    assert 'id="rule-children-0-value-error">Use an amount such as 12.50.</p>' in page
    assert page.count("field-error") == 1


def test_the_error_of_a_taken_name_is_shown_beside_the_name(marketer, big_spenders):
    fields = {**sent(big_spenders.rule), "name": ["Big spenders"], "do": ["save"]}
    page = marketer.post(reverse("segment_new"), fields).content.decode()
    assert 'id="segment-name-error">Another segment has this name.</p>' in page
    assert Segment.objects.count() == 1


def test_buttons_change_the_form_without_saving(marketer, program):
    fields = {**sent(group("and", leaf("is_member", "yes"))), "name": ["Draft"], "do": ["group:rule"]}
    page = Fields()
    answer = marketer.post(reverse("segment_new"), fields)
    page.feed(answer.content.decode())
    assert forms.tree_of(page.found, "CNY") == group("and", leaf("is_member", "yes"), group("or", leaf("", "")))
    assert 'value="Draft"' in answer.content.decode()
    assert Segment.objects.count() == 0


def test_the_preview_shows_count_and_customers(marketer, big_spenders):
    page = marketer.post(reverse("segment_preview"), sent(big_spenders.rule)).content.decode()
    assert "1 customer" in page
    assert "Rich" in page
    assert "Poor" not in page
    unfinished = marketer.post(reverse("segment_preview"), {"rule.children.0.condition": [""]}).content.decode()
    assert "when every condition is filled in" in unfinished


def test_the_page_explains_why_a_customer_is_in_or_out(marketer, big_spenders, make_customer):
    member = SegmentMembership.objects.get(segment=big_spenders).customer
    page = marketer.get(reverse("segment", args=[big_spenders.pk]), {"who": member.number}).content.decode()
    assert "matches the rule" in page
    assert "¥900.00" in page
    nobody = marketer.get(reverse("segment", args=[big_spenders.pk]), {"who": "404"}).content.decode()
    assert "There is no customer with this number." in nobody


def test_a_failing_segment_is_visible_in_list_and_page(marketer, big_spenders):
    Segment.objects.filter(pk=big_spenders.pk).update(error="column f.gone does not exist")
    assert "Failing" in marketer.get(reverse("segments")).content.decode()
    assert "column f.gone does not exist" in marketer.get(reverse("segment", args=[big_spenders.pk])).content.decode()


def test_archiving_shows_the_number_and_removes_the_members(marketer, big_spenders):
    page = marketer.get(reverse("segment", args=[big_spenders.pk])).content.decode()
    assert "1 customer will leave “Big spenders”" in page
    assert marketer.post(reverse("segment_archive", args=[big_spenders.pk])).url == reverse("segments")
    big_spenders.refresh_from_db()
    assert (big_spenders.state, big_spenders.size) == (SegmentState.ARCHIVED, 0)
    assert not SegmentMembership.objects.filter(left_at=None).exists()


def test_the_page_reloads_when_the_computation_is_done(marketer, big_spenders):
    done = marketer.get(reverse("segment_status", args=[big_spenders.pk]))
    assert (done.status_code, done["HX-Refresh"]) == (204, "true")
    Segment.objects.filter(pk=big_spenders.pk).update(version=2)
    waiting = marketer.get(reverse("segment_status", args=[big_spenders.pk]))
    assert "every 2s" in waiting.content.decode()


@pytest.mark.parametrize(
    ("role", "may_edit"),
    [(Role.AGENT, False), (Role.LEAD, False), (Role.MARKETER, True), (Role.ANALYST, True), (Role.ADMINISTRATOR, True)],
)
def test_every_role_sees_segments_and_marketers_and_analysts_change_them(role, may_edit, client, staff, big_spenders):
    client.force_login(staff(role))
    pk = big_spenders.pk
    for name, args in (("segments", []), ("segment", [pk]), ("segment_status", [pk])):
        assert client.get(reverse(name, args=args)).status_code in {200, 204}
    for name, args in (("segment_new", []), ("segment_edit", [pk])):
        assert client.get(reverse(name, args=args)).status_code == (200 if may_edit else 403)
    for name in ("segment_recompute", "segment_archive"):
        assert client.post(reverse(name, args=[pk])).status_code == (302 if may_edit else 403)
    big_spenders.refresh_from_db()
    assert (big_spenders.state == SegmentState.ARCHIVED) == may_edit


def test_anonymous_visitors_are_redirected_to_sign_in(client, big_spenders):
    assert client.get(reverse("segments")).status_code == 302


def test_the_customer_page_shows_figures_and_segments(marketer, big_spenders):
    member = SegmentMembership.objects.get(segment=big_spenders).customer
    page = marketer.get(reverse("customer", args=[member.number]), {"tab": "figures"}).content.decode()
    assert 'id="panel-analytics"' in page
    assert "Big spenders" in page
    assert "¥900.00" in page


def test_the_customer_list_narrows_to_a_segment_and_a_stage(marketer, big_spenders):
    page = marketer.get(reverse("customers"), {"segment": big_spenders.pk}).content.decode()
    assert "Rich" in page
    assert "Poor" not in page
    assert "Poor" in marketer.get(reverse("customers"), {"stage": "new"}).content.decode()
    assert "No customers match" in marketer.get(reverse("customers"), {"stage": "lost"}).content.decode()


def test_home_counts_the_moves(marketer, big_spenders, make_customer, make_order, settle):
    assert "Entered a segment in 7 days" not in marketer.get("/").content.decode()
    cache.clear()
    make_order(make_customer(), 60_000)
    settle()
    segment_runs.refresh_changed()
    kept.keep()
    page = marketer.get("/").content.decode()
    assert "Entered a segment in 7 days" in page
