"""The list of templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.templates import selectors
from campaigns.templates.models import MessageClass, Template
from campaigns.templates.services import templates as services
from core.console.list_columns import Cell
from core.lists.columns import created_column, owner_column
from core.lists.declaration import Choices, Column, Empty, Filter, ObjectList, State, TopAction, register
from core.text.formatting import language_label, number


@dataclass(frozen=True)
class TemplateRow:
    item: Template
    languages: list[str]
    uses: int


def _rows(_request: HttpRequest, templates: Sequence[Template]) -> list[TemplateRow]:
    languages, used = selectors.languages_of(templates), selectors.uses_of(templates)
    return [TemplateRow(template, languages.get(template.pk, []), used.get(template.pk, 0)) for template in templates]


def _channels(_request: HttpRequest) -> Choices:
    return [(code, channel_label(code)) for code in CHANNELS.names()]


def _name(row: TemplateRow) -> Cell:
    transactional = row.item.message_class == MessageClass.TRANSACTIONAL
    return Cell(row.item.name, badge=row.item.get_message_class_display() if transactional else "")


TEMPLATES = register(
    ObjectList(
        name="templates",
        title=_("Templates"),
        route="templates",
        model=Template,
        permission="campaigns.view_template",
        change="campaigns.change_template",
        add="campaigns.add_template",
        select=lambda _request: Template.objects.select_related("owner"),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda template: reverse("template", args=[template.pk]),
        edit=lambda template: reverse("template_edit", args=[template.pk]),
        order=("name", "id"),
        columns=[
            Column("name", _("Template"), _name, sort="name"),
            Column("channel", _("Channel"), lambda row: channel_label(row.item.channel), sort="channel"),
            Column(
                "languages",
                _("Languages"),
                lambda row: " · ".join(language_label(code) for code in row.languages),
                on_cards=False,
            ),
            Column(
                "version",
                _("Version"),
                lambda row: str(row.item.version),
                lambda row: row.item.version,
                "version",
                number=True,
            ),
            Column("uses", _("Campaigns"), lambda row: number(row.uses), lambda row: row.uses, number=True),
            Column("changed", _("Changed"), lambda row: Cell(at=row.item.updated_at), sort="updated_at"),
            owner_column(),
            created_column(),
        ],
        states=[
            State("", _("All")),
            State(
                MessageClass.MARKETING, MessageClass.MARKETING.label, lambda: Q(message_class=MessageClass.MARKETING)
            ),
            State(
                MessageClass.TRANSACTIONAL,
                MessageClass.TRANSACTIONAL.label,
                lambda: Q(message_class=MessageClass.TRANSACTIONAL),
            ),
        ],
        search=("name", "code"),
        filters=[Filter("channel", _("Channel"), _channels, lambda _request, rows, value: rows.filter(channel=value))],
        owned=True,
        busy=lambda _template: False,
        duplicate=lambda template, actor: services.duplicate_template(template=template, actor=actor),
        top_actions=[
            TopAction(_("New e-mail"), "plus", lambda: reverse("design_choose"), "campaigns.add_template"),
            TopAction(_("New template"), "plus", lambda: reverse("template_new"), "campaigns.add_template"),
        ],
        empty=Empty(
            "template",
            _("No templates yet"),
            _("Write the text of a message in each language, with the customer's name, points or coupon."),
            _("Marketers make them."),
        ),
    )
)
