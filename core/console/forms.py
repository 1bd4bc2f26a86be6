"""Helpers for the forms of the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django import forms
from django.utils.functional import Promise

from core.base.errors import DomainError


@dataclass(frozen=True)
class FilterChoice:
    """A filter of a list for `components/filter_choices.html`: its (value, label) pairs and the chosen value.

    `with_all`: an empty value stands before them for all rows.
    """

    name: str
    label: str | Promise
    choices: Sequence[tuple[str, str | Promise]]
    value: str
    with_all: bool = True


def look_again(action: str, target: str) -> dict[str, str]:
    """Return the attributes of a field on which other fields depend: a change reloads the part of the form at `target`.

    Without JavaScript, the button of `components/look_again.html` reloads the whole page.
    """
    return {
        "hx-post": action,
        "hx-trigger": "change",
        "hx-target": target,
        "hx-swap": "outerHTML",
        "hx-vals": '{"do": "look"}',
    }


def show_refusal(form: forms.Form, error: DomainError, *names: str | None) -> None:
    """Show a refusal at the first of these fields that the form has, else above it. Without names: at its own field."""
    form.add_error(next((name for name in names or (error.field,) if name in form.fields), None), str(error.message))


class RefusableForm(forms.Form):
    """A form that shows a service's refusal at the field that it names."""

    def refuse(self, error: DomainError) -> None:
        show_refusal(self, error)
