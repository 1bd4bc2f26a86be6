"""Handle the shape of a journey: an entry and a tree of steps. Without loops, a run passes each step once and ends.

    {"entry": {"kind": "segment", "segment": 3}, "reentry": {"policy": "never"}, "exit": {"policy": "goal"},
     "goal": {"event": "crm.order_paid", "where": []}, "holdout": 10,
     "window_days": 30,
     "steps": [{"id": "s1", "kind": "wait", "amount": 2, "unit": "days"},
               {"id": "s2", "kind": "branch", "rule": {...}, "arms": {"yes": [{"id": "s3", ...}], "no": []}}]}

After the last step of an arm the run continues after the step that branched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

MAX_STEPS = 100
MAX_DEPTH = 8
# Days after the entry in which goals and orders count for the results.
WINDOW_DAYS = 30
MAX_WINDOW_DAYS = 180
STEP_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,38}")
REENTRY = ("never", "every", "days", "times")
EXIT = ("never", "goal", "unmatched", "both")
ENTRY, END = "entry", "end"


class EventCondition(TypedDict):
    """One condition on a property of an event. `value` is text; "gte" and "lte" compare it as a decimal number."""

    field: str
    operator: Literal["eq", "ne", "gte", "lte"]
    value: str


class Goal(TypedDict):
    """The event that reaches the goal, by key (`crm.order_paid`, `activity:cart`), if all of `where` hold."""

    event: str
    where: list[EventCondition]


class JourneyEntry(TypedDict):
    """How customers enter. `segment` is the id of the segment that they enter, or that limits the entry.

    `event`: `event` and `where`, as in a goal. `segment`: with `members`, the members at publishing enter too. `date`:
    `days` before the `date` (0 to 60) at the customer's local `time`. `occasion`: the same before the day that a code
    of the calendar names: a festival, a day of the shop or the member day. `schedule`: `every` so often at the shop's
    local `time`, on a `weekday` (1 is Monday), a `day` of the month (1 to 28), or once `on` an ISO date. `api`:
    by a call. Times are "HH:MM".
    """

    kind: Literal["event", "segment", "date", "occasion", "schedule", "api"]
    segment: int | None
    event: NotRequired[str]
    where: NotRequired[list[EventCondition]]
    members: NotRequired[bool]
    date: NotRequired[Literal["birthday", "member_day"]]
    occasion: NotRequired[str]
    days: NotRequired[int]
    time: NotRequired[str]
    every: NotRequired[Literal["once", "day", "week", "month"]]
    weekday: NotRequired[int]
    day: NotRequired[int]
    on: NotRequired[str]


class Reentry(TypedDict):
    """Whether a customer enters again: after `value` days, or at most `value` times; 0 for the other policies (J3)."""

    policy: Literal["never", "every", "days", "times"]
    value: int


class JourneyExit(TypedDict):
    """When a run ends early: at the goal, when the customer leaves the entry's segment, at either, or never (J4)."""

    policy: Literal["never", "goal", "unmatched", "both"]


class Step(TypedDict):
    """A step of the tree. `arms` holds the steps of each path by its code; `note` is a name of up to 80 characters.

    The values of the kind's own fields stand beside these keys; a kind reads them as `StepValues`.
    """

    id: str
    kind: str
    note: NotRequired[str]
    arms: NotRequired[dict[str, list[Step]]]


# The fields of a kind of step, by name. Each kind knows its own.
StepValues = Mapping[str, Any]


class JourneyDefinition(TypedDict):
    """A journey as published. `holdout` is the share of customers who get no message, in percent (0 to 90).

    Goals and orders count for `window_days` after a customer enters or is held out.
    """

    entry: JourneyEntry
    reentry: Reentry
    exit: JourneyExit
    goal: Goal | None
    holdout: int
    window_days: int
    steps: list[Step]


class JourneyDraft(TypedDict):
    """A journey that is being edited: the tree of steps is sound, all other values are as entered."""

    entry: dict[str, Any]
    reentry: dict[str, Any]
    exit: dict[str, Any]
    goal: dict[str, Any] | None
    holdout: Any
    window_days: Any
    steps: list[Step]


AnyJourney = JourneyDefinition | JourneyDraft


def step_of(own: str, kind: str, values: StepValues) -> Step:
    """Return a step with the values of its kind."""
    return cast(Step, {"id": own, "kind": kind, **values})


def change_values(step: Step, values: StepValues) -> None:
    """Replace values of the step's kind, or its note."""
    cast(dict[str, Any], step).update(values)


class WrongShape(ValueError):
    """Raise for a wrong shape.

    `step` is the id of the step, or "" when the fault is not in one; `code` names the fault.
    """

    def __init__(self, step: str, code: str) -> None:
        self.step = step
        self.code = code
        super().__init__(f"{step}: {code}")


