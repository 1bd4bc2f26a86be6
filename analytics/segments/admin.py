"""Django admin of segments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from analytics.conditions.labels import tree_words
from analytics.segments.models import Segment, SegmentKind, SegmentState
from analytics.segments.services import lists
from analytics.segments.services import segments as services
from core.base.actor import Actor
from core.base.errors import DomainError, Invalid
from core.console.service_admin import Command, DefinitionField, Section, ServiceAdmin, Text, calls, moment
from core.security.models import User
from core.text.formatting import number
from crm.customers.selectors import shop_currency

NOT_READABLE = (TypeError, ValueError, KeyError, AttributeError, RecursionError)


class SegmentForm(forms.Form):
    """Name and rule of a segment. A fixed list has no rule; the console fills it."""

    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    description = forms.CharField(
        label=_("Description"), max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=SegmentKind.choices, initial=SegmentKind.RULE)
    rule = DefinitionField(
        rows=14,
        label=_("Rule"),
        required=False,
        help_text=_("The rule as JSON, amounts in the smallest unit of the currency. The builder shows it as a form."),
    )

    def __init__(self, data: Any, *, segment: Segment | None) -> None:
        initial = {name: getattr(segment, name) for name in ("name", "description", "kind", "rule")} if segment else {}
        super().__init__(data, initial=initial)
        if segment is not None:
            del self.fields["kind"]
            if segment.kind == SegmentKind.STATIC:
                del self.fields["rule"]

    def clean_rule(self) -> Any:
        rule = self.cleaned_data["rule"]
        if rule is None:
            return None
        try:
            return services.clean_rule(rule)
        except Invalid as error:
            raise forms.ValidationError(_placed(error)) from None
        except NOT_READABLE:
            raise forms.ValidationError(_t("A value in this definition has the wrong type.")) from None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if "rule" in values and values.get("kind", SegmentKind.RULE) == SegmentKind.RULE and values["rule"] is None:
            self.add_error("rule", _t("Enter the rule, or create the segment in the builder."))
        return values

    def refuse(self, error: DomainError) -> None:
        """Show a refusal of the rule with its path in the JSON text."""
        path = (error.field or "").partition(".")[0]
        self.add_error(path if path in self.fields else None, _placed(error))


def _placed(error: DomainError) -> str:
    """Return the message with the path of the wrong value below the rule: children.0.value."""
    path = (error.field or "").partition(".")[2]
    return _t("%(path)s: %(message)s") % {"path": path, "message": error.message} if path else str(error.message)


def _leaving(segment: Segment) -> str:
    text = ngettext(
        "%(count)s customer leaves the segment. It can't be made active again.",
        "%(count)s customers leave the segment. It can't be made active again.",
        segment.size,
    )
    return text % {"count": number(segment.size)}


@admin.register(Segment)
class SegmentAdmin(ServiceAdmin):
    console_page, console_list, builder = "segment", "segments", "segment_edit"
    list_display = ("name", "kind", "state", "members", "computed", "changed")
    list_filter = ("state", "kind")
    search_fields = ("name", "description")
    ordering = ("name",)
    computed = moment("computed_at", _("last computed"))
    changed = moment("updated_at", _("changed"))
    facts = ("kind", "state", "members", "in_words", "computed", "changed")
    state_field = "state"
    commands = (Command("archive", _("Archive"), calls(services.archive_segment, "segment"), _leaving),)

    def make_form(self, request: HttpRequest, obj: Segment | None, data: Any, files: Any, typed: Any) -> SegmentForm:
        return SegmentForm(data, segment=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Segment | None, form: Any, actor: Actor) -> Segment:
        values = form.cleaned_data
        named: dict[str, Any] = {"name": values["name"], "description": values["description"], "actor": actor}
        if obj is None:
            user = cast(User, request.user)
            if values["kind"] == SegmentKind.STATIC:
                return lists.create_list(created_by=user, **named)
            return services.create_segment(rule=values["rule"], created_by=user, **named)
        if obj.kind == SegmentKind.STATIC:
            return lists.rename_list(segment=obj, **named)
        return services.update_segment(segment=obj, rule=values["rule"], **named)

    def fixed(self, obj: Segment) -> Text:
        return _("This segment is archived, so it can't be changed.") if obj.state == SegmentState.ARCHIVED else ""

    def sections(self, form: forms.Form, obj: Segment | None) -> Iterable[Section]:
        yield None, [name for name in form.fields if name != "rule"]
        yield _("Rule"), [name for name in form.fields if name == "rule"]

    @admin.display(description=_("customers"), ordering="size")
    def members(self, segment: Segment) -> str:
        return number(segment.size) if segment.computed_at or segment.kind == SegmentKind.STATIC else "–"

    @admin.display(description=_("in words"))
    def in_words(self, segment: Segment) -> str:
        if segment.kind != SegmentKind.RULE:
            return "–"
        return render_to_string("analytics/segments/words.html", {"words": tree_words(segment.rule, shop_currency())})
