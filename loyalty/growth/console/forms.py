"""Forms of tasks and badges. Goals of money are typed in major units. Each level is a row; empty rows are left out."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.errors import DomainError
from core.console.forms import RefusableForm, show_refusal
from core.text.currencies import exponent
from crm.orders.rules.money import to_major, to_minor
from loyalty.growth.models import Badge, Measure, Period, Task
from loyalty.growth.rules import LEVELS
from loyalty.growth.services.badges import ICONS
from loyalty.growth.services.tasks import Level
from loyalty.program.models import Program
from loyalty.triggers.registry import TRIGGERS

TASK_FIELDS = (
    "name",
    "name_zh",
    "description",
    "description_zh",
    "icon",
    "season",
    "starts_at",
    "ends_at",
    "join",
    "position",
)
ROWS, SPARE_ROWS = 5, 2
LARGEST = 2**53


def _long(label: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=2000, required=False, widget=forms.Textarea({"rows": 2}))


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


def _icon(initial: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Icon"), choices=[(name, name) for name in ICONS], initial=initial, widget=forms.RadioSelect
    )


def _position() -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Position"), min_value=0, max_value=32767, required=False, help_text=_("Smaller numbers come first.")
    )


class BadgeForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=80)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80, required=False)
    description = _long(_("Description"))
    description_zh = _long(_("Description in Chinese"))
    icon = _icon("award")
    position = _position()
    active = forms.BooleanField(
        label=_("Can be earned"),
        required=False,
        initial=True,
        help_text=_("When off, no more members get it. Members who have it keep it."),
    )

    def __init__(self, data: Any = None, *, badge: Badge | None = None) -> None:
        values = {name: getattr(badge, name) for name in self.base_fields} if badge else {}
        super().__init__(data, initial=values)

    def values(self) -> dict[str, Any]:
        return {**self.cleaned_data, "position": self.cleaned_data.get("position") or 0}


class TaskForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=120, required=False)
    description = _long(_("Description"))
    description_zh = _long(_("Description in Chinese"))
    icon = _icon("list-check")
    counts = forms.ChoiceField(label=_("What counts"))
    measure = forms.ChoiceField(label=_("Measured by"), choices=Measure.choices)
    period = forms.ChoiceField(
        label=_("Resets"),
        choices=Period.choices,
        help_text=_("Progress starts again from 0, and the levels can be reached again."),
    )
    starts_at = _moment(_("Starts"))
    ends_at = _moment(_("Ends"))
    season = forms.CharField(
        label=_("Season"),
        max_length=80,
        required=False,
        help_text=_("For a seasonal challenge. The leaderboard can show one season."),
    )
    join = forms.BooleanField(
        label=_("Members join first"),
        required=False,
        help_text=_("Progress counts only for members who joined in the storefront, from then on."),
    )
    position = _position()

    def __init__(self, data: Any = None, *, program: Program, task: Task | None = None) -> None:
        self.program, self.task = program, task
        badges = Badge.objects.filter(program=program)
        levels = list(task.levels.all()) if task else []
        self.rows = min(max(ROWS, len(levels) + SPARE_ROWS), LEVELS)
        super().__init__(data, initial=self._initial())
        fields: Any = self.fields
        if task:
            # Counts that are already stored would mean something else after a change.
            for fixed in ("counts", "measure", "period"):
                del fields[fixed]
        else:
            fields["counts"].choices = list(_choices())
        for place in range(1, self.rows + 1):
            self._add_row(place, badges)

    def _add_row(self, place: int, badges: Any) -> None:
        goal: dict[str, Any] = {"label": _t("Goal of level %(level)s") % {"level": place}, "required": place == 1}
        if self.task and self.task.measure != Measure.AMOUNT:
            self.fields[f"goal_{place}"] = forms.IntegerField(min_value=1, max_value=LARGEST, **goal)
        else:
            digits = exponent(self.program.currency)
            self.fields[f"goal_{place}"] = forms.DecimalField(
                min_value=Decimal(1).scaleb(-digits), max_digits=15, decimal_places=digits, **goal
            )
        for name, label in (("points", _t("Points")), ("growth", _t("Growth value"))):
            self.fields[f"{name}_{place}"] = forms.IntegerField(
                label=label, min_value=0, max_value=LARGEST, required=False
            )
        self.fields[f"badge_{place}"] = forms.ModelChoiceField(
            label=_t("Badge"), queryset=badges, required=False, empty_label="—"
        )

    def _initial(self) -> dict[str, Any]:
        task = self.task
        if task is None:
            return {"measure": Measure.TIMES, "period": Period.EVER}
        values: dict[str, Any] = {name: getattr(task, name) for name in TASK_FIELDS}
        for level in task.levels.all():
            goal = f"{to_major(level.goal, self.program.currency):f}" if task.measure == Measure.AMOUNT else level.goal
            values |= {
                f"goal_{level.level}": goal,
                f"points_{level.level}": level.points or None,
                f"growth_{level.level}": level.growth or None,
                f"badge_{level.level}": level.badge_id,
            }
        return values

    @property
    def level_rows(self) -> list[list[forms.BoundField]]:
        return [
            [self[f"{name}_{place}"] for name in ("goal", "points", "growth", "badge")]
            for place in range(1, self.rows + 1)
        ]

    @property
    def measure_now(self) -> str:
        return self.task.measure if self.task else self.cleaned_data.get("measure", Measure.TIMES)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        for place in range(1, self.rows + 1):
            goal = values.get(f"goal_{place}")
            if goal is None:
                if any(values.get(f"{name}_{place}") for name in ("points", "growth", "badge")):
                    self.add_error(f"goal_{place}", _t("A level with rewards needs a goal."))
            elif self.measure_now != Measure.AMOUNT and goal != int(goal):
                self.add_error(f"goal_{place}", _t("Use a whole number."))
        return values

    def levels(self) -> list[Level]:
        values = self.cleaned_data
        levels = []
        for place in range(1, self.rows + 1):
            goal = values.get(f"goal_{place}")
            if goal is None:
                continue
            amount = to_minor(goal, self.program.currency) if self.measure_now == Measure.AMOUNT else int(goal)
            levels.append(
                Level(
                    amount,
                    points=values.get(f"points_{place}") or 0,
                    growth=values.get(f"growth_{place}") or 0,
                    badge=values.get(f"badge_{place}"),
                )
            )
        return levels

    def values(self) -> dict[str, Any]:
        """Return the values for the services, without the levels."""
        data = self.cleaned_data
        values = {name: data[name] for name in TASK_FIELDS}
        values["position"] = data.get("position") or 0
        if self.task is None:
            trigger, _colon, kind = data["counts"].partition(":")
            values |= {"trigger": trigger, "event_kind": kind, "measure": data["measure"], "period": data["period"]}
        return values

    def refuse(self, error: DomainError) -> None:
        named = {"levels": "goal_1", "trigger": "counts", "event_kind": "counts"}.get(error.field or "", error.field)
        show_refusal(self, error, named)


def _choices() -> Iterator[tuple[Any, Any]]:
    """Yield a trigger, or a group of its kinds: `activity:review`."""
    for name, trigger in TRIGGERS.items():
        if trigger.kinds is None:
            yield name, trigger.label
        else:
            yield trigger.label, [(f"{name}:{kind}", label) for kind, label in trigger.kinds()]
