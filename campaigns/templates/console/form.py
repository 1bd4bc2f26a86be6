"""Define the template editor's form: a subject and a text per language, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.templates.models import MessageClass, Template, TemplateText
from campaigns.templates.rules import declared_values
from campaigns.templates.services.templates import WRONG_VALUES, Text
from core.base.errors import DomainError
from core.console.forms import show_refusal


@dataclass(frozen=True)
class Side:
    """Hold one language's fields."""

    language: str
    subject: forms.BoundField
    body: forms.BoundField


class TemplateForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    channel = forms.ChoiceField(label=_("Channel"))
    message_class = forms.ChoiceField(
        label=_("Class"),
        choices=MessageClass.choices,
        help_text=_(
            "Marketing needs consent and respects caps and quiet hours. Transactional messages answer a "
            "customer's action."
        ),
    )

    code = forms.CharField(
        label=pgettext_lazy("template", "Code"),
        max_length=60,
        required=False,
        help_text=_("The shop's own systems use this code to send the template, such as parcel-sent."),
    )
    values = forms.CharField(
        label=_("Declared values"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("One per line, as “name: example”; “name?” is optional. Texts show a value as values.name."),
    )

    def __init__(self, data: Any = None, *, template: Template | None) -> None:
        texts = texts_of(template) if template else {}
        initial: dict[str, Any] = {"message_class": MessageClass.MARKETING}
        if template:
            initial = {
                "name": template.name,
                "channel": template.channel,
                "message_class": template.message_class,
                "code": template.code or "",
                "values": declared_values.written(template.values),
            }
        self.languages = list(dict.fromkeys([*dict(settings.LANGUAGES), *texts]))
        for language, text in texts.items():
            initial |= {f"subject_{language}": text.subject, f"body_{language}": text.body}
        super().__init__(data, initial=initial)
        names = [template.channel] if template else [name for name, channel in CHANNELS.items() if channel.ready()]
        self.fields["channel"].choices = [(name, channel_label(name)) for name in names]  # type: ignore[attr-defined]
        for language in self.languages:
            self.fields[f"subject_{language}"] = forms.CharField(label=_("Subject"), required=False)
            self.fields[f"body_{language}"] = forms.CharField(
                label=_("Text"),
                required=False,
                strip=False,
                widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "true", "lang": language}),
            )

    def clean_values(self) -> list[dict[str, Any]]:
        try:
            return declared_values.read(self.cleaned_data["values"])
        except declared_values.WrongValue as error:
            raise forms.ValidationError(WRONG_VALUES[error.code] % {"name": error.name}) from None

    @property
    def sides(self) -> list[Side]:
        return [Side(name, self[f"subject_{name}"], self[f"body_{name}"]) for name in self.languages]

    def texts(self) -> list[Text]:
        """Return the languages that have any text."""
        return [text for text in typed_texts(self.cleaned_data, self.languages) if text.subject or text.body.strip()]

    def refuse(self, error: DomainError, texts: Sequence[Text]) -> None:
        """Show the error beside its field: `texts.1.body` belongs to the second language with a text."""
        path = (error.field or "").split(".")
        if path[0] == "texts" and len(path) == 3 and path[2] in {"subject", "body"}:
            text = texts[int(path[1])]
            self.add_error(f"{path[2]}_{text.language}", explained(error, getattr(text, path[2])))
            return
        show_refusal(self, error)


def typed_texts(values: Any, languages: Sequence[str]) -> list[Text]:
    return [Text(name, values.get(f"body_{name}") or "", values.get(f"subject_{name}") or "") for name in languages]


def explained(error: DomainError, source: str) -> str:
    """Return the message with the source line that it refers to."""
    line = error.details.get("line") or 0
    lines = source.replace("\r\n", "\n").split("\n")
    shown = lines[line - 1].strip()[:120] if 0 < line <= len(lines) else ""
    return f"{error.message} — {shown}" if shown else str(error.message)


def texts_of(template: Template, version: int | None = None) -> dict[str, TemplateText]:
    rows = TemplateText.objects.filter(template=template, version=version or template.version)
    return {row.language: row for row in rows.order_by("language")}
