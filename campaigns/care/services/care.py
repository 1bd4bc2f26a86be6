"""Manage care rules: create, change, switch on and off. A rule sends a template when its condition becomes true."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from analytics.segments.models import Segment, SegmentState
from analytics.segments.services.queue import require_computed
from campaigns.calendar.selectors import is_occasion
from campaigns.care import events
from campaigns.care.models import CareRule, CareState, CareTrigger
from campaigns.care.services import audiences
from campaigns.care.services import runs as care_runs
from campaigns.care.services.template_fit import check_care_rule
from campaigns.coupons.models import CodeMode, Coupon
from campaigns.experiments.models import Experiment, ExperimentState
from campaigns.experiments.services.arms import check_experiment
from campaigns.experiments.services.attribution import check_attribution
from campaigns.messages.services import gate
from campaigns.messages.services.gate import AudiencePreview
from campaigns.templates.models import MessageClass, Template
from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from core.events.bus import EventType, emit
from core.lists.services import copy_name, refuse_archived

# A change of these fields makes a new version; messages made afterwards carry it (J8).
VERSIONED = ("trigger", "days", "occasion", "segment", "template", "coupon", "send_at", "holdout_percent", "experiment")
MOST_DAYS = {
    CareTrigger.BIRTHDAY: 60,
    CareTrigger.AFTER_PURCHASE: 365,
    CareTrigger.NO_ORDER: 1095,
    CareTrigger.POINTS_EXPIRING: 90,
    CareTrigger.OCCASION: 60,
}


def create_care_rule(
    *,
    name: str,
    trigger: str,
    template: Template,
    actor: Actor,
    days: int = 0,
    occasion: str = "",
    segment: Segment | None = None,
    coupon: Coupon | None = None,
    send_at: time | None = None,
    holdout_percent: int = 0,
    attribution_days: int = 7,
    experiment: Experiment | None = None,
) -> CareRule:
    """Create a draft, which sends nothing yet. Raises Invalid naming the field."""
    rule = CareRule(
        name=_name(name, None),
        trigger=trigger,
        template=template,
        days=days,
        occasion=occasion,
        segment=segment,
        coupon=coupon,
        send_at=send_at,
        holdout_percent=holdout_percent,
        attribution_days=attribution_days,
        experiment=experiment,
        owner_id=actor.user_id,
    )
    _check(rule)
    rule.save()
    rule.refresh_from_db()
    return rule


def update_care_rule(*, rule: CareRule, actor: Actor, **changes: Any) -> CareRule:
    """Change a rule.

    Queued messages keep what they were made with; no customer gets the same occurrence a second time.
    """
    unknown = changes.keys() - {"name", "attribution_days", *VERSIONED}
    if unknown:
        raise Invalid(_("Unknown field."), code="unknown_field", field=min(unknown))
    with transaction.atomic():
        locked = lock_row(CareRule.objects.filter(pk=rule.pk))
        refuse_archived(locked)
        before = {name: getattr(locked, name) for name in VERSIONED}
        if "name" in changes:
            changes["name"] = _name(changes["name"], locked.pk)
        for name, value in changes.items():
            setattr(locked, name, value)
        _check(locked)
        if any(getattr(locked, name) != value for name, value in before.items()):
            locked.version += 1
            locked.last_run_at = None
        locked.save()
        transaction.on_commit(care_runs.active_triggers.forget, robust=True)
    return locked


def duplicate_care_rule(*, rule: CareRule, actor: Actor) -> CareRule:
    """Create a draft of the same rule, without an ended experiment."""
    values = {name: getattr(rule, name) for name in (*VERSIONED, "attribution_days")}
    if rule.experiment and rule.experiment.state == ExperimentState.ENDED:
        values["experiment"] = None
    return create_care_rule(name=copy_name(CareRule, rule.name), actor=actor, **values)


def is_busy(rule: CareRule) -> bool:
    """Return whether the rule takes customers, so that it can't be archived."""
    return rule.state == CareState.ACTIVE


