"""Pages of segments: the list, one segment with its members, the builder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any

import structlog
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from analytics.conditions import labels as phrases
from analytics.conditions.registry import CONDITIONS
from analytics.conditions.rules import query_tokens as conditions_query_tokens
from analytics.conditions.rules.query_tokens import MAX_LENGTH
from analytics.conditions.rules.trees import Leaf, Node
from analytics.conditions.services import query
from analytics.conditions.services.compilation import unknown_skus_of
from analytics.features import selectors as features_selectors
from analytics.features.registry import REACH
from analytics.segments import selectors
from analytics.segments.console import forms
from analytics.segments.console.builder import Builder, offered, operations
from analytics.segments.console.listing import SEGMENTS
from analytics.segments.console.lists import edit_list
from analytics.segments.console.query_text import Wrong, manual, said
from analytics.segments.console.uploads import KINDS, recent
from analytics.segments.models import Segment, SegmentKind, SegmentState
from analytics.segments.registry import SEGMENT_ACTIONS, SegmentAction
from analytics.segments.services import figures as segments_figures
from analytics.segments.services import segments as services
from analytics.segments.services.presets import TEMPLATES
from core.base.actor import of_user
from core.base.errors import DomainError
from core.base.zones import parse_day
from core.console.views import may, page, viewer, wants_part
from core.db import paging
from core.jobs.queueing import enqueue_after_commit
from core.lists.showing import respond
from core.text.formatting import number
from crm.customers.models import Customer
from crm.customers.selectors import shop_currency

log = structlog.get_logger("liuke.console")
PAGE = 50
SAMPLE = 10
OTHERS = 200


@dataclass(frozen=True)
class ConditionRow:
    """A condition of the rule in words, with the value of one customer."""

    words: str
    value: str
    met: bool


@page("analytics.view_segment")
def index(request: HttpRequest) -> HttpResponse:
    return respond(SEGMENTS, request, templates=TEMPLATES.items())


@page("analytics.view_segment")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, _segment(pk))


@page("analytics.view_segment")
def reach(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how many members each channel reaches.

    The segment's page loads this part when it is open; without that request header the whole page is returned.
    """
    segment = _segment(pk)
    try:
        figures: dict[str, Any] = {"reach": segments_figures.reach_of_members(segment)}
    except DomainError as error:
        figures = {"reach_refusal": str(error.message)}
    if wants_part(request):
        return render(request, "analytics/segments/segment_reach.html", {"segment": segment, **figures})
    return _show(request, segment, **figures)


def _segment(pk: int) -> Segment:
    return get_object_or_404(Segment.objects.select_related("created_by"), pk=pk)


def _show(request: HttpRequest, segment: Segment, **more: Any) -> HttpResponse:
    currency = shop_currency()
    by_rule = segment.kind == SegmentKind.RULE
    charts = selectors.size_charts(segment)
    context = {
        "segment": segment,
        "by_rule": by_rule,
        "kinds": [] if by_rule else KINDS,
        "uploads": [] if by_rule else recent(segment),
        "words": phrases.tree_words(segment.rule, currency) if by_rule else None,
        "unknown_skus": unknown_skus_of(segment.rule) if by_rule else [],
        "rule_text": query.print_rule(segment.rule, currency) if by_rule else "",
        "currency": currency,
        "charts": charts,
        "active": segment.state == SegmentState.ACTIVE,
        "pending": _pending(segment),
        "may_change": may(request.user, "analytics.change_segment"),
        "archive_text": _archive_text(segment),
        "ways": REACH,
        "sentence": phrases.sentence(segment.rule, currency) if by_rule else "",
        "actions": _actions(request, segment),
        **more,
        **_members_context(request, segment),
        **_reason(segment, request.GET.get("who", "").strip(), currency),
    }
    return render(request, "analytics/segments/segment.html", context)


def _actions(request: HttpRequest, segment: Segment) -> list[tuple[SegmentAction, str]]:
    """Return what this person can do with an active segment, with the addresses."""
    if segment.state != SegmentState.ACTIVE:
        return []
    return [(item, item.url(segment)) for item in SEGMENT_ACTIONS if may(request.user, item.permission)]


def _members_context(request: HttpRequest, segment: Segment) -> dict[str, Any]:
    """Return the list to show: current members, members at the end of a past day, or entries and departures."""
    show, cursor = request.GET.get("show", ""), request.GET.get("cursor")
    if show in {"entered", "left"}:
        since = parse_day(request.GET.get("since", ""))
        rows = selectors.moves(segment, entered=show == "entered", since=since)
        return {
            "show": show,
            "moves_since": since,
            "page": paging.keyset(rows, [f"-{show}_at", "-customer_id"], cursor, PAGE),
        }
    text = request.GET.get("on", "")
    day = parse_day(text)
    if day is None:
        # Joined rows would be sorted as a whole: the page is chosen first, then its customers are read.
        inside = selectors.members(segment).prefetch_related("customer__features")
        return {
            "show": "now",
            "page": paging.keyset(inside, ["-entered_at", "-customer_id"], cursor, PAGE),
            "wrong_day": bool(text),
        }
    end = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
    rows = selectors.members_at(segment, end)
    page_rows = paging.keyset(rows, ["-entered_at", "-customer_id"], cursor, PAGE)
    return {"show": "on", "on": day, "on_count": rows.count(), "page": page_rows}


