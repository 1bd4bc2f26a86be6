"""Every error code that the product can raise is asserted by at least one test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("core", "crm", "loyalty", "analytics", "campaigns")
# Calls whose `code` names a row, not a refusal.
OF_ROWS = {"create_task", "create_badge", "get_or_create", "filter", "get", "create", "Chart"}
REFUSED_IN_SQL = re.compile(r"_refuse\('(\w+)'[,)]")


def raised() -> dict[str, str]:
    """Return {code: place} of exceptions in Python and refusals in SQL."""
    places: dict[str, str] = {}
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                for keyword in node.keywords:
                    value = getattr(keyword.value, "value", None)
                    if keyword.arg == "code" and isinstance(value, str) and name not in OF_ROWS:
                        places[value] = f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / app).rglob("*.sql")):
            places |= {code: str(path.relative_to(ROOT)) for code in REFUSED_IN_SQL.findall(path.read_text())}
    return places


def test_each_code_is_asserted_somewhere():
    codes = raised()
    assert len(codes) > 150
    assert {"insufficient_points", "order_differs", "journey_not_running", "idempotency_key_reused"} <= set(codes)
    texts = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    assert {code: where for code, where in codes.items() if not re.search(rf"""["']{code}["']""", texts)} == {}