def activate_care_rule(*, rule: CareRule, actor: Actor) -> CareRule:
    """Activate the rule: it takes customers from now on.

    Raises Conflict when its segment or coupon can no longer be used.
    """
    with transaction.atomic():
        locked = lock_row(CareRule.objects.filter(pk=rule.pk))
        if locked.state == CareState.ACTIVE:
            return locked
        refuse_archived(locked)
        _check(locked)
        if locked.segment and locked.segment.state != SegmentState.ACTIVE:
            raise Conflict(_("The segment of this rule is archived."), code="segment_archived", field="segment")
        if locked.coupon and (
            not locked.coupon.active or (locked.coupon.ends_at and locked.coupon.ends_at <= clock.now())
        ):
            raise Conflict(_("The coupon of this rule has ended."), code="coupon_over", field="coupon")
        locked.state = CareState.ACTIVE
        locked.activated_at = Now()  # type: ignore[assignment]
        locked.last_run_at = None
        locked.save()
        locked.refresh_from_db()
        _emit(events.CARE_RULE_ACTIVATED, locked, actor)
    return locked


def pause_care_rule(*, rule: CareRule, actor: Actor) -> CareRule:
    """Pause the rule: it takes no more customers; queued messages are dropped at the moment of sending (J4)."""
    with transaction.atomic():
        locked = lock_row(CareRule.objects.filter(pk=rule.pk))
        if locked.state == CareState.ACTIVE:
            locked.state = CareState.PAUSED
            locked.save(update_fields=["state"])
            _emit(events.CARE_RULE_PAUSED, locked, actor)
    return locked


def preview_audience(rule: CareRule) -> AudiencePreview:
    """Preview who would get the rule's message now, through the gate that sends (J1). Writes nothing.

    The rule may be unsaved or inactive. Raises Conflict `segment_not_computed`.
    """
    _check(rule)
    require_computed(rule.segment)
    now = clock.now()
    select, params, basis = audiences.preview_select(rule, now)
    return gate.preview(select, params, now, basis)


def _emit(kind: EventType, rule: CareRule, actor: Actor) -> None:
    payload = {"rule": rule.pk, "name": rule.name, "version": rule.version}
    emit(kind, subject_id=None, payload=payload, actor=actor)
    transaction.on_commit(care_runs.active_triggers.forget, robust=True)


def _name(name: str, own: int | None) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > 120:
        raise Invalid(_("A name has 1 to 120 characters."), code="invalid", field="name")
    if CareRule.objects.filter(name=clean).exclude(pk=own).exists():
        raise Invalid(_("Another rule has this name."), code="name_taken", field="name")
    return clean


def _check(rule: CareRule) -> None:
    if rule.trigger not in CareTrigger.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="trigger")
    # A transactional template would bypass consent, caps and quiet hours.
    if rule.template.message_class != MessageClass.MARKETING:
        raise Invalid(
            _("A care rule needs a marketing template; this template is transactional."),
            code="transactional_template",
            field="template",
        )
    if rule.trigger == CareTrigger.SEGMENT_ENTERED and rule.segment is None:
        raise Invalid(_("Choose the segment."), code="required", field="segment")
    if not 0 <= rule.days <= MOST_DAYS.get(CareTrigger(rule.trigger), 365):
        raise Invalid(_("This number of days is too small or too large."), code="invalid", field="days")
    if rule.trigger != CareTrigger.OCCASION:
        rule.occasion = ""
    elif not rule.occasion:
        raise Invalid(_("Choose the festival or day."), code="required", field="occasion")
    elif not is_occasion(rule.occasion):
        raise Invalid(_("The calendar no longer has this day."), code="unknown_occasion", field="occasion")
    if rule.trigger == CareTrigger.NO_ORDER and rule.days < 1:
        raise Invalid(_("Enter the number of days without an order."), code="required", field="days")
    if not 0 <= rule.holdout_percent <= 90:
        raise Invalid(_("The holdout must be 0 to 90 percent."), code="invalid", field="holdout_percent")
    check_attribution(rule.attribution_days)
    check_experiment(rule.experiment, rule.template)
    if rule.coupon is not None and rule.coupon.mode != CodeMode.UNIQUE:
        raise Invalid(_("Choose a coupon with a code for each customer."), code="public_coupon", field="coupon")
    check_care_rule(rule)
