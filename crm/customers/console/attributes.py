"""Settings of the shop's own customer fields."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.console import editing
from core.console.forms import RefusableForm
from core.console.views import page
from crm.customers.models import AttributeDefinition, AttributeType
from crm.customers.services import attributes as services

EDITOR = editing.Editor(
    new="attribute_new",
    edit="attribute_edit",
    index="attributes",
    index_label=_("Customer fields"),
    new_heading=_("New customer field"),
    edit_heading=_("Edit customer field"),
    name="label",
)


class AttributeForm(RefusableForm):
    label = forms.CharField(label=_("Label"), max_length=services.LONGEST)
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("The name in the API and in imports: small letters, digits, - and _. It can't be changed later."),
    )
    type = forms.ChoiceField(label=_("Type"), choices=AttributeType.choices)
    choices = forms.CharField(
        label=_("Options"),
        required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text=_("One a line; only for the type Choice."),
    )
    position = forms.IntegerField(
        label=_("Position"), min_value=0, max_value=32767, required=False, help_text=_("Smaller numbers come first.")
    )
    member_writable = forms.BooleanField(
        label=_("Members change it themselves"),
        required=False,
        help_text=_("Else only the shop's server, imports and staff write it."),
    )

    def __init__(self, data: Any = None, *, attribute: AttributeDefinition | None, used: int) -> None:
        initial: dict[str, Any] = {"type": AttributeType.TEXT, "position": 0}
        if attribute:
            names = ("label", "code", "type", "position", "member_writable")
            initial = {name: getattr(attribute, name) for name in names}
            initial["choices"] = "\n".join(attribute.choices)
        super().__init__(data, initial=initial)
        if attribute:
            del self.fields["code"]
        if used:
            # A disabled field keeps its initial value, whatever is sent.
            self.fields["type"].disabled = True
            self.fields["type"].help_text = _t("Customers have values in this field, so its type stays.")

    def values(self) -> dict[str, Any]:
        values = dict(self.cleaned_data)
        values["choices"] = values["choices"].splitlines()
        values["position"] = values["position"] or 0
        return values


@page("crm.change_attributedefinition")
def index(request: HttpRequest) -> HttpResponse:
    counts = services.customer_counts()
    rows = [(row, counts.get(row.code, 0)) for row in AttributeDefinition.objects.order_by("position", "code")]
    return render(request, "crm/customers/attributes.html", {"rows": rows})


@page("crm.add_attributedefinition", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("crm.change_attributedefinition", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, get_object_or_404(AttributeDefinition, pk=pk))


def _form(request: HttpRequest, attribute: AttributeDefinition | None) -> HttpResponse:
    used = services.customer_count(attribute) if attribute else 0
    form = AttributeForm(request.POST or None, attribute=attribute, used=used)
    if request.method == "POST" and (
        response := EDITOR.save(request, form, lambda: _save(request, attribute, form.values()))
    ):
        return response
    context = {**EDITOR.values(attribute), "form": form, "attribute": attribute, "used": used}
    return render(request, "crm/customers/attribute_edit.html", context)


def _save(request: HttpRequest, attribute: AttributeDefinition | None, values: dict[str, Any]) -> AttributeDefinition:
    actor = of_user(request.user)
    if attribute is None:
        return services.create_attribute(actor=actor, **values)
    return services.update_attribute(attribute=attribute, actor=actor, **values)


@page("crm.change_attributedefinition", methods=("POST",))
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Archive a field, or show it again."""
    attribute = get_object_or_404(AttributeDefinition, pk=pk)
    restore = request.POST.get("restore") == "yes"
    change = services.restore_attribute if restore else services.archive_attribute
    change(attribute=attribute, actor=of_user(request.user))
    text = _t("“%(name)s” is shown again.") if restore else _t("“%(name)s” is archived.")
    messages.success(request, text % {"name": attribute.label})
    return redirect("attributes")
