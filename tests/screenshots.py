"""Screenshots of the README from a running demo shop: `make up`, then `make screenshots`.

SITE_URL is the address of the shop; DEMO_PASSWORD the password of its logins, if it is not the one of this checkout.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import chromium  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
BOTH = ("en", "zh-hans")
# The font of the browser tests, not the first font of the machine.
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <match><test name="family"><string>sans-serif</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Noto Sans CJK SC</string></edit></match>
  <match><test name="family"><string>sans</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Noto Sans CJK SC</string></edit></match>
</fontconfig>"""


@dataclass(frozen=True)
class Picture:
    """A screenshot of the page at `path`, of the first row of its list, or after the actions of `then`."""

    name: str
    user: str
    path: str
    first: bool = False
    then: Callable[[Page], None] | None = None
    viewport: dict[str, int] | None = None
    theme: str = "light"
    languages: tuple[str, ...] = BOTH


def build_segment(page: Page) -> None:
    """Build a rule: at least 5 orders, and either a net spend of at least 1,500 or no order in 90 days."""
    page.fill("[name=name]", "重点老客 · Regulars to care for")
    choose(page, "rule.children.0", "order_count", "gte")
    page.fill("[name='rule.children.0.value']", "5")
    press(page, "group:rule")
    page.select_option("[name='rule.children.1.op']", "or")
    choose(page, "rule.children.1.children.0", "net_spend", "gte")
    page.fill("[name='rule.children.1.children.0.value']", "1500")
    press(page, "add:rule.children.1")
    choose(page, "rule.children.1.children.1", "orders_90", "eq")
    page.fill("[name='rule.children.1.children.1.value']", "0")
    page.wait_for_selector("#preview .plain-list")


def choose(page: Page, leaf: str, condition: str, operator: str) -> None:
    for name, value in (("condition", condition), ("operator", operator)):
        with reloaded(page):
            page.select_option(f"[name='{leaf}.{name}']", value)


def press(page: Page, command: str) -> None:
    with reloaded(page):
        page.click(f"[name=do][value='{command}']")


@contextmanager
def reloaded(page: Page) -> Iterator[None]:
    """Wait until the server has sent the form again."""
    page.eval_on_selector("#builder", "form => form.dataset.old = 'yes'")
    yield
    page.wait_for_selector("#builder:not([data-old])")


def compose(page: Page) -> None:
    """Begin an e-mail with a ready design, and open its text."""
    page.click("button[name=design][value=after_purchase]")
    page.locator(".design-title").nth(2).click()
    page.wait_for_selector("[data-look-page][src]")
    page.wait_for_load_state("networkidle")


PLATINUM = "/loyalty/members/?tier=platinum"
TAKEN = (
    Picture("home", "admin", "/"),
    Picture("customers", "agent", "/customers/", languages=("en",)),
    Picture("customer", "lead", PLATINUM, first=True),
    Picture("customer-dark", "lead", PLATINUM, first=True, theme="dark", languages=("zh-hans",)),
    Picture("customer-phone", "lead", PLATINUM, first=True, viewport=NARROW),
    Picture("desk", "lead", "/tickets/?state=open", first=True),
    Picture("segment", "marketer", "/segments/new/", then=build_segment),
    Picture("care", "marketer", "/care/", first=True),
    Picture("editor", "marketer", "/templates/designs/", then=compose),
    Picture("calendar", "marketer", "/calendar/"),
    Picture("loyalty", "admin", "/loyalty/"),
)


def password() -> str:
    given = os.environ.get("DEMO_PASSWORD")
    if given:
        return given
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    import django

    django.setup()
    from config.demo.logins import demo_password

    return demo_password()


@contextmanager
def signed_in(browser: Browser, url: str, name: str, secret: str, viewport: dict[str, int]) -> Iterator[Page]:
    context = browser.new_context(base_url=url, viewport=viewport, reduced_motion="reduce", locale="en-GB")
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("[name=login]", name)
    page.fill("[name=password]", secret)
    page.click("main button[type=submit]")
    if page.locator(".sidebar").count() == 0:
        sys.exit(f"{name} can't sign in at {url}: set DEMO_PASSWORD to what the shop printed when it started.")
    yield page
    prefer(page, "en", "auto")
    context.close()


def prefer(page: Page, language: str, theme: str) -> None:
    """Change language and theme through the page, because they belong to the user."""
    page.goto("/preferences/")
    page.select_option("main [name=language]", language)
    page.select_option("main [name=theme]", theme)
    page.click("main button[type=submit]")


def take(page: Page, picture: Picture, language: str) -> Path:
    prefer(page, language, picture.theme)
    page.goto(picture.path)
    if picture.first:
        page.goto(page.locator("[data-rows] [data-row] a[href]").first.get_attribute("href") or picture.path)
    if picture.then:
        picture.then(page)
    page.wait_for_load_state("networkidle")
    path = PICTURES / f"{picture.name}.{'zh' if language == 'zh-hans' else language}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    return path


def main() -> None:
    url = os.environ.get("SITE_URL", "http://localhost:8000").rstrip("/")
    secret = password()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as fonts:
        fonts.write(FONTS)
        fonts.flush()
        os.environ["FONTCONFIG_FILE"] = fonts.name
        with chromium() as browser:
            for picture in TAKEN:
                with signed_in(browser, url, picture.user, secret, picture.viewport or WIDE) as page:
                    for language in picture.languages:
                        path = take(page, picture, language)
                        print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} kB")
    print(f"{sum(path.stat().st_size for path in PICTURES.glob('*.png')) // 1024} kB in all")


if __name__ == "__main__":
    main()
