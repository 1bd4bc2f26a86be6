"""Define kinds of journey steps. Each is one file here and one registration in `campaigns.extensions`:

    STEPS.register("tag", TagStep())

A kind works on a whole batch: all due runs at the same step of the same version. It is called inside the transaction
that writes the step's record, once per run, so its writes to the database happen once (J2, F2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.journeys.rules import JourneyDefinition, Step, StepValues
from core.base.registry import Registry
from core.fields import Errors, Field, Text

ERRORS: Errors = {"out_of_range": ("out_of_range", _("Use a number from %(low)s to %(high)s."))}
OPERATORS: dict[str, Text] = {
    "eq": _("is"),
    "ne": _("is not"),
    "gte": _("is at least"),
    "lte": _("is at most"),
}


@dataclass(frozen=True)
class Run:
    """Hold one customer at this step."""

    id: int
    customer: int
    number: int
    entered_at: datetime
    step_at: datetime
    waits_until: datetime | None = None
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """Hold a wait: its latest end, and the key of the event that may end it earlier."""

    until: datetime
    event: str = ""


@dataclass
class StepBatch:
    """Hold the runs at one step. `learned` is what a step adds to a run's context for later steps."""

    journey: int
    name: str
    version: int
    definition: JourneyDefinition
    step: Step
    runs: Sequence[Run]
    now: datetime
    learned: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def values(self) -> StepValues:
        """Return the values of the step's kind."""
        return self.step

    @property
    def origin(self) -> str:
        return f"journey:{self.journey}"

    @property
    def customers(self) -> list[int]:
        return sorted({run.customer for run in self.runs})

    def cause(self, run: Run) -> str:
        """Return the natural key of this step of this run, for services that need their own key (L7)."""
        return f"journey:{self.journey}:run:{run.id}:{self.step['id']}"


class StepKind:
    """Define a kind of step.

    `effects`: the step changes something, so a trial run shows it without doing it. `ends`: the run ends here
    (EndReason).
    """

    label: Text = ""
    icon: str = "circle"
    group: str = "do"
    fields: Sequence[Field] = ()
    effects: bool = False
    ends: str = ""

    def arms(self, values: StepValues) -> Sequence[tuple[str, Text]]:
        """Return (code, label) of the paths after the step; empty when there is only one."""
        return ()

    def wait(self, batch: StepBatch) -> dict[int, Wait]:
        """Return by run how long it waits before `act`; a run that is left out continues immediately."""
        return {}

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        """Do the step.

        Return the outcome by run: an arm's code if there are arms, "" when done, None to keep waiting.
        """
        return {run.id: "" for run in batch.runs}

    def check(self, values: StepValues) -> Iterable[tuple[str, Text]]:
        """Yield (field, message) for problems beyond the fields themselves; called when a journey is published."""
        return ()

    def words(self, values: StepValues) -> str:
        """Return a short description of the step, in the reader's language."""
        return ""

    def outcome_label(self, outcome: str) -> Text:
        return outcome


STEPS: Registry[StepKind] = Registry("journey step")
