"""Values that are picked from a list with pictures instead of typed: products, categories.

A subject registers its picker in `extensions`; a declared field names it:

    PICKERS.register("product", ProductPicker())
    Field("skus", "words", _("Products"), picker="product")

The field's kind stays what it is (words, text, verbatim, choices), so that stored values, the API and imports do not
change. Without scripts the chosen values are check boxes, and one more can be added as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from core.base.registry import Registry


@dataclass(frozen=True)
class PickedItem:
    """One value with its name and picture. `known` False: the value names nothing that exists."""

    value: str
    label: str
    detail: str = ""
    picture: str = ""
    icon: str = "package"
    known: bool = True


class Picker:
    """A list to pick from. `results` is the route of its matches, `page` that of the page with all items."""

    results: str
    page: str
    prompt: str | Promise

    def items(self, values: Sequence[str]) -> list[PickedItem]:
        """Return the items of stored values, in their order."""
        raise NotImplementedError


PICKERS: Registry[Picker] = Registry("picker")


def picker_context(name: str, *, field: str, id: str, values: Sequence[str], several: bool) -> dict[str, Any]:
    """Return the values of `components/picker.html`. `field` is the name that is submitted."""
    picker = PICKERS[name]
    return {
        "picker": {
            "field": field,
            "id": id,
            "items": picker.items(values),
            "several": several,
            "prompt": picker.prompt,
            "results": reverse(picker.results),
            "page": reverse(picker.page),
        }
    }


class PickerWidget(forms.Widget):
    """Chosen items with pictures, and a field that searches for more."""

    def __init__(self, picker: str, *, several: bool) -> None:
        super().__init__()
        self.picker = picker
        self.several = several

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        values = data.getlist(name) if hasattr(data, "getlist") else data.get(name)
        return lines_of(values)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        # Unchecked boxes are not submitted.
        return False

    def id_for_label(self, id_: str) -> str:
        return f"{id_}-search" if id_ else ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        element = str((attrs or {}).get("id") or f"id_{name}")
        context = picker_context(self.picker, field=name, id=element, values=lines_of(value), several=self.several)
        context["described"] = (attrs or {}).get("aria-describedby")
        return render_to_string("components/picker.html", context)


class PickerField(forms.Field):
    """The picked values: as lines for a list, as one text otherwise, so that the field's kind reads them as typed."""

    def __init__(self, picker: str, *, several: bool, **options: Any) -> None:
        super().__init__(widget=PickerWidget(picker, several=several), **options)
        self.several = several

    def to_python(self, value: Any) -> str:
        values = lines_of(value)
        return "\n".join(values) if self.several else (values[-1] if values else "")


def lines_of(value: Any) -> list[str]:
    """Return the different non-empty lines of a text or of several texts."""
    texts = [value] if isinstance(value, str) else list(value or [])
    lines = [line.strip() for text in texts for line in str(text).splitlines()]
    return list(dict.fromkeys(line for line in lines if line))
