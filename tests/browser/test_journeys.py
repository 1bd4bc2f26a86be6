"""Journeys: built and published on the canvas, with counts; without JavaScript by the same forms."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from campaigns.journeys.models import Journey
from campaigns.journeys.services.engine import advance_due
from campaigns.journeys.services.entries import enter_by_call
from core.security.roles import Role
from tests.browser.looking import faults_of

pytestmark = pytest.mark.browser


def settings(page: Page) -> None:
    """Choose entry by call; the form shows its fields."""
    page.get_by_label("Who enters").select_option("api")
    save_step(page)
    expect(page.get_by_label("Who enters")).to_have_value("api")


def drop(page: Page, kind: str, hole: int) -> None:
    """Drag a step from the toolbox to a place on the canvas, and wait until it is saved."""
    canvas = page.locator("#journey-canvas")
    saved = int(canvas.get_attribute("data-saved") or 0)
    box = page.locator(".sqd-toolbox-item", has_text=kind).first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 250, box["y"] + 10, steps=5)
    place = page.locator(".sqd-placeholder").nth(hole).bounding_box()
    assert place
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2, steps=8)
    page.mouse.up()
    expect(canvas).to_have_attribute("data-saved", str(saved + 1))


def save_step(page: Page) -> None:
    # The page reloads with the saved step; the message of an earlier save may still be shown.
    with page.expect_navigation():
        page.locator("#step-panel").get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator(".toast-item", has_text="The draft is saved.")).to_be_visible()


def test_a_journey_is_built_on_the_canvas_published_and_its_counts_are_read(signed_in, customer):
    faults: list[str] = []
    page = signed_in(Role.MARKETER)
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto("/journeys/new/")
    page.get_by_label("Name", exact=True).fill("On the canvas")
    page.get_by_role("button", name="Create draft", exact=True).first.click()
    settings(page)
    expect(page.locator(".sqd-toolbox-item").first).to_be_visible()
    assert faults_of(page, "canvas") == []

    drop(page, "Tag", 0)
    expect(page.locator("#step-panel .panel-title")).to_contain_text("Tag")
    # An early publication shows what is missing at the step.
    page.get_by_role("button", name="Publish").click()
    page.locator("[data-confirm-yes]").click()
    expect(page.locator("#journey-tree .step-wrong")).to_contain_text("Fill this in.")
    page.locator("#step-panel").get_by_label("Tag").fill("from the canvas")
    save_step(page)
    drop(page, "Open a ticket", 1)
    page.locator("#step-panel").get_by_label("Subject").fill("Greet them")
    page.locator("#step-panel").get_by_label("Task description").fill("Say hello.")
    save_step(page)
    page.get_by_role("button", name="Publish").click()
    page.locator("[data-confirm-yes]").click()
    expect(page.get_by_text("is published as version 1")).to_be_visible()

    journey = Journey.objects.get(name="On the canvas")
    assert [step["kind"] for step in journey.version.definition["steps"]] == ["tag", "ticket"]
    enter_by_call(journey=journey, customer=customer("Ada Canvas", storefront="ada-canvas"), key="1")
    advance_due()
    # The page reloads itself.
    expect(page.locator("[data-step] .step-counts").first).to_contain_text("1 done", timeout=15_000)
    expect(page.locator("[data-step] .step-counts").nth(1)).to_contain_text("1 done")
    page.reload()
    page.locator("[data-row] a.person-name").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada Canvas")
    assert faults_of(page, "one person's way") == []
    expect(page.locator(".trail")).to_contain_text("from the canvas")
    assert faults == []


def test_without_scripts_the_same_is_done_by_forms(signed_in):
    page = signed_in(Role.MARKETER, java_script_enabled=False)
    page.goto("/journeys/new/")
    page.get_by_label("Name", exact=True).fill("By forms")
    page.get_by_role("button", name="Create draft", exact=True).first.click()
    expect(page.locator("#journey-canvas")).to_be_hidden()
    settings(page)
    page.locator("#add-kind").select_option("wait")
    page.get_by_role("button", name="Add step").click()
    page.locator("#step-panel").get_by_label("For").fill("3")
    save_step(page)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("is published as version 1")).to_be_visible()
    journey = Journey.objects.get(name="By forms")
    assert journey.version.definition["steps"] == [{"id": "s1", "kind": "wait", "amount": 3, "unit": "days"}]


def test_a_phone_shows_the_tree_instead_of_the_canvas(signed_in):
    page = signed_in(Role.MARKETER, viewport={"width": 390, "height": 844})
    page.goto("/journeys/new/")
    page.get_by_role("button", name="Create a draft of").first.click()
    expect(page.locator("#journey-canvas")).to_be_hidden()
    expect(page.locator("#journey-tree [data-step]").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
