"""Serve the editor of a draft: its steps as a tree and, with JavaScript, on a canvas; a panel beside it.

Everything works as plain forms. The canvas sends its tree of ids and kinds; the content of a step is edited only in the
panel.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _t

from analytics.conditions.rules.trees import Node
from analytics.segments.console import forms as rule_forms
from analytics.segments.console.builder import Builder, operations
from analytics.segments.console.builder import offered as conditions_offered
from campaigns.journeys import rules
from campaigns.journeys.console import forms, words
from campaigns.journeys.console.journeys import journey_of, publish_text
from campaigns.journeys.models import Journey
from campaigns.journeys.registry import STEPS, Text
from campaigns.journeys.rules import JourneyDraft, Step, StepValues, step_of
from campaigns.journeys.services import journeys as services
from core.base.actor import of_user
from core.base.errors import DomainError, Invalid
from core.console.views import page, wants_part
from crm.customers.selectors import shop_currency

SETTINGS = "entry"
LARGEST_TREE = 200_000


@page("campaigns.change_journey")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    journey = journey_of(pk)
    selected = request.GET.get("step", SETTINGS)
    steps = rules.by_id(journey.draft["steps"])
    selected = selected if selected in steps else SETTINGS
    show = bool(request.GET.get("problems"))
    problems = services.problems(journey.draft)
    context = {
        "journey": journey,
        "nodes": words.tree(journey.draft["steps"], problems=problems if show else (), selected=selected),
        "selected": selected,
        "entry": words.entry_words(journey.draft),
        "kinds": kinds(),
        "places": _places(journey.draft["steps"], selected),
        "show_problems": show,
        "problems": problems,
        "canvas": _canvas(journey, problems),
        "publish_text": publish_text(journey),
        **panel(request, journey, selected, shown_problems=problems if show else ()),
    }
    return render(request, "campaigns/journeys/journey_edit.html", context)


def _places(steps: list[Step], selected: str) -> list[StepPlace]:
    """Return the places where a step can be added."""
    last = selected if selected in rules.by_id(steps) else (steps[-1]["id"] if steps else "")
    places = [StepPlace("", _t("at the beginning"), not last)]
    for step, depth in rules.walk(steps):
        indent = "\u2003" * depth
        label = services.label_of(step)
        says = words.words_of(step)
        text = f"{label} · {says}" if says else label
        places.append(StepPlace(step["id"], f"{indent}{text[:50]}", step["id"] == last))
        kind = STEPS.get(step["kind"])
        names = dict(kind.arms(step)) if kind else {}
        places += [
            StepPlace(f"{step['id']}:{code}", f"{indent}\u2003{label[:30]} → {names.get(code, code)}")
            for code in step.get("arms", {})
        ]
    return places


@dataclass(frozen=True)
class OfferedKind:
    """Hold a kind of step as the canvas and the form offer it."""

    name: str
    label: str
    icon: str
    group: str


@dataclass(frozen=True)
class StepPlace:
    """Hold a place for a new step: `after` is the id of a step, or id:arm for the beginning of an arm."""

    after: str
    label: str
    chosen: bool = False


def kinds() -> list[OfferedKind]:
    """Return the kinds of steps that can be added."""
    return [OfferedKind(name, str(kind.label), kind.icon, kind.group) for name, kind in STEPS.items()]


def _canvas(journey: Journey, problems: list[services.JourneyProblem]) -> dict[str, Any]:
    """Return the data of the canvas: ids, kinds, names and paths."""
    return {
        "steps": _canvas_steps(journey.draft["steps"]),
        "kinds": [
            {
                "kind": kind.name,
                "label": kind.label,
                "icon": kind.icon,
                "group": kind.group,
                "ways": [[code, str(text)] for code, text in _ways(kind.name)],
            }
            for kind in kinds()
        ],
        "groups": {"do": _t("Do"), "flow": _t("Flow")},
        "problems": sorted({problem.step for problem in problems}),
        "urls": {
            "tree": reverse("journey_tree", args=[journey.pk]),
            "step": reverse("journey_step", args=[journey.pk, "STEP"]),
            "icons": static("vendor/tabler/icons.svg"),
        },
        "texts": {
            "failed": _t("This change could not be saved. Load the page again."),
            "toolbox.title": _t("Steps"),
            "toolbox.search": _t("Search"),
            "controlBar.resetView": _t("Show everything"),
            "controlBar.zoomIn": _t("Larger"),
            "controlBar.zoomOut": _t("Smaller"),
            "controlBar.undo": _t("Undo"),
            "controlBar.redo": _t("Redo"),
            "controlBar.deleteSelectedStep": _t("Remove the selected step"),
            "controlBar.turnOnOffDragAndDrop": _t("Turn dragging on or off"),
        },
    }


def _ways(kind: str) -> Sequence[tuple[str, Text]]:
    """Return the paths of a newly added step."""
    return STEPS[kind].arms(_fresh(kind, "new"))


def _canvas_steps(steps: list[Step]) -> list[dict[str, Any]]:
    nodes = []
    for node, step in zip(words.tree(steps), steps, strict=True):
        text = f"{node.label} · {node.words}" if node.words else node.label
        one: dict[str, Any] = {"id": node.id, "kind": node.kind, "name": text[:60]}
        if node.ways:
            inner = step.get("arms", {})
            one["ways"] = [[way.code, way.label, _canvas_steps(inner.get(way.code, []))] for way in node.ways]
        nodes.append(one)
    return nodes


def _fresh(kind: str, own: str) -> Step:
    """Return a new step with the defaults of its fields."""
    values: dict[str, Any] = {}
    for field in STEPS[kind].fields:
        if field.default is not None:
            values[field.name] = copy.deepcopy(field.default)
        elif field.kind == "arms":
            values[field.name] = [{"code": "a", "label": "", "weight": 50}, {"code": "b", "label": "", "weight": 50}]
        elif field.kind == "rule":
            values[field.name] = {"op": "and", "children": []}
    step = step_of(own, kind, values)
    if arms := STEPS[kind].arms(step):
        step["arms"] = {code: [] for code, _label in arms}
    return step


def panel(
    request: HttpRequest,
    journey: Journey,
    selected: str,
    *,
    shown_problems: Sequence[services.JourneyProblem] = (),
    step: Step | None = None,
    rule: Any = None,
) -> dict[str, Any]:
    """Return the context of the panel for one step, or for the settings."""
    mine = [problem for problem in shown_problems if problem.step == selected]
    errors = {problem.field: problem.message for problem in mine}
    action = reverse("journey_step", args=[journey.pk, selected])
    context: dict[str, Any] = {"journey": journey, "selected": selected, "action": action, "errors": errors}
    if selected == SETTINGS:
        errors |= {problem.field: problem.message for problem in shown_problems if problem.step in ("exit", "goal")}
        return {
            **context,
            "fields": forms.Settings(journey.draft, errors).fields(),
            "heading": _t("Entry and settings"),
        }
    own_step = step or rules.by_id(journey.draft["steps"])[selected]
    values: StepValues = own_step
    kind = STEPS.get(own_step["kind"])
    if kind is None:
        return {**context, "fields": [], "heading": own_step["kind"], "removable": True}
    context |= {
        "step": own_step,
        "heading": str(kind.label),
        "icon_name": kind.icon,
        "fields": forms.step_fields(own_step, errors),
        "note": own_step.get("note", ""),
        "removable": True,
    }
    if any(field.kind == "rule" for field in kind.fields):
        shown = rule if rule is not None else _shown_rule(values.get("rule"))
        places = {name: message for name, message in errors.items() if name.startswith("rule")}
        context |= {
            "root": Builder(shop_currency(), places).show(shown),
            "offered": conditions_offered(),
            "operations": operations(),
        }
    return context


def _shown_rule(rule: Any) -> Node:
    if not rule or not rule.get("children", [rule]):
        return {"op": "and", "children": [rule_forms.EMPTY_LEAF.copy()]}
    return rule_forms.shown_of(rule)


@page("campaigns.change_journey", methods=("GET", "POST"))
def step(request: HttpRequest, pk: int, step_id: str) -> HttpResponse:
    """Show the panel of one step, change it while a rule is built, and save it."""
    journey = journey_of(pk)
    steps = rules.by_id(journey.draft["steps"])
    if step_id != SETTINGS and step_id not in steps:
        raise Http404
    back = f"{reverse('journey_edit', args=[journey.pk])}?step={step_id}"
    if request.method == "GET":
        if not wants_part(request):
            return redirect(back)
        return render(request, "campaigns/journeys/journey_panel.html", panel(request, journey, step_id))
    sent, command = dict(request.POST.lists()), request.POST.get("do", "")
    if step_id == SETTINGS:
        draft = forms.read_settings(journey.draft, sent)
        services.save_draft(
            journey=journey, draft=draft, name=request.POST.get("name") or None, actor=of_user(request.user)
        )
        return _saved(request, back, command)
    currency = shop_currency()
    changed = forms.read_step(steps[step_id], sent, currency)
    if command != "save" and "rule" in changed:
        shown = rule_forms.change(rule_forms.tree_of(sent, currency), command)
        rules.change_values(steps[step_id], changed)
        context = panel(request, journey, step_id, step=steps[step_id], rule=shown)
        if wants_part(request):
            return render(request, "campaigns/journeys/journey_panel.html", context)
        changed["rule"] = rule_forms.rule_of(shown)
    _put(journey, step_id, changed, request)
    return _saved(request, back, command)


def _put(journey: Journey, own: str, changed: StepValues, request: HttpRequest) -> None:
    draft: JourneyDraft = copy.deepcopy(journey.draft)
    rules.change_values(rules.by_id(draft["steps"])[own], changed)
    services.save_draft(journey=journey, draft=draft, actor=of_user(request.user))


def _saved(request: HttpRequest, back: str, command: str) -> HttpResponse:
    """Answer after saving; problems are shown beside the fields once the user has saved explicitly."""
    target = f"{back}&problems=1" if command == "save" else back
    if command == "save":
        messages.success(request, _t("The draft is saved."))
    if wants_part(request):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect(target)


@page("campaigns.change_journey", methods=("POST",))
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a new step after `after`, or first in its path `arm`."""
    journey = journey_of(pk)
    kind = request.POST.get("kind", "")
    if kind not in STEPS:
        raise Invalid(_t("This kind of step does not exist."), field="kind")
    draft = copy.deepcopy(journey.draft)
    own = rules.new_id(draft["steps"])
    after, _colon, arm = request.POST.get("after", "").partition(":")
    if not rules.insert(draft["steps"], _fresh(kind, own), after=after, arm=arm):
        raise Invalid(_t("The position for this step no longer exists."), field="after")
    services.save_draft(journey=journey, draft=draft, actor=of_user(request.user))
    return redirect(f"{reverse('journey_edit', args=[journey.pk])}?step={own}")


