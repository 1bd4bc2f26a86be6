"""Convert a step's values to form fields and back. Entered values are kept; errors are shown beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.segments.console import forms as rule_forms
from analytics.segments.models import Segment
from campaigns.calendar.selectors import occasion_choices
from campaigns.journeys.registry import OPERATORS, STEPS
from campaigns.journeys.rules import MAX_WINDOW_DAYS, WINDOW_DAYS, JourneyDraft, Step, StepValues
from campaigns.journeys.services import journeys as services
from campaigns.journeys.services.events import offered
from core.fields import Field, FieldView, view_of

Lists = Mapping[str, Sequence[str]]
MOST_ARMS = 6
LETTERS = "abcdef"
REENTRY: dict[str, str | Promise] = {
    "never": _("Once per customer"),
    "every": _("Every time, one run at a time"),
    "days": _("Again after a number of days"),
    "times": _("At most a number of times"),
}
EXIT: dict[str, str | Promise] = {
    "never": _("Never: all customers go to the end"),
    "goal": _("When the goal is reached"),
    "unmatched": _("When they leave the segment"),
    "both": _("When the goal is reached or they leave the segment"),
}
WEEKDAYS: tuple[tuple[str, str | Promise], ...] = (
    ("1", _("Monday")), ("2", _("Tuesday")), ("3", _("Wednesday")), ("4", _("Thursday")), ("5", _("Friday")),
    ("6", _("Saturday")), ("7", _("Sunday")),
)  # fmt: skip


def step_fields(step: Step, errors: Mapping[str, str]) -> list[FieldView]:
    """Return the fields of a step's kind with their values; a rule is drawn by the segment builder."""
    values: StepValues = step
    return [
        _view(item, values.get(item.name, item.default), errors)
        for item in STEPS[step["kind"]].fields
        if item.kind != "rule"
    ]


def _view(item: Field, value: Any, errors: Mapping[str, str]) -> FieldView:
    shown = view_of(item, value, error=errors.get(item.name, ""))
    if item.kind == "choice" and item.choices:
        shown.choices = _choices(item.choices(), shown.value)
        shown.value = str(shown.value)
    elif item.kind == "event":
        shown.kind, shown.choices = "choice", _choices(offered(), shown.value)
    elif item.kind == "event_where":
        shown.kind = "where"
        shown.value = [*(value or []), {"field": "", "operator": "eq", "value": ""}][:5]
        shown.choices = _choices(OPERATORS.items(), "eq")
    elif item.kind == "arms":
        shown.value = list(
            value or [{"code": "a", "label": "", "weight": 50}, {"code": "b", "label": "", "weight": 50}]
        )
        if len(shown.value) < MOST_ARMS:
            shown.value.append({"code": "", "label": "", "weight": ""})
    return shown


def _choices(pairs: Iterable[tuple[Any, Any]], value: Any) -> list[tuple[str, str]]:
    """Return the choices, including a chosen one that no longer exists, until it is removed."""
    choices = [(str(code), str(label)) for code, label in pairs]
    if value not in ("", None) and str(value) not in dict(choices):
        choices.append((str(value), _t("(no longer exists)")))
    return choices


def read_step(step: Step, sent: Lists, currency: str) -> dict[str, Any]:
    """Return the submitted values of the step, with its note."""
    changed: dict[str, Any] = {"note": _last(sent, "note").strip()[:80]}
    for item in STEPS[step["kind"]].fields:
        if item.kind == "rule":
            changed[item.name] = rule_forms.rule_of(rule_forms.tree_of(sent, currency))
        elif item.kind == "event_where":
            changed[item.name] = _where(item.name, sent)
        elif item.kind == "arms":
            changed[item.name] = _arms(item.name, sent)
        else:
            text = _last(sent, item.name).strip()
            changed[item.name] = int(text) if item.kind == "number" and text.isdigit() else text
    return changed


def _last(sent: Lists, name: str) -> str:
    values = sent.get(name) or [""]
    return values[-1]


def _where(name: str, sent: Lists) -> list[dict[str, str]]:
    columns = [sent.get(f"{name}_{part}", []) for part in ("field", "operator", "value")]
    rows = [dict(zip(("field", "operator", "value"), row, strict=False)) for row in zip(*columns, strict=False)]
    return [row for row in rows if row["field"].strip() or row["value"].strip()][:5]


def _arms(name: str, sent: Lists) -> list[dict[str, Any]]:
    """Return the arms; a row without a share is removed, and a new row gets the next free letter."""
    rows = zip(*(sent.get(f"{name}_{part}", []) for part in ("code", "label", "weight")), strict=False)
    arms: list[dict[str, Any]] = []
    for code, label, weight in rows:
        if weight.strip():
            arms.append({"code": code, "label": label.strip(), "weight": int(weight) if weight.isdigit() else weight})
    codes = {arm["code"] for arm in arms}
    free = (letter for letter in LETTERS if letter not in codes)
    for arm in arms:
        arm["code"] = arm["code"] or next(free, "")
    return arms[:MOST_ARMS]