def _archive_text(segment: Segment) -> str:
    text = ngettext(
        "%(count)s customer will leave “%(name)s”, and it is no longer computed.",
        "%(count)s customers will leave “%(name)s”, and it is no longer computed.",
        segment.size,
    )
    return text % {"count": number(segment.size), "name": segment.name}


def _reason(segment: Segment, who: str, currency: str) -> dict[str, Any]:
    """Explain why one customer is in or out of the segment (S3)."""
    if not who:
        return {"who": ""}
    customer = Customer.objects.active().filter(number=who[:20]).first()
    if customer is None:
        return {"who": who, "nobody": True}
    since = selectors.since_when(segment, customer)
    if segment.kind == SegmentKind.STATIC:
        return {"who": who, "customer": customer, "since": since, "on_list": since is not None}
    reason = segments_figures.explain_rule(segment.rule, customer)
    rows = [
        ConditionRow(phrases.leaf_words(item.leaf, currency), _value(item.leaf, item.value, currency), item.held)
        for item in reason.leaves
    ]
    return {"who": who, "customer": customer, "reason": reason, "reason_rows": rows, "since": since}


def _value(leaf: Leaf, value: Any, currency: str) -> str:
    """Return the customer's value in the words of the rule."""
    condition = CONDITIONS.get(leaf["condition"])
    return phrases.value_words(condition, leaf, value, currency) if condition else ""


