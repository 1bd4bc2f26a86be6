"""The table of a run: printed, or written between the two marks in docs/security.md."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.attack.registry import Attack, Tally

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- attacks: begin -->", "<!-- attacks: end -->"
HEAD = ["attack", "what was tried", "attempts", "expected", "what happened", "result"]


@dataclass(frozen=True)
class AttackResult:
    attack: Attack
    tally: Tally
    seconds: float

    @property
    def fine(self) -> bool:
        return not self.tally.wrong and self.tally.attempts > 0

    def cells(self) -> list[str]:
        happened = self.tally.happened()
        if self.tally.wrong:
            happened += " — " + "; ".join(self.tally.wrong[:3])
        words = [self.attack.tried, f"{self.tally.attempts:,}", self.attack.expected, happened]
        return [self.attack.name, *words, "ok" if self.fine else "NOT OK"]


def markdown(results: Iterable[AttackResult]) -> str:
    rows = [HEAD, ["---"] * len(HEAD), *(result.cells() for result in results)]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows
    )


def write(results: list[AttackResult], command: str) -> None:
    """Replace the text between the marks. The rest of the document stays unchanged."""
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    attempts, seconds = sum(result.tally.attempts for result in results), sum(result.seconds for result in results)
    said = (
        f"`{command}` on {time.strftime('%Y-%m-%d')}: {len(results)} attacks, {attempts:,} attempts, {seconds:.0f} s."
    )
    DOCUMENT.write_text(f"{before}{BEGIN}\n{said}\n\n{markdown(results)}\n{END}{after}")
