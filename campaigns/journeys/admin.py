"""Django admin of journeys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from campaigns.journeys.console.words import publishing_words
from campaigns.journeys.models import Journey, JourneyState
from campaigns.journeys.rules import Step
from campaigns.journeys.services import journeys as services
from campaigns.journeys.services.journeys import JourneyProblem
from core.base.actor import Actor
from core.base.errors import DomainError
from core.console.service_admin import Command, DefinitionField, Section, ServiceAdmin, calls, moment
from core.security.models import User
from core.text.formatting import number

NOT_READABLE = (TypeError, ValueError, KeyError, AttributeError, RecursionError)


class JourneyForm(forms.Form):
    """Name and definition of a journey. The definition is checked as for publishing; empty keeps the draft."""

    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    definition = DefinitionField(
        label=_("Definition"),
        required=False,
        help_text=_(
            "The draft as JSON: entry, reentry, exit, goal, holdout, window_days and steps. It must be complete; "
            "unfinished drafts are edited in the builder. Leave empty to start with an empty draft."
        ),
    )

    def __init__(self, data: Any, *, journey: Journey | None) -> None:
        self.journey = journey
        initial: dict[str, Any] = {}
        if journey is not None:
            # The database stores the keys in another order.
            draft = {name: journey.draft[name] for name in services.EMPTY if name in journey.draft}
            initial = {"name": journey.name, "definition": draft}
        super().__init__(data, initial=initial)

    def clean_definition(self) -> Any:
        """Return the complete definition; None when the draft stays as it is. Each problem is shown with its path."""
        draft = self.cleaned_data["definition"]
        if draft is None or (self.journey is not None and draft == self.journey.draft):
            return None
        if not isinstance(draft, dict):
            raise forms.ValidationError(_t("The definition must be a JSON object."))
        if unknown := sorted(draft.keys() - services.EMPTY.keys()):
            raise forms.ValidationError(_t("There is no field %(name)s.") % {"name": unknown[0]})
        try:
            definition, problems = services.cleaned(draft)
            places = dict(_places(draft.get("steps") or [], "steps"))
        except DomainError as error:
            raise forms.ValidationError(_message(error.field or "", str(error.message))) from None
        except NOT_READABLE:
            raise forms.ValidationError(_t("A value in this definition has the wrong type.")) from None
        if problems:
            raise forms.ValidationError([_message(_path(problem, places), problem.message) for problem in problems])
        return definition

    def refuse(self, error: DomainError) -> None:
        self.add_error("name" if error.field == "name" else "definition", _message(error.field or "", error.message))


def _message(path: str, message: Any) -> str:
    if not path or path == "name":
        return str(message)
    return _t("%(path)s: %(message)s") % {"path": path, "message": message}


def _places(steps: list[Step], path: str) -> Iterable[tuple[str, str]]:
    """Yield (id, path) of each step: steps[1].arms.yes[0]."""
    for index, step in enumerate(steps):
        own = f"{path}[{index}]"
        yield step["id"], own
        for code, inner in step.get("arms", {}).items():
            yield from _places(inner, f"{own}.arms.{code}")


def _path(problem: JourneyProblem, places: dict[str, str]) -> str:
    return ".".join(filter(None, [places.get(problem.step, problem.step), problem.field]))


def _publish(journey: Journey, actor: Actor) -> None:
    services.publish_journey(journey=journey, actor=actor, user=User.objects.filter(pk=actor.user_id).first())


def _stopping(journey: Journey) -> str:
    people = services.under_way(journey)
    text = ngettext(
        "The journey ends now for %(people)s customer. This can't be undone.",
        "The journey ends now for %(people)s customers. This can't be undone.",
        people,
    )
    return text % {"people": number(people)}


@admin.register(Journey)
class JourneyAdmin(ServiceAdmin):
    """The form changes the draft. Customers follow it only after it is published; published versions never change."""

    console_page, console_list, builder = "journey", "journeys", "journey_edit"
    list_display = ("name", "state", "entry", "published", "began", "changed")
    list_select_related = ("version",)
    list_filter = ("state",)
    search_fields = ("name",)
    ordering = ("name",)
    began = moment("started_at", _("started"))
    changed = moment("updated_at", _("changed"))
    facts = ("state", "entry", "published", "under_way", "began", "changed")
    state_field = "state"
    commands = (
        Command("publish", _("Publish"), _publish, publishing_words, "campaigns.enter_journeys"),
        Command("pause", _("Pause"), calls(services.pause_journey, "journey")),
        Command("resume", _("Resume"), calls(services.resume_journey, "journey"), task="campaigns.advance_journeys"),
        Command("stop", _("Stop"), calls(services.stop_journey, "journey"), _stopping),
    )

    def make_form(self, request: HttpRequest, obj: Journey | None, data: Any, files: Any, typed: Any) -> JourneyForm:
        return JourneyForm(data, journey=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Journey | None, form: Any, actor: Actor) -> Journey:
        name, definition = form.cleaned_data["name"], form.cleaned_data["definition"]
        if obj is None:
            return services.create_journey(name=name, draft=definition, actor=actor)
        return services.save_draft(journey=obj, name=name, draft=definition, actor=actor)

    def sections(self, form: forms.Form, obj: Journey | None) -> Iterable[Section]:
        yield None, ["name"]
        yield _("Definition"), ["definition"]

    @admin.display(description=_("entry"))
    def entry(self, journey: Journey) -> str:
        definition = journey.version.definition if journey.version else journey.draft
        return str(services.ENTRIES.get(definition.get("entry", {}).get("kind", ""), "")) or _t("No entry yet")

    @admin.display(description=_("published version"))
    def published(self, journey: Journey) -> str:
        return number(journey.version.number) if journey.version else "–"

    @admin.display(description=_("customers in it"))
    def under_way(self, journey: Journey) -> str:
        return number(services.under_way(journey)) if journey.state != JourneyState.DRAFT else "–"
