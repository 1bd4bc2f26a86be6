"""What a kind of step is. Each is one file here and one registration in `campaigns.extensions`:

    STEPS.register("tag", TagStep())

A kind works on a whole batch: all runs that stand at the same step of the same version and are due. It is called inside the
transaction that writes the step's record, once for each run, so what it writes into the database happens once (J2, F2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise

from core.registry import Registry

Step = dict[str, Any]
Choices = Sequence[tuple[str, str | Promise]]
Text = str | Promise


@dataclass(frozen=True)
class Field:
    """One value of a step. kind: number, text, long, time, choice, event, where, rule, arms, flag."""

    name: str
    kind: str
    label: Text
    choices: Callable[[], Choices] | None = None
    required: bool = True
    default: Any = None
    minimum: int = 0
    maximum: int = 1_000_000
    help: Text = ""


@dataclass(frozen=True)
class Run:
    """One customer at this step."""

    id: int
    customer: int
    number: int
    entered_at: datetime
    step_at: datetime
    waits_until: datetime | None = None
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """Until when at most, and for which event (its key)."""

    until: datetime
    event: str = ""


@dataclass
class Batch:
    """The runs at one step. `learned` is what a step leaves in a run's context for those after it."""

    journey: int
    name: str
    version: int
    definition: dict[str, Any]
    step: Step
    runs: Sequence[Run]
    now: datetime
    learned: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"journey:{self.journey}"

    @property
    def customers(self) -> list[int]:
        return sorted({run.customer for run in self.runs})

    def cause(self, run: Run) -> str:
        """The natural key of this step of this run, for what keeps one of its own (L7)."""
        return f"journey:{self.journey}:run:{run.id}:{self.step['id']}"


class StepKind:
    """`effects`: it changes something, so a trial run shows it without doing it. `ends`: the run is over here (EndReason)."""

    label: Text = ""
    icon: str = "circle"
    group: str = "do"
    fields: Sequence[Field] = ()
    effects: bool = False
    ends: str = ""

    def arms(self, step: Step) -> Sequence[tuple[str, Text]]:
        """(code, label) of its ways on; none when there is one."""
        return ()

    def wait(self, batch: Batch) -> dict[int, Wait]:
        """By run, how long those who arrive stay before `act`; who is not named goes on at once."""
        return {}

    def act(self, batch: Batch) -> dict[int, str | None]:
        """Do it. By run how it came out (an arm's code where there are arms, "" when done); None: keep on waiting."""
        return {run.id: "" for run in batch.runs}

    def check(self, step: Step) -> Iterable[tuple[str, Text]]:
        """(field, what is wrong) beyond what the fields themselves say; asked when a journey is published."""
        return ()

    def words(self, step: Step) -> str:
        """The step in a few plain words, in the reader's language."""
        return ""

    def outcome_label(self, outcome: str) -> Text:
        return outcome


STEPS: Registry[StepKind] = Registry("journey step")
