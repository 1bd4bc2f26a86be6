"""Segments: built with nested groups, counted while building, saved and computed; also without JavaScript."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db.models import Q
from playwright.sync_api import Page, Route, expect

from analytics.features.models import CustomerFeature
from analytics.segments.models import Segment
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from core.base.actor import SYSTEM
from core.security.roles import Role

pytestmark = pytest.mark.browser


def expected_ids() -> set[int]:
    """Return the ids of customers with one order, or with at least three orders and a spend of at least 200.00."""
    wanted = Q(order_count=1) | Q(order_count__gte=3, net_spend__gte=20_000)
    return set(CustomerFeature.objects.filter(wanted, customer__state="active").values_list("customer_id", flat=True))


def build(page: Page, name: str) -> None:
    """Build a rule: orders = 1, or (orders >= 3 and net spend >= 200)."""
    page.goto("/segments/new/")
    page.get_by_label("Name of the segment").fill(name)
    page.get_by_label("How many of these must hold").first.select_option("or")
    choose(page, 0, "order_count", "eq", "1")
    page.locator(".rule-group > .rule-add").get_by_role("button", name="Group").last.click()
    inner = page.locator(".rule-group .rule-group")
    expect(inner.locator(".rule-leaf")).to_have_count(1)
    inner.get_by_label("How many of these must hold").select_option("and")
    inner.get_by_role("button", name="Condition", exact=True).click()
    expect(inner.locator(".rule-leaf")).to_have_count(2)
    choose(page, 1, "order_count", "gte", "3")
    choose(page, 2, "net_spend", "gte", "200")


def choose(page: Page, place: int, condition: str, operator: str, value: str) -> None:
    leaf = page.locator(".rule-leaf").nth(place)
    with form_reloaded(page):
        leaf.get_by_label("Condition", exact=True).select_option(condition)
    with form_reloaded(page):
        leaf.get_by_label("Comparison").select_option(operator)
    expect(leaf.get_by_label("Comparison")).to_have_value(operator)
    leaf.locator(".rule-input input").fill(value)


@contextmanager
def form_reloaded(page: Page) -> Iterator[None]:
    """Wait for the form after a choice; without JavaScript, press the update button."""
    form = page.locator("#builder")
    form.evaluate("form => form.dataset.old = 'yes'")
    yield
    update = page.get_by_role("button", name="Update and count")
    if update.count():
        update.click()
    expect(page.locator("#builder[data-old]")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_nested_groups_live_count_save_and_members(signed_in, scripts):
    wanted = expected_ids()
    assert wanted
    name = f"Once or devoted ({scripts})"
    page = signed_in(Role.MARKETER, java_script_enabled=scripts)
    build(page, name)
    if not scripts:
        page.get_by_role("button", name="Update and count").click()
    expect(page.locator("#preview .big-figure")).to_have_text(re.compile(rf"^\s*{len(wanted)} customers?\s*$"))
    expect(page.locator("#preview .rule-words")).to_contain_text("Any of these")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    expect(page.get_by_text("Not computed yet").first).to_be_visible()

    segment = Segment.objects.get(name=name)
    assert segment.rule["op"] == "or"
    assert [child.get("op", child.get("condition")) for child in segment.rule["children"]] == ["order_count", "and"]
    segment_runs.compute_segments([segment.pk])
    if scripts:
        # The page polls every two seconds and shows the members itself.
        expect(page.locator("[data-row]").first).to_be_visible()
    page.reload()
    expect(page.locator(".big-figure")).to_contain_text(str(len(wanted)))
    first = page.locator("[data-row]").first
    expect(first).to_be_visible()
    number = first.locator("small").inner_text()
    page.get_by_label("Customer", exact=True).fill(number)
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#why")).to_contain_text("matches the rule")


def test_nothing_typed_while_an_answer_is_awaited_is_lost(signed_in):
    # given two conditions, and a slow server
    page = signed_in(Role.MARKETER)
    page.goto("/segments/new/")
    choose(page, 0, "net_spend", "gte", "1")
    with form_reloaded(page):
        page.get_by_role("button", name="Condition", exact=True).last.click()
    choose(page, 1, "order_count", "gte", "2")
    first, second = (page.locator(".rule-leaf").nth(place) for place in (0, 1))
    held: list[Route] = []
    page.route("**/segments/new/", lambda route: held.append(route), times=1)

    # when the first comparison changes, and other input follows before the answer
    first.get_by_label("Comparison").select_option("lte")
    page.get_by_label("Name of the segment").fill("Typed meanwhile")
    second.get_by_label("Comparison").select_option("eq")
    second.locator(".rule-input input").fill("")
    page.keyboard.type("37", delay=20)
    page.get_by_role("button", name="Condition", exact=True).last.click()
    second.locator(".rule-input input").focus()
    page.wait_for_timeout(200)
    held[0].continue_()

    # then all input is kept, and the form has the second comparison and the third condition
    expect(page.locator(".rule-leaf")).to_have_count(3)
    expect(first.get_by_label("Comparison")).to_have_value("lte")
    expect(first.locator(".rule-input input")).to_have_value("1.00")
    expect(second.get_by_label("Comparison")).to_have_value("eq")
    expect(second.locator(".rule-input input")).to_have_value("37")
    expect(second.locator(".rule-input input")).to_be_focused()
    expect(page.get_by_label("Name of the segment")).to_have_value("Typed meanwhile")


def test_what_is_typed_while_a_condition_goes_stays_with_its_own_condition(signed_in):
    page = signed_in(Role.MARKETER)
    page.goto("/segments/new/")
    choose(page, 0, "net_spend", "gte", "1")
    for place in (1, 2):
        with form_reloaded(page):
            page.get_by_role("button", name="Condition", exact=True).last.click()
        choose(page, place, "order_count", "gte", str(place + 1))
    held: list[Route] = []
    page.route("**/segments/new/", lambda route: held.append(route))

    page.get_by_role("button", name="Remove the condition").nth(1).click()
    page.locator(".rule-leaf").nth(2).locator(".rule-input input").fill("99")
    page.wait_for_timeout(100)
    held[0].continue_()

    expect(page.locator(".rule-leaf")).to_have_count(2)
    inputs = page.locator(".rule-input input")
    expect(inputs.nth(0)).to_have_value("1.00")
    expect(inputs.nth(1)).to_have_value("99")
    expect(page.locator("#preview .rule-words")).to_contain_text("99")


def test_a_rule_with_gaps_is_not_saved_and_says_where(signed_in):
    page = signed_in(Role.MARKETER)
    page.goto("/segments/new/")
    page.get_by_label("Name of the segment").fill("Unfinished")
    choose(page, 0, "net_spend", "gte", "lots")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_contain_text("not saved yet")
    expect(page.locator(".rule-leaf .field-error").first).to_be_visible()
    expect(page.locator(".rule-leaf .rule-input input")).to_have_value("lots")
    assert not Segment.objects.filter(name="Unfinished").exists()


def test_archiving_says_how_many_leave_first(signed_in, shop):
    segment = segments.create_segment(
        name="To be archived",
        rule={"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]},
        actor=SYSTEM,
    )
    segment_runs.compute_segments([segment.pk])
    segment.refresh_from_db()
    page = signed_in(Role.MARKETER)
    page.goto(f"/segments/{segment.pk}/")
    page.get_by_role("button", name="Archive").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text(f"{segment.size} customers will leave")
    question.get_by_role("button", name="Cancel").click()
    segment.refresh_from_db()
    assert segment.state == "active"
    page.get_by_role("button", name="Archive").click()
    question.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("“To be archived” is archived.")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_same_rule_as_text_and_back(signed_in, scripts):
    page = signed_in(Role.MARKETER, java_script_enabled=scripts)
    name = f"Written ({scripts})"
    build(page, name)
    page.get_by_role("button", name="As text").click()
    text = page.get_by_label("The rule as text")
    expect(text).to_have_value("order_count = 1 or (order_count >= 3 and net_spend >= 200)")

    # the error is shown below the text with its position, and nothing is saved
    text.fill("order_count = 1 or (order_count >= 3 and\nnet_spnd >= 200)")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#query-wrong")).to_contain_text("Line 2, column 1")
    expect(page.locator("#query-wrong mark")).to_have_text("net_spnd")
    expect(page.locator("#query-wrong")).to_contain_text("net_spend")
    assert not Segment.objects.filter(name=name).exists()

    # and after a correction, it is the same rule as conditions
    text.fill("order_count = 1 or (order_count >= 3 and net_spend >= 250.50)")
    page.get_by_role("button", name="As conditions").click()
    expect(page.locator(".rule-leaf")).to_have_count(3)
    expect(page.locator(".rule-leaf").nth(2).locator(".rule-input input")).to_have_value("250.50")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    rule = Segment.objects.get(name=name).rule
    assert rule["children"][1]["children"][1] == {"condition": "net_spend", "operator": "gte", "value": 25_050}


def test_suggestions_complete_what_is_written(signed_in):
    page = signed_in(Role.MARKETER)
    page.goto("/segments/new/?template=one_time")
    page.get_by_role("button", name="As text").click()
    text = page.get_by_label("The rule as text")
    expect(text).to_have_value("order_count = 1")
    text.fill("")
    options = page.get_by_role("option")
    for typed, offered, wanted in (
        ("net_sp", "net_spend", "net_spend "),
        (">= 5 an", "and", "net_spend >= 5 and "),
        ("stage in (at", "at_risk", "net_spend >= 5 and stage in (at_risk "),
    ):
        text.press_sequentially(typed)
        expect(options.first).to_contain_text(offered)
        text.press("ArrowDown")
        text.press("Enter")
        expect(text).to_have_value(wanted)
    text.press_sequentially(")")
    text.press("Escape")
    expect(page.locator("#query-wrong")).to_be_empty()
    expect(page.locator("#preview .rule-words")).to_contain_text("At risk")
