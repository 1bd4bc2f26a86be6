"""The base of admin pages that create and change objects with the console's form and the console's service.

A subclass names the form and the service. Nothing here writes a model: a refusal of the service becomes an error at
its field, and its transaction is rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.forms.widgets import (
    CheckboxInput,
    CheckboxSelectMultiple,
    HiddenInput,
    RadioSelect,
    Select,
    Textarea,
    Widget,
)
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.forms import AdminForm
from unfold.widgets import (
    CHECKBOX_CLASSES,
    INPUT_CLASSES,
    SELECT_CLASSES,
    TEXTAREA_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
)

from core.base.actor import Actor, of_user
from core.base.errors import DomainError, Forbidden
from core.console.admin import ConfigurationAdmin
from core.jobs.queueing import enqueue_after_commit
from core.text.formatting import number, when

Text = str | Promise
Section = tuple[Text | None, Sequence[str]]
LONGEST_JSON = 400_000


@dataclass(frozen=True)
class Command:
    """A change of state for the chosen objects of a list: `act(object, actor)` calls one service.

    `effect` is the text about one object that must be confirmed first, for what can't be undone. `task` is the
    background task that goes on with the work.
    """

    name: str
    label: Text
    act: Callable[[Any, Actor], Any]
    effect: Callable[[Any], str] | None = None
    task: str = ""


def calls(service: Callable[..., Any], item: str, **values: Any) -> Callable[[Any, Actor], Any]:
    """Return an act of a `Command` that passes the object to the service under the name `item`."""
    return lambda obj, actor: service(actor=actor, **{item: obj}, **values)


def switches(update: Callable[..., Any], item: str) -> tuple[Command, Command]:
    """Return the commands that switch an object on and off by its update service."""
    return (
        Command("switch_on", _("Switch on"), calls(update, item, active=True)),
        Command("switch_off", _("Switch off"), calls(update, item, active=False)),
    )


class ServiceAdmin(ConfigurationAdmin):
    """Find, create and change objects as the console does. See docs/how-to/add-an-admin-page.md.

    `facts` are the read-only values beside the form. They are the whole page when the object can't be changed, whose
    reason `fixed` returns. `builder` is the route of a page that edits the object better than this form.
    """

    change_form_template = "admin/service_change_form.html"
    facts: ClassVar[tuple[str, ...]] = ()
    commands: ClassVar[tuple[Command, ...]] = ()
    state_field: ClassVar[str] = "active"
    builder: ClassVar[str] = ""

    class Media:
        js = ("js/admin.js",)

    # What a subclass says.

    def make_form(self, request: HttpRequest, obj: Any | None, data: Any, files: Any, typed: Any) -> forms.Form:
        """Return the console's form: bound to `data`, or unbound with the values of `obj` and the `typed` ones."""
        raise NotImplementedError

    def save_form_by_service(self, request: HttpRequest, obj: Any | None, form: Any, actor: Actor) -> Any:
        """Call the service and return the object. Raises DomainError."""
        raise NotImplementedError

    def refuse(self, form: Any, error: DomainError) -> None:
        """Show a refusal at its field."""
        form.refuse(error)

    def fixed(self, obj: Any) -> Text:
        """Return why this object can't be changed; "" when it can."""
        return ""

    def sections(self, form: forms.Form, obj: Any | None) -> Iterable[Section]:
        """Return (title, fields) of each part of the form."""
        return [(None, list(form.fields))]

    # The page of one object.

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj is not None and self.fixed(obj))

    def _changeform_view(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: dict[str, Any] | None
    ) -> HttpResponseBase:
        add = object_id is None
        obj = None if object_id is None else self.get_object(request, unquote(object_id))
        if not (self.has_add_permission(request) if add else self.has_view_or_change_permission(request, obj)):
            raise PermissionDenied
        if not add and obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        changeable = add or self.has_change_permission(request, obj)
        if request.method == "POST" and not changeable:
            if not self.has_change_permission(request):
                raise PermissionDenied
            # The object was changed while its form was open.
            messages.error(request, str(self.fixed(obj)))
            return redirect(request.path)
        if not changeable:
            return self._render(request, obj, forms.Form(), [], form_url, extra_context)
        looks = request.method == "POST" and request.POST.get("do") == "look"
        if request.method != "POST" or looks:
            typed = request.POST.dict() if looks else None
            form = self.make_form(request, obj, None, None, typed)
            return self._render(request, obj, form, None, form_url, extra_context)
        form = self.make_form(request, obj, request.POST, request.FILES, None)
        saved = self._save(request, obj, form) if form.is_valid() else None
        if saved is None:
            return self._render(request, obj, form, None, form_url, extra_context)
        change_message = self.construct_change_message(request, form, [], add)  # type: ignore[arg-type]
        if add:
            self.log_addition(request, saved, change_message)
            return self.response_add(request, saved)
        self.log_change(request, saved, change_message)
        return self.response_change(request, saved)

    def _save(self, request: HttpRequest, obj: Any | None, form: forms.Form) -> Any | None:
        """Save by the service. Return None when it refused, with the reason in the form."""
        try:
            with transaction.atomic():
                return self.save_form_by_service(request, obj, form, of_user(request.user))
        except Forbidden as error:
            raise PermissionDenied(str(error.message)) from error
        except DomainError as error:
            self.refuse(form, error)
            return None

    def _render(
        self,
        request: HttpRequest,
        obj: Any | None,
        form: Any,
        sections: Iterable[Section] | None,
        form_url: str,
        extra_context: dict[str, Any] | None,
    ) -> HttpResponse:
        changeable = sections is None
        # The admin's templates read these two of a model's form.
        form.instance = obj if obj is not None else self.model()
        form._meta = SimpleNamespace(model=self.model, labels=None, help_texts=None)
        looks_again = _dress(form)
        parts = [
            (title, {"fields": list(names)})
            for title, names in (self.sections(form, obj) if changeable else ())
            if names
        ]
        # The templates would render a field with the name of a fact as read-only.
        facts = [name for name in self.facts if obj is not None and name not in form.fields]
        if facts:
            parts.append((_("State and figures") if changeable else None, {"fields": facts}))
        admin_form = AdminForm(form, parts, {}, facts, model_admin=self)
        title = _t("Add %s") if obj is None else _t("Change %s") if changeable else _t("View %s")
        context = {
            **self.admin_site.each_context(request),
            "title": title % self.opts.verbose_name,
            "subtitle": self.name_of(obj) if obj is not None else None,
            "adminform": admin_form,
            "object_id": str(obj.pk) if obj is not None else None,
            "original": obj,
            "is_popup": False,
            "to_field": None,
            "media": self.media + admin_form.media,
            "inline_admin_formsets": [],
            "errors": helpers.AdminErrorList(form, []),
            "preserved_filters": self.get_preserved_filters(request),
            "console_url": self.console_url(obj),
            "builder_url": self.builder_url(obj) if changeable and obj is not None else "",
            "fixed_reason": self.fixed(obj) if obj is not None else "",
            "looks_again": looks_again,
            "more_parts": self.more_parts(obj) if obj is not None else [],
            **(extra_context or {}),
        }
        return self.render_change_form(
            request, context, add=obj is None, change=obj is not None, obj=obj, form_url=form_url
        )

    def name_of(self, obj: Any) -> str:
        return str(obj)

    def builder_url(self, obj: Any) -> str:
        return reverse(self.builder, args=[obj.pk]) if self.builder else ""

    def more_parts(self, obj: Any) -> list[tuple[Text, list[str]]]:
        """Return read-only parts of the page below the form: (title, lines)."""
        return []

    # The list and its commands.

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        if self.has_change_permission(request):
            for command in self.commands:
                actions[command.name] = (_action(command), command.name, command.label)
        return actions

    def run_command(self, request: HttpRequest, chosen: QuerySet[Any], command: Command) -> HttpResponse | None:
        """Call the command's service for each chosen object; show how many changed, and each refusal with its reason.

        A command with an effect is confirmed on a page of its own first.
        """
        objects = list(chosen)
        if command.effect and request.POST.get("confirmed") != "yes":
            return self._confirmation(request, objects, command)
        actor, changed, same = of_user(request.user), 0, 0
        for obj in objects:
            before = self._state_of(obj.pk)
            try:
                with transaction.atomic():
                    command.act(obj, actor)
            except Forbidden as error:
                raise PermissionDenied(str(error.message)) from error
            except DomainError as error:
                self.message_user(
                    request,
                    _t("%(name)s: %(reason)s") % {"name": self.name_of(obj), "reason": error.message},
                    messages.ERROR,
                )
                continue
            if self._state_of(obj.pk) == before:
                same += 1
            else:
                changed += 1
                self.log_change(request, obj, str(command.label))
        if changed and command.task:
            enqueue_after_commit(command.task)
        self._tell(request, command, changed, same)
        return None

    def _state_of(self, pk: Any) -> Any:
        return self.model._base_manager.filter(pk=pk).values_list(self.state_field, flat=True).first()

    def _tell(self, request: HttpRequest, command: Command, changed: int, same: int) -> None:
        if changed:
            text = ngettext("%(command)s: %(count)s changed.", "%(command)s: %(count)s changed.", changed)
            self.message_user(request, text % {"command": command.label, "count": number(changed)}, messages.SUCCESS)
        if same:
            text = ngettext(
                "%(command)s: %(count)s was in this state already.",
                "%(command)s: %(count)s were in this state already.",
                same,
            )
            self.message_user(request, text % {"command": command.label, "count": number(same)}, messages.INFO)

    def _confirmation(self, request: HttpRequest, objects: list[Any], command: Command) -> HttpResponse:
        assert command.effect is not None
        context = {
            **self.admin_site.each_context(request),
            "title": str(command.label),
            "opts": self.opts,
            "command": command,
            "effects": [(self.name_of(obj), command.effect(obj)) for obj in objects],
            "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "select_across": request.POST.get("select_across", ""),
            "action_name": helpers.ACTION_CHECKBOX_NAME,
            "media": self.media,
            "console_url": self.console_url(),
        }
        return TemplateResponse(request, "admin/confirm_command.html", context)


