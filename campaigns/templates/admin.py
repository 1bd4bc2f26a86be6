"""Django admin of templates."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from campaigns.templates.models import Template
from core.console.admin import ReadOnlyAdmin, console_link


@admin.register(Template)
class TemplateAdmin(ReadOnlyAdmin):
    list_display = ("name", "channel", "message_class", "version", "console")
    search_fields = ("name",)
    fields = ("name", "channel", "message_class", "version", "updated_at", "console")

    @admin.display(description=_("console"))
    def console(self, template: Template) -> str:
        return console_link("template", template.pk)
