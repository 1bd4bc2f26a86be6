"""Django admin of templates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.templates.console.form import TemplateForm
from campaigns.templates.models import Template
from campaigns.templates.services.templates import save_template
from core.base.actor import Actor
from core.base.errors import DomainError
from core.console.service_admin import Section, ServiceAdmin, moment
from core.text.formatting import language_label


class ChannelFilter(admin.SimpleListFilter):
    title = _("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, str(channel_label(name))) for name in CHANNELS.names()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(channel=self.value()) if self.value() else queryset


@admin.register(Template)
class TemplateAdmin(ServiceAdmin):
    """New texts are a new version; sent messages keep the version that they were made with."""

    console_page, console_list, builder = "template", "templates", "template_edit"
    list_display = ("name", "channel_name", "message_class", "code", "version", "changed")
    list_filter = (ChannelFilter, "message_class")
    search_fields = ("name", "=code")
    ordering = ("name",)
    changed = moment("updated_at", _("changed"))
    facts = ("channel_name", "message_class", "version", "changed")

    def make_form(self, request: HttpRequest, obj: Template | None, data: Any, files: Any, typed: Any) -> TemplateForm:
        return TemplateForm(data, template=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Template | None, form: Any, actor: Actor) -> Template:
        names = ("name", "channel", "message_class", "code", "values")
        values = {name: form.cleaned_data[name] for name in names}
        return save_template(template=obj, texts=form.texts(), actor=actor, **values)

    def refuse(self, form: Any, error: DomainError) -> None:
        form.refuse(error, form.texts())

    def sections(self, form: forms.Form, obj: Template | None) -> Iterable[Section]:
        texts = [name for name in form.fields if name.startswith(("subject_", "body_"))]
        yield None, [name for name in form.fields if name not in texts]
        for language in dict.fromkeys(name.partition("_")[2] for name in texts):
            yield (
                _t("Text in %(language)s") % {"language": language_label(language)},
                [f"subject_{language}", f"body_{language}"],
            )

    @admin.display(description=_("channel"), ordering="channel")
    def channel_name(self, template: Template) -> str:
        return str(channel_label(template.channel))
