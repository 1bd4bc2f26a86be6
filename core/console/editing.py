"""Create and edit objects in the console: the values of `layouts/edit.html`, and saving with its refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t

from core.base.errors import DomainError


class EditForm(Protocol):
    """A form that shows the refusal of a service at its field."""

    def is_valid(self) -> bool: ...

    def refuse(self, error: DomainError) -> None: ...


def is_submitted(request: HttpRequest) -> bool:
    """Return whether the form is to be saved. `do=look` only renders it again with other fields."""
    return request.method == "POST" and request.POST.get("do") != "look"


def typed_values(request: HttpRequest) -> dict[str, Any] | None:
    """Return the values of a form that is rendered again; None when the page is opened.

    A name that was sent several times has a list.
    """
    if request.method != "POST":
        return None
    return {name: values if len(values) > 1 else values[0] for name, values in request.POST.lists() if values}


def save_or_refuse(form: EditForm, save: Callable[[], Any]) -> Any | None:
    """Save a valid form. Return the saved object, or None when the form must be shown again with its errors."""
    if not form.is_valid():
        return None
    try:
        return save()
    except DomainError as error:
        form.refuse(error)
        return None


@dataclass(frozen=True)
class Editor:
    """Routes and texts of the pages that create and edit one kind of object.

    Editing leads back to the route `page`, or to the list `index` when the objects have no page of their own. `name` is
    the attribute that names an object.
    """

    new: str
    edit: str
    index: str
    index_label: str | Promise
    new_heading: str | Promise
    edit_heading: str | Promise
    page: str = ""
    name: str = "name"

    def action(self, item: Any | None) -> str:
        """Return the address that the form is sent to."""
        return reverse(self.new) if item is None else reverse(self.edit, args=[item.pk])

    def values(self, item: Any | None) -> dict[str, str]:
        """Return the values of `layouts/edit.html` for an object, or for a new one."""
        heading = str(self.new_heading if item is None else self.edit_heading)
        has_page = item is not None and self.page
        return {
            "action": self.action(item),
            "title": heading if item is None else self._name_of(item),
            "heading": heading,
            "back_url": reverse(self.page, args=[item.pk]) if item is not None and has_page else reverse(self.index),
            "back_label": self._name_of(item) if has_page else str(self.index_label),
        }

    def save(self, request: HttpRequest, form: EditForm, save: Callable[[], Any]) -> HttpResponse | None:
        """Save a valid form and redirect to the object. Return None when the form must be shown again."""
        saved = save_or_refuse(form, save)
        if saved is None:
            return None
        messages.success(request, _t("“%(name)s” is saved.") % {"name": self._name_of(saved)})
        return redirect(self.page, saved.pk) if self.page else redirect(self.index)

    def _name_of(self, item: Any) -> str:
        return str(getattr(item, self.name))
