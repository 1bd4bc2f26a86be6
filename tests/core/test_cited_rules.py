"""Every rule and fault code that is cited in code, tests or documents exists in docs/rules.md or docs/faults.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = (
    "config",
    "core",
    "crm",
    "loyalty",
    "analytics",
    "campaigns",
    "templates",
    "tests",
    "bench",
    "clients",
    "docs",
)
CITED = re.compile(r"(?<![\w.#/-])([LTCJXSIDPAF]\d{1,2})(?![\w.-]*[\w])")

WRITTEN = re.compile(r"^(?:- |\| )([LTCJXSIDPAF]\d{1,2})(?:\.| \|)", re.MULTILINE)
UNTESTED = {"F20", "F21"}


def written() -> set[str]:
    return {code for name in ("rules", "faults") for code in WRITTEN.findall((ROOT / f"docs/{name}.md").read_text())}


def comments(path: Path) -> str:
    """Return the parts of a file with citations: comments and docstrings, or a whole document."""
    text = path.read_text()
    if path.suffix == ".py":
        return "\n".join(re.findall(r'#.*|"""[\s\S]*?"""', text))
    if path.suffix == ".sql":
        return "\n".join(re.findall(r"--.*", text))
    return text if path.suffix == ".md" else "\n".join(re.findall(r"\{#.*?#\}", text))


def cited(folder: str) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in {".py", ".sql", ".md", ".html"} and "migrations" not in path.parts:
            for code in CITED.findall(comments(path)):
                places.setdefault(code, []).append(str(path.relative_to(ROOT)))
    return places


def test_the_pages_have_every_rule_and_fault():
    codes = written()
    assert {"L1", "L13", "T5", "C7", "J8", "X3", "S5", "I4", "D4", "P6", "A7", "F1", "F23"} <= codes
    assert len(codes) == 62 + 23


def test_each_cited_code_is_written():
    codes = written()
    unknown = {code: places for folder in FOLDERS for code, places in cited(folder).items() if code not in codes}
    assert unknown == {}


def test_each_fault_is_cited_by_a_test():
    faults = {code for code in written() if code.startswith("F")}
    assert faults - set(cited("tests")) == UNTESTED