@page("campaigns.change_journey", methods=("POST",))
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Move or remove a step: `do` is up:ID, down:ID or remove:ID."""
    journey = journey_of(pk)
    verb, _colon, own = request.POST.get("do", "").partition(":")
    draft = copy.deepcopy(journey.draft)
    if verb == "remove":
        rules.remove(draft["steps"], own)
        own = SETTINGS
    elif verb in ("up", "down"):
        rules.move(draft["steps"], own, -1 if verb == "up" else 1)
    services.save_draft(journey=journey, draft=draft, actor=of_user(request.user))
    return redirect(f"{reverse('journey_edit', args=[journey.pk])}?step={own}")


@page("campaigns.change_journey", methods=("POST",))
def tree(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the tree of the canvas: `[{id, kind, ways: {code: [...]}}]`. Known steps keep their content."""
    journey = journey_of(pk)
    steps_by_id = rules.by_id(copy.deepcopy(journey.draft["steps"]))
    try:
        if len(request.body) > LARGEST_TREE:
            raise ValueError
        steps = _merged(json.loads(request.body), steps_by_id, set())
        saved = services.save_draft(
            journey=journey, draft={**journey.draft, "steps": steps}, actor=of_user(request.user)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return JsonResponse({"error": _t("This change could not be saved. Load the page again.")}, status=400)
    except DomainError as error:
        return JsonResponse({"error": str(error.message)}, status=400)
    problems = services.problems(saved.draft)
    return JsonResponse(
        {"problems": sorted({problem.step for problem in problems}), "steps": _canvas_steps(saved.draft["steps"])}
    )


def _merged(items: Any, steps_by_id: dict[str, Step], used_ids: set[str]) -> list[Step]:
    merged = []
    for item in items:
        own, kind = str(item["id"]), str(item["kind"])
        if own in used_ids or kind not in STEPS:
            raise ValueError(own)
        used_ids.add(own)
        step = steps_by_id.get(own)
        if step is None or step["kind"] != kind:
            step = _fresh(kind, own)
        if ways := item.get("ways"):
            step["arms"] = {str(code): _merged(inner, steps_by_id, used_ids) for code, inner in ways.items()}
        merged.append(step)
    return merged
