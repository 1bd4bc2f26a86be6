"""A rule as text: lossless conversion of every registered condition, errors at their place, completion."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.conditions.registry import CONDITIONS, FILTER_SIGNS, SegmentCondition
from analytics.conditions.rules.query import Form, Grammar, elements_of, rooted
from analytics.conditions.rules.query_tokens import WrongQuery
from analytics.conditions.rules.trees import check_shape
from analytics.conditions.services import query
from analytics.conditions.services.query import complete, parse_rule, pointed, print_rule
from analytics.segments.console.query_text import said
from analytics.segments.models import Segment
from analytics.segments.services import segments
from core.base.actor import SYSTEM
from core.fields import Field
from core.security.roles import Role
from crm.activity.models import ActivityKind
from crm.customers.models import AttributeDefinition, Customer, Tag
from crm.orders.models import Product

pytestmark = pytest.mark.django_db
SETTINGS = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


def leaf(condition: str, operator: str, **values) -> dict:
    return {"condition": condition, "operator": operator, **values}


def group(op: str, *children: dict) -> dict:
    return {"op": op, "children": list(children)}


@pytest.fixture
def shop(program, make_customer):
    """Create choices for every list, with names that are hard to quote."""
    make_customer(country="DE", gender="female", region="Bayern", language="de")
    for name in ("VIP", "and", 'say "hi"', "3", "咖啡", "back\\slash"):
        Tag.objects.create(name=name)
    Product.objects.bulk_create(
        Product(sku=f"s{place}", name="x", category=category)
        for place, category in enumerate(("Coffee", "or not", "Tee & Kaffee"))
    )
    AttributeDefinition.objects.create(code="roast", label="Roast", type="text")
    ActivityKind.objects.get_or_create(code="review", defaults={"label": "Review"})
    Customer.objects.update(source="mini_program")
    segments.create_segment(name="Everyone here", rule=group("and"), actor=SYSTEM)


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20)
FILTERS = st.lists(
    st.fixed_dictionaries(
        {
            "property": TEXT.map(str.strip).filter(bool),
            "sign": st.sampled_from(list(FILTER_SIGNS)),
            "value": TEXT | st.integers(-99, 99).map(str),
        }
    ),
    min_size=1,
    max_size=3,
)


def values_of(item: Field) -> st.SearchStrategy:
    if item.kind in {"number", "money", "days"}:
        return st.integers(item.least or 0, 36500 if item.kind == "days" else 2**53)
    if item.kind == "date":
        return st.dates().map(str)
    if item.kind in {"choice", "choices"}:
        codes = [str(code) for code, _label in item.choices()]
        if item.kind == "choice":
            return st.sampled_from([code for code in codes if code])
        return st.sets(st.sampled_from(codes), min_size=1, max_size=3).map(sorted)
    return FILTERS if item.kind == "where" else TEXT


def leaves_of(condition: SegmentCondition, operator: str) -> st.SearchStrategy:
    inputs = condition.inputs(operator)
    needed = {item.name: values_of(item) for item in inputs if item.required}
    optional = {item.name: values_of(item) for item in inputs if not item.required}
    return st.fixed_dictionaries(needed, optional=optional).map(lambda v: leaf(condition.name, operator, **v))


def askable() -> list[tuple[SegmentCondition, str]]:
    """Return every comparison that has choices."""
    return [
        (condition, operator)
        for condition in CONDITIONS
        for operator in condition.operators
        if all(item.kind not in {"choice", "choices"} or any(item.choices()) for item in condition.inputs(operator))
    ]


def trees() -> st.SearchStrategy:
    leaves = st.sampled_from(askable()).flatmap(lambda pair: leaves_of(*pair))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda c: group("and", *c)),
            st.lists(inner, max_size=3).map(lambda c: group("or", *c)),
            inner.map(lambda c: group("not", c)),
        ),
        max_leaves=6,
    )


def fits(tree: dict) -> bool:
    try:
        return bool(check_shape(rooted(tree))) or True
    except ValueError:
        return False


def test_every_registered_condition_can_be_written_and_read(shop):
    assert {condition.name for condition, _operator in askable()} >= set(CONDITIONS.names()) - {
        "main_channel",
        "top_category",
    }
    for condition, operator in askable():

        @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
        @given(leaves_of(condition, operator))
        def check(tree):
            assert parse_rule(print_rule(tree, "CNY"), "CNY") == group("and", tree)

        check()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_tree_to_text_to_tree_loses_nothing_and_printing_is_stable(shop, language):
    @SETTINGS
    @given(trees().filter(fits), st.sampled_from(["CNY", "JPY", "KWD"]))
    def check(tree, currency):
        text = print_rule(tree, currency)
        assert parse_rule(text, currency) == rooted(tree)
        assert print_rule(parse_rule(text, currency), currency) == print_rule(rooted(tree), currency)

    with translation.override(language):
        check()


def attempt(text: str) -> tuple[dict, WrongQuery | None]:
    try:
        return parse_rule(text, "CNY"), None
    except WrongQuery as error:
        return {}, error


def test_any_text_gives_a_rule_or_the_typed_error(shop):
    more = ["(", ")", ",", '"', '"x"', "5", "-1", "2026-01-31", "2026-99-99", "x", "\n", "９", "“"]
    words = [*sorted(query.grammar().reserved), *more]
    soup = st.lists(st.sampled_from(words), max_size=25).map(" ".join)

    @SETTINGS
    @given(st.text(max_size=200) | soup)
    def check(text):
        rule, error = attempt(text)
        if error is None:
            assert parse_rule(print_rule(rule, "CNY"), "CNY") == rule
        else:
            lines = text.split("\n")
            assert 0 <= error.offset <= len(text)
            assert 1 <= error.line <= len(lines)
            assert text[error.offset :].startswith(error.token)
            assert "".join(pointed(text, error)) == lines[error.line - 1]
            assert said(text, error).message
        for place in {0, len(text) // 2, len(text)}:
            assert 0 <= complete(text, place).start <= place

    check()


@pytest.mark.parametrize(
    "text", ["(" * 10_000, "not " * 5_000, "x" * 30_000, "is_member yes and " * 200 + "nobody", "all(" * 99]
)
def test_very_long_texts_are_handled(db, text):
    with pytest.raises(WrongQuery):
        parse_rule(text, "CNY")


def test_the_example(shop):
    text = (
        'tier >= "Gold" and did review at least 2 times in 90 days where stars >= 4 '
        'and not (bought "Coffee" in 30 days)'
    )
    rule = group(
        "and",
        leaf("tier", "gte", value="3"),
        leaf("did", "has", kind="review", times=2, days=90, where=[{"property": "stars", "sign": "gte", "value": "4"}]),
        group("not", leaf("bought_category", "has", values=["Coffee"], times=1, days=30)),
    )
    assert parse_rule(text, "CNY") == rule
    assert print_rule(rule, "CNY") == (
        'tier >= "Gold"\n'
        "and did review at least 2 times in 90 days where stars >= 4\n"
        'and not bought ("Coffee") at least 1 times in 30 days'
    )


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (group("and"), "everyone"),
        (group("or"), "nobody"),
        (group("and", leaf("is_member", "yes")), "is_member yes"),
        (group("or", leaf("is_member", "yes")), "any(is_member yes)"),
        (group("and", group("and", leaf("is_member", "yes"))), "all(all(is_member yes))"),
        (
            group("not", group("or", leaf("is_member", "no"), leaf("has_name", "no"))),
            "not (is_member no or has_name no)",
        ),
        (
            group("and", leaf("is_member", "yes"), group("or", leaf("has_name", "yes"), leaf("open_ticket", "no"))),
            "is_member yes and (has_name yes or open_ticket no)",
        ),
        (group("and", leaf("net_spend", "gte", value=50_050)), "net_spend >= 500.50"),
        (group("and", leaf("last_order", "between_days", low=10, high=20)), "last_order between 10 and 20 days ago"),
        (group("and", leaf("stage", "not_in", values=["lost", "new"])), "stage not in (lost, new)"),
    ],
)
def test_printed_text_of_rules(db, tree, text):
    assert print_rule(tree, "CNY") == text
    assert parse_rule(text, "CNY") == tree


def test_other_ways_to_write_the_same(shop):
    for text, same in (
        ("stage = new", "stage in (new)"),
        ("stage is not (new，lost)", "stage not in (lost, new)"),
        ('gender in "Female"', "gender in (female)"),
        ('gender in "女"', "gender in (female)"),
        ("TIER ≥ “gold”", 'tier >= "Gold"'),
        ("is_member yes or has_name yes and open_ticket no", "is_member yes or (has_name yes and open_ticket no)"),
        ("last_order within 1 day", "last_order within 1 days"),
    ):
        assert parse_rule(text, "CNY") == parse_rule(same, "CNY"), text


@pytest.mark.parametrize(
    ("text", "line", "column", "token", "code", "near"),
    [
        ("tir >= 3", 1, 1, "tir", "unknown_condition", ("tier",)),
        ("is_member yes\nand net_spnd >= 5", 2, 5, "net_spnd", "unknown_condition", ("net_spend",)),
        ("last_order wihtin 3 days", 1, 12, "wihtin", "unexpected", ("within",)),
        ("did review at most 3", 1, 15, "most", "unexpected", ()),
        ("net_spend >= lots", 1, 14, "lots", "unexpected", ()),
        ("net_spend >= 5 net_spend", 1, 16, "net_spend", "unexpected", ()),
        ("(is_member yes", 1, 15, "", "unexpected", ()),
        ("", 1, 1, "", "unexpected", ()),
        ('country = "Bad', 1, 11, '"', "unclosed_string", ()),
        ("is_member yes ; drop", 1, 15, ";", "wrong_character", ()),
        ("stage = actve", 1, 9, "actve", "wrong_value", ("active",)),
        ('tier >= "Gould"', 1, 9, '"Gould"', "wrong_value", ('"Gold"',)),
        ("net_spend >= 1.234", 1, 14, "1.234", "wrong_value", ()),
        ("order_count >= 1.5", 1, 16, "1.5", "wrong_value", ()),
        ("last_order since 2026-02-30", 1, 18, "2026-02-30", "wrong_value", ()),
        ("did review where stars < 4", 1, 24, "<", "wrong_value", ()),
    ],
)  # fmt: skip
def test_an_error_has_its_place_and_similar_words(shop, text, line, column, token, code, near):
    with pytest.raises(WrongQuery) as refusal:
        parse_rule(text, "CNY")
    error = refusal.value
    assert (error.line, error.column, error.token, error.code) == (line, column, token, code)
    assert error.near[: len(near)] == near


def test_an_error_lists_the_expected_words(db):
    def expected(text: str) -> tuple[str, ...]:
        with pytest.raises(WrongQuery) as refusal:
            parse_rule(text, "CNY")
        return refusal.value.expected

    assert expected("net_spend >= lots") == ("<number>",)
    assert expected("did review at most 3") == ("least",)
    assert expected("stage in (new") == (",", ")")
    assert "<condition>" in expected("is_member yes and")
    assert set(expected("is_member yes is_member")) == {"and", "or"}


def test_suggestions_are_conditions_words_and_values(shop):
    def texts(text: str, caret: int | None = None) -> list[str]:
        return [one.text for one in complete(text, len(text) if caret is None else caret).suggestions]

    assert texts("net_s")[0] == "net_spend"
    assert texts("net_spend ") == [">=", "<=", "=", "!=", "between"]
    assert {'"No tier"', '"Gold"'} <= set(texts("tier >= "))
    assert texts("tier >= go") == ['"Gold"']
    assert texts('tier >= "go') == ['"Gold"']
    assert texts("stage in (ac") == ["active", "won_back"]
    assert "where" in texts("did review ")
    assert texts("is_member yes ") == ["and", "or"]
    assert texts("nonsense ") == []
    assert complete("is_member yes and net_s >= 5", 23).start == 18
    with translation.override("zh-hans"):
        assert "net_spend" in texts("净消费")


def test_a_condition_without_forms_of_its_own_can_be_written(db):
    """A new condition needs no change of the grammar."""
    made = SegmentCondition(
        "weather",
        "Weather",
        "Test",
        {"was": "was"},
        lambda operator: [Field("kind", "verbatim"), Field("degrees", "number", default=20),
                          Field("place", "verbatim", required=False)],
        lambda operator, values: None,
        "1",
    )  # fmt: skip
    forms = list(query.forms_of(made))
    assert query.patterns_of(made, "was") == ["weather was kind {kind} [degrees {degrees}] [place {place}]"]
    assert len(forms) == 4
    assert list(forms[-1].elements) == list(elements_of("weather was kind {kind}", {"kind": "text"})[0])
    with pytest.raises(ValueError, match="begins with a word"):
        Grammar([Form("x", "y", elements_of("{a}", {"a": "text"})[0])])
    with pytest.raises(ValueError, match="can't begin"):
        Grammar([Form("x", "y", elements_of("not {a}", {"a": "text"})[0])])


# The pages


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER))
    return client


def test_conditions_and_text_give_the_same_rule_without_scripts(marketer, shop):
    fields = {"rule.op": "and", "rule.children.0.condition": "net_spend", "rule.children.0.operator": "gte",
              "rule.children.0.value": "500"}  # fmt: skip
    page = marketer.post(
        reverse("segment_new"), {**fields, "mode": "form", "name": "Rich", "do": "as_text"}
    ).content.decode()
    assert ">net_spend &gt;= 500</textarea>" in page
    assert 'value="Rich"' in page
    text = {"mode": "text", "name": "Rich", "query": "net_spend >= 700\r\nand is_member yes"}
    page = marketer.post(reverse("segment_new"), {**text, "do": "as_form"}).content.decode()
    assert 'name="rule.children.0.value" value="700.00"' in page
    assert "<textarea" not in page
    assert marketer.post(reverse("segment_new"), {**text, "do": "save"}).status_code == 302
    rule = group("and", leaf("net_spend", "gte", value=70_000), leaf("is_member", "yes"))
    saved = Segment.objects.get(name="Rich")
    assert saved.rule == rule
    shown = marketer.get(reverse("segment", args=[saved.pk])).content.decode()
    assert "net_spend &gt;= 700 and is_member yes" in shown


def test_unfinished_conditions_stay_conditions(marketer, shop):
    fields = {"rule.op": "and", "rule.children.0.condition": "net_spend", "rule.children.0.operator": "gte"}
    page = marketer.post(reverse("segment_new"), {**fields, "mode": "form", "do": "as_text"}).content.decode()
    assert "<textarea" not in page
    assert "Fill this in." in page


@pytest.mark.parametrize("do", ["save", "as_form", "look"])
def test_an_invalid_text_stays_with_its_error_below_it(marketer, shop, do):
    before = Segment.objects.count()
    fields = {"mode": "text", "name": "X", "query": "is_member yes and\ntir >= 3", "do": do}
    page = marketer.post(reverse("segment_new"), fields).content.decode()
    assert "is_member yes and\ntir &gt;= 3</textarea>" in page
    assert "Line 2, column 1:" in page
    assert "There is no condition “tir”." in page
    assert "<mark>tir</mark> &gt;= 3</pre>" in page
    assert "<code>tier</code>" in page
    assert Segment.objects.count() == before


def test_the_preview_of_a_text_shows_the_count_or_the_error(marketer, shop):
    page = marketer.post(reverse("segment_preview"), {"mode": "text", "query": "everyone"}).content.decode()
    assert "0 customers" in page
    page = marketer.post(reverse("segment_preview"), {"mode": "text", "query": "every"}).content.decode()
    assert 'hx-swap-oob="true"' in page
    assert "<code>everyone</code>" in page
    assert "when the text is a valid rule" in page


def test_the_console_completes(marketer, shop):
    found = marketer.post(reverse("segment_complete"), {"query": "net_s", "caret": "5"}).json()
    assert found["start"] == 0
    assert found["suggestions"][0] == {"text": "net_spend", "label": "Net spend", "kind": "condition"}
    assert marketer.post(reverse("segment_complete"), {"query": "x", "caret": "-1"}).status_code == 200
