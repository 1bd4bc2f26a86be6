"""An e-mail is composed of blocks: from a ready design, with a picture, by mouse and by keyboard, and saved."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from campaigns.templates.models import Template, TemplateDesign, TemplateDraft
from config.demo.pictures import reward_picture
from core.security.roles import Role
from tests.browser.looking import faults_of

pytestmark = pytest.mark.browser


def shown(page: Page) -> str:
    """Return what the frame of the preview shows, fetched like the browser does."""
    source = page.locator("[data-look-page]").get_attribute("src")
    assert source
    return page.request.get(urljoin(page.url, source)).text()


def kinds(page: Page) -> list[str]:
    return page.locator("[data-design-blocks] > .design-block .design-title > span").all_inner_texts()


def test_an_email_is_composed_of_blocks(signed_in, customer):
    reader = customer("Grace Designs", storefront="grace-designs")
    page = signed_in(Role.MARKETER)
    # given a ready design
    page.goto("/templates/designs/")
    page.get_by_role("button", name="Use “Birthday”").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Birthday")
    assert kinds(page) == ["Header", "Heading", "Text", "Coupon", "Button", "Footer"]
    # when it gets a name and a heading with a field of the customer
    page.get_by_label("Name", exact=True).fill("Birthday with a picture")
    page.locator(".design-title", has_text="Heading").click()
    side = page.locator(".design-block.design-open .design-side").filter(has=page.get_by_text("English", exact=True))
    side.locator("input").fill("All the best, ")
    side.get_by_role("button", name="Insert a field").click()
    page.get_by_label("Instead, if it is empty").fill("you")
    page.locator(".design-popover .variable", has_text="First name").click()
    expect(side.locator("input")).to_have_value("All the best, {{ customer.first_name | default: 'you' }}")
    # then the preview shows it as the chosen customer
    page.locator("#design-as").fill(reader.number)
    page.locator("#design-as").press("Tab")
    expect(page.locator("[data-look-subject]")).to_have_text("Happy birthday, Grace!")
    page.wait_for_timeout(400)
    assert "All the best, Grace" in shown(page)
    # when a picture is added and moved up by keyboard
    page.locator(".design-add").get_by_role("button", name="Picture").click()
    assert kinds(page)[-2:] == ["Picture", "Footer"]
    upload = reward_picture("mug")
    page.locator(".design-block.design-open input[type=file]").set_input_files(
        {"name": "mug.png", "mimeType": "image/png", "buffer": upload.read()}
    )
    expect(page.locator(".design-picture img")).to_have_attribute(
        "src", re.compile(r"^/design-pictures/[0-9a-f]{32}\.(png|jpg)$")
    )
    for place, text in enumerate(("A mug", "一只马克杯")):
        page.locator(".design-block.design-open .design-side").nth(place).locator("input").fill(text)
    page.locator(".design-block.design-open .design-title").first.press("Alt+ArrowUp")
    assert kinds(page)[-3:] == ["Picture", "Button", "Footer"]
    # and a bold word is written into the text
    page.locator(".design-title", has_text="Text").first.click()
    page.locator(".design-rich-text").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Control+b")
    page.keyboard.type(" Really!")
    # and the button is dragged above the picture, and that is undone
    page.locator(".design-title", has_text="Text").first.click()
    page.locator(".design-block").nth(5).locator(".design-grip").drag_to(page.locator(".design-block").nth(4))
    assert kinds(page)[-3:] == ["Button", "Picture", "Footer"]
    page.get_by_role("button", name="Undo").click()
    assert kinds(page)[-3:] == ["Picture", "Button", "Footer"]
    # then it has saved itself
    expect(page.locator("[data-design-state]")).to_contain_text(re.compile("^Saved"))
    draft = TemplateDraft.objects.get(name="Birthday with a picture")
    assert [block["kind"] for block in draft.document["blocks"]][-3:] == ["image", "button", "footer"]
    assert faults_of(page, "the editor") == []
    # when it is saved as a version
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Birthday with a picture")
    # then its e-mail has the picture and the bold word in both languages
    template = Template.objects.get(name="Birthday with a picture")
    english = template.texts.get(language="en").body
    assert re.search(r"<b>\s*Really!</b>|<b>Really!</b>", english.replace("&nbsp;", " "))
    assert 'alt="A mug"' in english
    assert 'alt="一只马克杯"' in template.texts.get(language="zh-hans").body
    assert TemplateDesign.objects.filter(template=template, version=1).exists()
    assert not TemplateDraft.objects.filter(pk=draft.pk).exists()


def test_a_fault_is_shown_at_its_block_and_nothing_is_saved(signed_in, watched):
    # The browser itself tells of each refused request.
    watched.expected += [r"422 .*/publish/", r"409 .*/save/"]
    page = signed_in(Role.MARKETER)
    page.goto("/templates/designs/")
    page.get_by_role("button", name="Use “Flash sale”").click()
    page.locator(".design-title", has_text="Heading").click()
    # when a field is misspelt
    page.locator(".design-block.design-open input").first.fill("Dear {{ customer.nmae }}")
    # then the block says so, with the name that was meant
    fault = page.locator(".design-block.design-wrong .design-fault")
    expect(fault).to_contain_text("customer.name")
    page.get_by_label("Name", exact=True).fill("Wrong flash sale")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[data-design-error]")).to_contain_text("customer.name")
    assert not Template.objects.filter(name="Wrong flash sale").exists()
    # and a second page that saves the same draft hears that another did
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Name", exact=True).fill("Written elsewhere")
    expect(other.locator("[data-design-state]")).to_contain_text(re.compile("^Saved"))
    page.get_by_label("Name", exact=True).fill("Mine")
    expect(page.locator("[data-design-state]")).to_contain_text("has changed this draft")
    assert TemplateDraft.objects.filter(name="Written elsewhere").exists()
    page.evaluate("window.onbeforeunload = null")
