"""Checks of docs/security.md: its tests and attacks exist, and every attack has an ok."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from tests.attack import table
from tests.attack.registry import ATTACKS, Attack, Tally
from tests.attack.subjects import SUBJECTS

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "security.md").read_text()
CHECKLIST = DOCUMENT.partition("## ASVS 5.0, level 2\n")[2]
for subject in SUBJECTS:
    importlib.import_module(f"tests.attack.{subject}")


def rows(text: str) -> list[list[str]]:
    """Return the cells of every line of a table, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| #", "| attack "))]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if not line.startswith("| ---")
    ]


def attacked() -> list[list[str]]:
    return rows(DOCUMENT.partition(table.BEGIN)[2].partition(table.END)[0])


def test_every_test_that_is_named_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)
    missing = [
        f"{path}::{function}"
        for path, function in named
        if not (ROOT / path).exists() or not re.search(rf"^\s*def {function}\(", (ROOT / path).read_text(), re.M)
    ]
    assert len(named) > 100
    assert missing == []


def test_every_attack_that_is_named_exists():
    named = set(re.findall(r"`attack:([\w-]+)`", DOCUMENT))
    assert len(named) > 20
    assert named - set(ATTACKS) == set()


def test_every_attack_has_a_row_that_is_ok():
    results = {row[0]: row for row in attacked()}
    assert set(results) == {*ATTACKS, "afterwards"}
    assert {name: row[5] for name, row in results.items() if row[5] != "ok"} == {}
    for name, attack in ATTACKS.items():
        assert results[name][1] == attack.tried.replace("|", "\\|")
        assert int(results[name][2].replace(",", "")) > 0


# Sections of ASVS 5.0.0 that apply, with the number of their last requirement of level 1 or 2.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "11.1": 2, "11.2": 3, "11.3": 3,
    "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4,
    "16.4": 3, "16.5": 3,
}  # fmt: skip


def numbers(cell: str) -> list[str]:
    """Return the numbers of a cell: one, several, or a range."""
    numbers_of_cell = []
    for part in cell.split(", "):
        first, _dash, last = part.partition(" – ")
        section = first.rpartition(".")[0]
        numbers_of_cell += [
            f"{section}.{n}" for n in range(int(first.rpartition(".")[2]), int((last or first).rpartition(".")[2]) + 1)
        ]
    return numbers_of_cell


def test_every_requirement_of_levels_1_and_2_has_its_row():
    requirements = rows(CHECKLIST)
    listed = [number for row in requirements for number in numbers(row[0])]
    assert len(listed) == len(set(listed))
    assert set(listed) == {f"{section}.{n + 1}" for section, last in SECTIONS.items() for n in range(last)}
    assert all(re.fullmatch(r"[12]|1, 2", row[1]) for row in requirements)


def test_every_row_says_what_shows_it_or_why_nothing_does():
    plain = re.compile(r"^(No test|Not met|Not met by default|Not applicable|In part|Document): .{8}")
    assert [row[0] for row in rows(CHECKLIST) if not row[3].startswith("`") and not plain.match(row[3])] == []


def test_the_table_is_put_between_its_marks_and_nowhere_else(tmp_path, monkeypatch):
    document = tmp_path / "security.md"
    document.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    monkeypatch.setattr(table, "DOCUMENT", document)
    fine, wrong, idle = Tally(), Tally(), Tally()
    fine.count(401, 3)
    wrong.count(200)
    wrong.check(False, "a | got in")
    results = [
        table.AttackResult(Attack(name, "tried", "refused", lambda _site, _tally: None), tally, 1.0)
        for name, tally in (("fine", fine), ("wrong", wrong), ("idle", idle))
    ]
    table.write(results, "make attack")
    text = document.read_text()
    assert text.startswith(f"before\n{table.BEGIN}\n`make attack` on 20")
    assert text.endswith(f"{table.END}\nafter\n")
    assert "old" not in text
    assert "| fine | tried | 3 | refused | 401 ×3 | ok |" in text
    assert "| wrong | tried | 1 | refused | 200 ×1 — a \\| got in | NOT OK |" in text
    # An attack without attempts proves nothing.
    assert "| idle | tried | 0 | refused |  | NOT OK |" in text
