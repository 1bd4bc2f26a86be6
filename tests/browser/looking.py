"""Checks of an open page: it fits the window, it does not shift while loading, axe finds no serious fault."""

from __future__ import annotations

from dataclasses import dataclass

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

# Half of the limit for a good Cumulative Layout Shift.
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
    """Return the faults of a page that was just loaded. `path` is its name in the faults."""
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
    # The rows of a list are similar, and axe checks the colours of each.
    page.evaluate("for (const row of document.querySelectorAll('[data-row]:nth-child(n+6)')) row.remove()")
    # Check folded parts too.
    page.evaluate("for (const fold of document.querySelectorAll('main details')) fold.open = true")
    found = Axe().run(
        page, options={"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    )
    return [
        Fault(path, violation["id"], violation["nodes"][0]["html"][:160])
        for violation in found.response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