def _action(command: Command) -> Callable[[ServiceAdmin, HttpRequest, QuerySet[Any]], HttpResponse | None]:
    def act(model_admin: ServiceAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return model_admin.run_command(request, queryset, command)

    act.__name__ = command.name
    return act


def _dress(form: forms.Form) -> bool:
    """Give the fields of a console form the look of the admin. Return whether other fields depend on one of them."""
    again = False
    for field in form.fields.values():
        widget = field.widget
        if isinstance(widget, CheckboxSelectMultiple):
            field.widget = UnfoldAdminCheckboxSelectMultipleWidget(attrs=widget.attrs, choices=widget.choices)
            continue
        if isinstance(widget, RadioSelect):
            field.widget = Select(attrs=widget.attrs, choices=widget.choices)
        attrs = {name: value for name, value in field.widget.attrs.items() if not name.startswith("hx-")}
        if len(attrs) < len(field.widget.attrs):
            again = True
            attrs["data-look-again"] = ""
        if type(field.widget) is Select:
            field.widget.template_name = UnfoldAdminSelectWidget.template_name
        if not isinstance(field.widget, HiddenInput):
            attrs["class"] = " ".join(_classes(field.widget))
        field.widget.attrs = attrs
    return again


def _classes(widget: Widget) -> Sequence[str]:
    if isinstance(widget, CheckboxInput):
        return CHECKBOX_CLASSES
    if isinstance(widget, Select):
        return SELECT_CLASSES
    return TEXTAREA_CLASSES if isinstance(widget, Textarea) else INPUT_CLASSES


class DefinitionField(forms.JSONField):
    """JSON text of a definition, with the place of a mistake in the text. Empty is None."""

    def __init__(self, *, rows: int = 18, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "spellcheck": "false", "data-definition": ""})
        super().__init__(widget=widget, **options)

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        if not isinstance(value, str):
            return value
        if len(value) > LONGEST_JSON or "\x00" in value or "\\u0000" in value:
            raise forms.ValidationError(_("This text is too long, or it has a character that can't be stored."))
        try:
            return json.loads(value, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                _("Line %(line)s, column %(column)s: this is not valid JSON."),
                params={"line": error.lineno, "column": error.colno},
            ) from None
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("This is not valid JSON.")) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def prepare_value(self, value: Any) -> str:
        if value is None or isinstance(value, str):
            return value or ""
        return json.dumps(value, indent=2, ensure_ascii=False)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def moment(field: str, label: Text) -> Callable[[Any, Any], str]:
    """Return a column or fact that shows a time of the object in the viewer's zone."""

    def show(_model_admin: Any, obj: Any) -> str:
        return when(getattr(obj, field)) if getattr(obj, field) else "–"

    show.__name__ = field
    return admin.display(description=cast(Any, label), ordering=field)(show)