@dataclass
class Settings:
    """Hold the settings of a draft: entry, re-entry and exit, without the steps."""

    draft: JourneyDraft
    errors: Mapping[str, str]

    def fields(self) -> list[FieldView]:
        entry, goal = self.draft["entry"], self.draft.get("goal") or {}
        reentry = self.draft["reentry"]
        kind = entry.get("kind") or ""
        none = ("", _t("Choose"))
        segments = [(str(pk), name) for pk, name in Segment.objects.active().order_by("name").values_list("pk", "name")]
        views = [self._choice("kind", _t("Who enters"), kind, [none, *services.ENTRIES.items()])]
        if kind == "event":
            views += [
                self._choice("event", _t("Event"), entry.get("event"), [none, *offered()]),
                FieldView("where", "where", _t("Only when"), [*(entry.get("where") or []), {}][:5],
                      _choices(OPERATORS.items(), "eq"), error=self.errors.get("where", ""), optional=True),
            ]  # fmt: skip
        elif kind in ("date", "occasion"):
            occasion = entry.get("occasion")
            views += [
                self._choice("date", _t("Date"), entry.get("date"), [none, *services.DATES.items()])
                if kind == "date"
                else self._choice("occasion", _t("Festival or day"), occasion, occasion_choices(occasion)),
                FieldView("days", "number", _t("Days before"), entry.get("days") or 0,
                          error=self.errors.get("days", ""), maximum=60),
                FieldView("time", "time", _t("Local time"), entry.get("time") or "10:00",
                          error=self.errors.get("time", "")),
            ]  # fmt: skip
        elif kind == "schedule":
            every = entry.get("every")
            views.append(self._choice("every", _t("How often"), every, [none, *services.EVERY.items()]))
            if every == "week":
                views.append(self._choice("weekday", _t("Day"), entry.get("weekday") or "1", WEEKDAYS))
            elif every == "month":
                views.append(FieldView("day", "number", _t("Day of the month"), entry.get("day") or 1,
                                   error=self.errors.get("day", ""), minimum=1, maximum=28))  # fmt: skip
            elif every == "once":
                views.append(FieldView("on", "date", _t("On"), entry.get("on") or "", error=self.errors.get("on", "")))
            views.append(
                FieldView(
                    "time",
                    "time",
                    _t("Time (shop's time zone)"),
                    entry.get("time") or "10:00",
                    error=self.errors.get("time", ""),
                )
            )
        if kind:
            must = kind in ("segment", "schedule")
            label = _t("Segment") if must else _t("Only in this segment")
            views.append(
                self._choice(
                    "segment", label, entry.get("segment"), [("", _t("Choose") if must else _t("Everyone")), *segments]
                )
            )
        if kind == "segment":
            views.append(
                FieldView(
                    "members", "flag", _t("Current members of the segment enter too"), entry.get("members", False)
                )
            )
        views += [
            self._choice("reentry", _t("Re-entry"), reentry.get("policy"), REENTRY.items()),
            FieldView("reentry_value", "number", _t("Number of days or times"), reentry.get("value") or "",
                      error=self.errors.get("reentry_value", ""), optional=True, maximum=3650),
            FieldView("holdout", "number", _t("Holdout (%)"), self.draft.get("holdout", 0), maximum=90,
                      error=self.errors.get("holdout", ""),
                      help=_t("This share of customers gets no message, so that the effect can be measured.")),
            FieldView("window_days", "number", _t("Measurement window (days)"),
                      self.draft.get("window_days", WINDOW_DAYS), minimum=1, maximum=MAX_WINDOW_DAYS,
                      error=self.errors.get("window_days", ""),
                      help=_t("Goals and orders count for this number of days "
                              "after a customer enters or is held out.")),
            self._choice("exit", _t("Early exit"), self.draft["exit"].get("policy"), EXIT.items(), "policy"),
            self._choice("goal_event", _t("Goal"), goal.get("event"), [("", _t("No goal")), *offered()], "goal"),
            FieldView("goal_where", "where", _t("Only when"), [*(goal.get("where") or []), {}][:5],
                  _choices(OPERATORS.items(), "eq"), optional=True),
        ]  # fmt: skip
        return views

    def _choice(
        self, name: str, label: str, value: Any, choices: Iterable[tuple[Any, Any]], wrong: str = ""
    ) -> FieldView:
        error = self.errors.get(name, "") or self.errors.get(wrong, "")
        code = "" if value is None else str(value)
        return FieldView(name, "choice", label, code, _choices(choices, code), error=error)


def read_settings(draft: JourneyDraft, sent: Lists) -> JourneyDraft:
    """Return the draft with its settings replaced by the submitted ones."""
    kind = _last(sent, "kind")
    segment = _last(sent, "segment")
    entry: dict[str, Any] = {"kind": kind, "segment": int(segment) if segment.isdigit() else None}
    for name in ("event", "date", "occasion", "days", "time", "every", "weekday", "day", "on"):
        if name in sent:
            entry[name] = _last(sent, name).strip()
    if kind == "event":
        entry["where"] = _where("where", sent)
    if kind == "segment":
        entry["members"] = bool(_last(sent, "members"))
    value, holdout = _last(sent, "reentry_value").strip(), _last(sent, "holdout").strip()
    window = _last(sent, "window_days").strip()
    goal = _last(sent, "goal_event")
    return {
        **draft,
        "entry": entry,
        "reentry": {"policy": _last(sent, "reentry"), "value": int(value) if value.isdigit() else 0},
        "exit": {"policy": _last(sent, "exit")},
        "goal": {"event": goal, "where": _where("goal_where", sent)} if goal else None,
        "holdout": int(holdout) if holdout.isdigit() else holdout or 0,
        "window_days": int(window) if window.isdigit() else window or draft.get("window_days", WINDOW_DAYS),
    }
