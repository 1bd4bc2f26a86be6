"""The registry of attacks, and the tally of one attack."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.attack.site import Site


class Tally:
    """Counts of the outcomes, notes for the table, and violations."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.notes: list[str] = []
        self.wrong: list[str] = []
        self._lock = threading.Lock()

    def count(self, outcome: object, times: int = 1) -> None:
        with self._lock:
            self.outcomes[str(outcome)] += times

    def note(self, text: str) -> None:
        self.notes.append(text)

    def check(self, fine: object, otherwise: str) -> None:
        if not fine:
            self.wrong.append(otherwise)

    def only(self, allowed: Iterable[object]) -> None:
        """Check that there were no other outcomes."""
        others = {name: count for name, count in self.outcomes.items() if name not in {str(one) for one in allowed}}
        self.check(not others, f"came back: {others}")

    @property
    def attempts(self) -> int:
        return self.outcomes.total()

    def happened(self) -> str:
        counted = ", ".join(f"{name} ×{count:,}" for name, count in self.outcomes.most_common(8))
        if len(self.outcomes) > 8:
            counted += ", …"
        return "; ".join([counted, *self.notes] if counted else self.notes)


@dataclass(frozen=True)
class Attack:
    name: str
    tried: str
    expected: str
    run: Callable[[Site, Tally], None] = field(repr=False)


ATTACKS: dict[str, Attack] = {}


def attack(name: str, tried: str, expected: str) -> Callable[[Callable[[Site, Tally], None]], Callable]:
    """Register a function `(site, tally)` under `name`. `tried` and `expected` describe it in a sentence each."""

    def register(function: Callable[[Site, Tally], None]) -> Callable[[Site, Tally], None]:
        if name in ATTACKS:
            raise ValueError(f"There are two attacks named {name}.")
        ATTACKS[name] = Attack(name, tried, expected, function)
        return function

    return register