def check_shape(steps: Any) -> int:
    """Count the steps. Raises WrongShape: not_a_list, not_a_step, wrong_id, id_twice, too_deep, too_many."""
    ids: set[str] = set()
    _check(steps, "", 1, ids)
    return len(ids)


def _check(steps: Any, above: str, depth: int, ids: set[str]) -> None:
    if not isinstance(steps, list):
        raise WrongShape(above, "not_a_list")
    if depth > MAX_DEPTH and steps:
        raise WrongShape(above, "too_deep")
    for step in steps:
        if not isinstance(step, dict) or not isinstance(step.get("kind"), str):
            raise WrongShape(above, "not_a_step")
        own = step.get("id")
        if not isinstance(own, str) or not STEP_ID.fullmatch(own) or own in (ENTRY, END):
            raise WrongShape(above, "wrong_id")
        if own in ids:
            raise WrongShape(own, "id_twice")
        ids.add(own)
        if len(ids) > MAX_STEPS:
            raise WrongShape(own, "too_many")
        arms = step.get("arms", {})
        if not isinstance(arms, dict):
            raise WrongShape(own, "not_a_list")
        for arm in arms.values():
            _check(arm, own, depth + 1, ids)


def walk(steps: Sequence[Step], depth: int = 0) -> Iterator[tuple[Step, int]]:
    """Yield (step, depth) in reading order."""
    for step in steps:
        yield step, depth
        for arm in step.get("arms", {}).values():
            yield from walk(arm, depth + 1)


def by_id(steps: Sequence[Step]) -> dict[str, Step]:
    """Return all steps by id, at every depth."""
    return {step["id"]: step for step, _depth in walk(steps)}


def first(steps: Sequence[Step]) -> str:
    """Return the first step of a run; "" when there is none."""
    return steps[0]["id"] if steps else ""


def flow(steps: Sequence[Step], behind: str = "") -> dict[tuple[str, str], str]:
    """Return {(step, outcome): next step, "" at the end}. An outcome without an arm is stored under ""."""
    targets: dict[tuple[str, str], str] = {}
    for index, step in enumerate(steps):
        after = steps[index + 1]["id"] if index + 1 < len(steps) else behind
        targets[step["id"], ""] = after
        for code, arm in step.get("arms", {}).items():
            targets[step["id"], code] = first(arm) or after
            targets |= flow(arm, after)
    return targets


def follow(ways: dict[tuple[str, str], str], step: str, outcome: str) -> str:
    """Return the step after `step` for an outcome, else its default successor, or "" at the end."""
    return ways.get((step, outcome), ways.get((step, ""), ""))


def order(steps: Sequence[Step]) -> dict[str, int]:
    """Return each step's position in reading order.

    Earlier steps are done first, so that runs meet again after a branch.
    """
    return {step["id"]: place for place, (step, _depth) in enumerate(walk(steps))}


def arm_of(salt: str, customer: int, arms: Sequence[tuple[str, int]]) -> str:
    """Return the customer's arm of a split, the same on every machine at any time (X1). `arms` are (code, weight)."""
    total = sum(weight for _code, weight in arms)
    if total <= 0:
        return arms[0][0] if arms else ""
    place = int(hashlib.sha256(f"{salt}/{customer}".encode()).hexdigest()[:12], 16) % (total * 1000)
    for code, weight in arms:
        place -= weight * 1000
        if place < 0:
            return code
    return arms[-1][0]


def insert(steps: list[Step], step: Step, *, after: str = "", arm: str = "") -> bool:
    """Insert a step after another, or first in one of its arms; first of all without `after`.

    Return False when there is no such place.
    """
    if not after:
        steps.insert(0, step)
        return True
    for index, current in enumerate(steps):
        if current["id"] == after:
            if arm:
                current.setdefault("arms", {}).setdefault(arm, []).insert(0, step)
            else:
                steps.insert(index + 1, step)
            return True
        if any(insert(inner, step, after=after, arm=arm) for inner in current.get("arms", {}).values()):
            return True
    return False


def remove(steps: list[Step], own: str) -> Step | None:
    """Remove a step with all steps below it."""
    for index, step in enumerate(steps):
        if step["id"] == own:
            return steps.pop(index)
        for arm in step.get("arms", {}).values():
            if (removed := remove(arm, own)) is not None:
                return removed
    return None


def move(steps: list[Step], own: str, by: int) -> bool:
    """Move a step up (-1) or down (1) among its neighbours."""
    for index, step in enumerate(steps):
        if step["id"] == own:
            target = index + by
            if not 0 <= target < len(steps):
                return False
            steps[index], steps[target] = steps[target], steps[index]
            return True
        if any(move(arm, own, by) for arm in step.get("arms", {}).values()):
            return True
    return False


def new_id(steps: Sequence[Step]) -> str:
    """Return an unused id; the highest number is never reused, so that a record always refers to one step."""
    numbers = [int(own[1:]) for own in by_id(steps) if re.fullmatch(r"s[0-9]{1,6}", own)]
    return f"s{max(numbers, default=0) + 1}"
