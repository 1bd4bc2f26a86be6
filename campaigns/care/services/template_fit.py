"""Check that templates fit care rules."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.care.models import CareRule, CareState, CareTrigger
from campaigns.experiments.services.template_fit import campaign_problems
from campaigns.templates.models import Template
from campaigns.templates.services.uses import (
    Texts,
    TextsOf,
    refuse_for_campaign,
    refuse_problems,
    saved_texts,
    texts_with,
)
from core.base.errors import Conflict


def check_care_rule(rule: CareRule, texts_of: TextsOf = saved_texts) -> None:
    """Raise Invalid `coupon_not_shown`, `coupon_missing`, `field_not_brought` or `unknown_field`."""
    refuse_problems(campaign_problems(rule.template, rule.coupon, rule.experiment, brought_by(rule), texts_of))


def brought_by(rule: CareRule) -> tuple[str, ...]:
    """Return the names that the rule's trigger adds to the context of its template."""
    return {
        CareTrigger.AFTER_PURCHASE: ("order",),
        CareTrigger.SEGMENT_ENTERED: ("segment",),
        CareTrigger.POINTS_EXPIRING: ("expiring",),
    }.get(CareTrigger(rule.trigger), ())


def check_texts(template: Template, texts: Texts) -> None:
    """Raise Conflict if an active rule does not fit new texts.

    Codes: `coupon_not_shown`, `coupon_missing`, `field_not_brought`. A draft is checked when it is activated.
    """
    texts_of = texts_with(template, texts)
    sends = Q(template=template) | Q(experiment__arms__template=template)
    for rule in CareRule.objects.filter(sends, state=CareState.ACTIVE).distinct().order_by("pk"):
        problems = campaign_problems(rule.template, rule.coupon, rule.experiment, brought_by(rule), texts_of)
        refuse_for_campaign(rule.name, problems)


def check_transactional(template: Template) -> None:
    """Raise Conflict `used_by_care_rule`: a rule sends marketing only."""
    if template.care_rules.exists():
        raise Conflict(
            _("A care rule uses this template, so it must stay marketing."),
            code="used_by_care_rule",
            field="message_class",
        )
