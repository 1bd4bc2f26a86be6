"""The list of care rules."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import DateTimeField, Q, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.care import labels
from campaigns.care.models import CareRule, CareState
from campaigns.care.services import care as services
from core.console.list_columns import Cell
from core.console.template_tags import TONE_OF
from core.lists.columns import created_column, owner_column
from core.lists.declaration import Column, Empty, ObjectList, State, TopAction, register

TABS = (CareState.ACTIVE, CareState.DRAFT, CareState.PAUSED)
NOT_YET = Value(datetime(1970, 1, 1, tzinfo=UTC), output_field=DateTimeField())

CARE_RULES = register(
    ObjectList(
        name="care",
        title=_("Care rules"),
        route="care",
        model=CareRule,
        permission="campaigns.view_carerule",
        change="campaigns.change_carerule",
        add="campaigns.add_carerule",
        select=lambda _request: CareRule.objects.select_related("template", "segment", "owner"),
        opens=lambda rule: reverse("care_rule", args=[rule.pk]),
        edit=lambda rule: reverse("care_edit", args=[rule.pk]),
        order=("name", "id"),
        columns=[
            Column("name", _("Rule"), lambda row: Cell(row.name, labels.trigger_words(row)), sort="name"),
            Column("template", _("Template"), lambda row: row.template.name, sort="template__name", on_cards=False),
            Column(
                "state",
                _("State"),
                lambda row: Cell(labels.RULE_STATES[row.state], badge=TONE_OF.get(row.state, "off")),
                on_cards=False,
            ),
            Column(
                "last_run",
                _("Last run"),
                lambda row: Cell(at=row.last_run_at) if row.last_run_at else Cell(_("not yet")),
                lambda row: row.last_run_at and row.last_run_at.isoformat(),
                Coalesce("last_run_at", NOT_YET),
            ),
            owner_column(),
            created_column(),
        ],
        states=[
            State("", _("All")),
            *(State(state, labels.RULE_STATES[state], lambda state=state: Q(state=state)) for state in TABS),
        ],
        search=("name", "template__name"),
        owned=True,
        busy=services.is_busy,
        duplicate=lambda rule, actor: services.duplicate_care_rule(rule=rule, actor=actor),
        top_actions=[TopAction(_("New care rule"), "plus", lambda: reverse("care_new"), "campaigns.add_carerule")],
        added="care",
        added_before="last_run",
        empty=Empty(
            "heart",
            _("No care rules yet"),
            _("Choose when customers get a message, such as on their birthday or 90 days after their last order."),
            _("Marketers make them."),
        ),
    )
)