@page("analytics.view_segment")
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the poll every two seconds while a computation is pending; reload the page when it is done."""
    segment = get_object_or_404(Segment, pk=pk)
    if _pending(segment):
        return render(request, "analytics/segments/segment_status.html", {"segment": segment, "pending": True})
    return HttpResponse(status=204, headers={"HX-Refresh": "true"})


def _pending(segment: Segment) -> bool:
    return segment.state == SegmentState.ACTIVE and segment.computed_version != segment.version and not segment.error


@page("analytics.add_segment", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _build(request, None)


@page("analytics.change_segment", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.active(), pk=pk)
    return edit_list(request, segment) if segment.kind == SegmentKind.STATIC else _build(request, segment)


@dataclass
class Draft:
    """A submitted rule, by fields or as text. `shown` is None while the text is not a valid rule."""

    mode: str
    shown: Node | None
    query: str = ""
    wrong: Wrong | None = None


def _draft(request: HttpRequest, currency: str) -> Draft:
    """Return the submitted rule. Fields and text give the same tree; a button converts one to the other."""
    command = request.POST.get("do", "")
    if request.POST.get("mode") != "text":
        shown = forms.change(forms.tree_of(dict(request.POST.lists()), currency), command)
        if command == "as_text" and not forms.problems(shown):
            return Draft("text", shown, query.print_rule(forms.rule_of(shown), currency))
        return Draft("form", shown)
    text = request.POST.get("query", "").replace("\r\n", "\n")
    try:
        rule = query.parse_rule(text, currency)
    except conditions_query_tokens.WrongQuery as error:
        return Draft("text", None, text, said(text, error))
    return Draft("form" if command == "as_form" else "text", forms.shown_of(rule), text)


def _build(request: HttpRequest, segment: Segment | None) -> HttpResponse:
    """Show the builder. Each button submits the whole form; the input is shown again with errors beside it."""
    currency = shop_currency()
    errors: dict[str, str] = {}
    if request.method == "GET":
        template = TEMPLATES.get(request.GET.get("template", ""))
        rule = segment.rule if segment else template.rule if template else {"op": "and", "children": [forms.EMPTY_LEAF]}
        draft = Draft("form", forms.shown_of(rule))
        if segment and request.GET.get("mode") == "text":
            draft = Draft("text", draft.shown, query.print_rule(rule, currency))
        name, description = (segment.name, segment.description) if segment else ("", "")
        if template and not segment:
            name, description = str(template.label), str(template.about)
        return _builder(request, segment, draft, currency, name=name, description=description, errors=errors)
    command = request.POST.get("do", "")
    draft = _draft(request, currency)
    name, description = request.POST.get("name", ""), request.POST.get("description", "")
    if command in {"save", "as_text"} and draft.shown is not None:
        errors = forms.problems(draft.shown)
    if command == "save" and draft.shown is not None and not errors:
        saved = _save(request, segment, name, description, draft.shown, errors)
        if saved is not None:
            return saved
    context: dict[str, Any] = {"name": name, "description": description, "errors": errors}
    if command != "save" and not wants_part(request):
        context["preview"] = _preview_context(request, draft, currency)
    return _builder(request, segment, draft, currency, **context)


def _save(
    request: HttpRequest, segment: Segment | None, name: str, description: str, shown: Node, errors: dict[str, str]
) -> HttpResponse | None:
    """Save and redirect to the segment. Return None when it was refused, with the reason in `errors`."""
    rule, actor = forms.rule_of(shown), of_user(request.user)
    try:
        if segment is None:
            saved = services.create_segment(
                name=name, description=description, rule=rule, actor=actor, created_by=viewer(request)
            )
        else:
            saved = services.update_segment(segment=segment, name=name, description=description, rule=rule, actor=actor)
    except DomainError as error:
        errors[error.field or "rule"] = str(error.message)
        return None
    messages.success(request, _t("“%(name)s” is saved.") % {"name": saved.name})
    target = reverse("segment", args=[saved.pk])
    return HttpResponse(status=204, headers={"HX-Redirect": target}) if wants_part(request) else redirect(target)


def _builder(
    request: HttpRequest, segment: Segment | None, draft: Draft, currency: str, *, errors: dict[str, str], **values: Any
) -> HttpResponse:
    root = Builder(currency, errors).show(draft.shown) if draft.mode == "form" and draft.shown else None
    known = {"name", "description", *(_places(root) if root else [])}
    context = {
        "segment": segment,
        "root": root,
        "draft": draft,
        "manual": manual() if draft.mode == "text" else [],
        "others": Segment.objects.active().exclude(pk=segment.pk if segment else None)[:OTHERS],
        "overlap": request.POST.get("overlap", ""),
        "offered": offered(),
        "operations": operations(),
        "errors": errors,
        "other_errors": [text for place, text in errors.items() if place not in known],
        "action": reverse("segment_edit", args=[segment.pk]) if segment else reverse("segment_new"),
        **values,
    }
    part = "analytics/segments/builder.html" if wants_part(request) else "analytics/segments/segment_edit.html"
    return render(request, part, context)


def _places(node: Any) -> set[str]:
    """Return the paths beside which the builder can show an error."""
    if node.is_leaf:
        return {
            node.path, f"{node.path}.condition", f"{node.path}.operator", *(item.name for item in node.inputs),
        }  # fmt: skip
    return {node.path, f"{node.path}.op"}.union(*(_places(child) for child in node.children))


@page("analytics.view_segment", methods=("POST",))
def preview(request: HttpRequest) -> HttpResponse:
    """Show how many customers match a rule now, ten of them, and the rule in words.

    The builder requests this while the rule is being edited.
    """
    currency = shop_currency()
    draft = _draft(request, currency)
    context = {"preview": _preview_context(request, draft, currency), "draft": draft, "live": draft.mode == "text"}
    return render(request, "analytics/segments/preview.html", context)


def _preview_context(request: HttpRequest, draft: Draft, currency: str) -> dict[str, Any]:
    if draft.shown is None or forms.problems(draft.shown):
        return {"unfinished": True}
    rule = forms.rule_of(draft.shown)
    preview: dict[str, Any] = {
        "words": phrases.tree_words(rule, currency),
        "unknown_skus": unknown_skus_of(rule),
    }
    other = _other(request)
    try:
        figures = segments_figures.figures_of(rule, overlap=other.pk if other else None, sample=SAMPLE)
        preview |= {"figures": figures, "count": figures.count, "other": other}
        preview["sample"] = features_selectors.customers_by_ids(figures.sample)
    except DomainError as error:
        preview["refusal"] = str(error.message)
    return preview


def _other(request: HttpRequest) -> Segment | None:
    """Return the segment with which the overlap is requested."""
    chosen = request.POST.get("overlap", "")
    return (
        Segment.objects.active().filter(pk=int(chosen[:18])).first() if chosen.isascii() and chosen.isdigit() else None
    )


@page("analytics.view_segment", methods=("POST",))
def complete(request: HttpRequest) -> HttpResponse:
    """Return the completions at the caret of a rule's text."""
    text = request.POST.get("query", "").replace("\r\n", "\n")[:MAX_LENGTH]
    caret = request.POST.get("caret", "")
    place = int(caret[:6]) if caret.isascii() and caret.isdigit() else len(text)
    completion = query.complete(text, place)
    return JsonResponse({"start": completion.start, "suggestions": [asdict(one) for one in completion.suggestions]})


@page("analytics.change_segment", methods=("POST",))
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.active(), pk=pk)
    services.archive_segment(segment=segment, actor=of_user(request.user))
    messages.success(request, _t("“%(name)s” is archived.") % {"name": segment.name})
    return redirect("segments")


@page("analytics.change_segment", methods=("POST",))
def recompute(request: HttpRequest, pk: int) -> HttpResponse:
    """Try again after a failure, without waiting for the hourly run."""
    segment = get_object_or_404(Segment.objects.active(), pk=pk)
    enqueue_after_commit("analytics.compute_segment", segment.pk, seconds=300)
    messages.info(request, _t("The segment is being computed."))
    return redirect("segment", segment.pk)
