"""What is wrong with a page that is open: it is wider than the window, it jumped while loading, axe finds it serious."""

from __future__ import annotations

from dataclasses import dataclass

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

# Half of what Cumulative Layout Shift calls good.
STILL = 0.05
JUMPS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 60);
})"""


@dataclass(frozen=True)
class Fault:
    path: str
    what: str
    where: str = ""


def faults_of(page: Page, path: str, *, axe: bool = True) -> list[Fault]:
    """Of a page that was just loaded; `path` is what it is called in the answer."""
    found: list[Fault] = []
    shift = page.evaluate(JUMPS)
    if shift > STILL:
        found.append(Fault(path, f"jumps by {shift:.2f}"))
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if wider > 0:
        found.append(Fault(path, f"{wider} px wider than the window"))
    return found + serious(page, path) if axe else found


def serious(page: Page, path: str) -> list[Fault]:
    expect(page.locator(".htmx-request")).to_have_count(0)
    # The rows of a list are alike, and axe weighs each of their colours.
    page.evaluate("for (const row of document.querySelectorAll('[data-row]:nth-child(n+6)')) row.remove()")
    # What is folded away is read as well.
    page.evaluate("for (const fold of document.querySelectorAll('main details')) fold.open = true")
    found = Axe().run(
        page, options={"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    )
    return [
        Fault(path, violation["id"], violation["nodes"][0]["html"][:160])
        for violation in found.response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
