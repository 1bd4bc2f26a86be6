"""Services that create earning rules and publish versions. A published version never changes: earnings name it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django.db import transaction
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_name, lock_row
from core.lists.services import copy_name, refuse_archived
from loyalty.earning.models import EarningRule, EarningRuleVersion, Stacking
from loyalty.earning.registry import clean_conditions
from loyalty.earning.rules.caps import SCOPES
from loyalty.earning.rules.terms import CapTerms, EarningTerms
from loyalty.program.models import PointType, Program
from loyalty.program.rules.periods import PERIODS
from loyalty.triggers import registry as triggers
from loyalty.triggers.registry import TRIGGERS

LARGEST = 2**31 - 1
RULE_FIELDS = ("name", "position", "budget", "active", "starts_at", "ends_at")
TERMS = frozenset(EarningTerms.__annotations__)


def create_rule(
    *,
    program: Program,
    point_type: PointType,
    name: str,
    terms: EarningTerms,
    actor: Actor,
    trigger: str = "order",
    event_kind: str = "",
    **values: Any,
) -> EarningRule:
    """Create a rule with its first version, which counts from now on. Raises Invalid naming the field."""
    rule = new_rule(program=program, point_type=point_type, name=name, trigger=trigger, event_kind=event_kind, **values)
    version = proposed_version(rule=rule, terms=terms)
    with transaction.atomic():
        lock_name("loyalty.earning-rule-code", program.pk)
        rule.code = _code(program, rule.name)
        rule.owner_id = actor.user_id
        rule.save(force_insert=True)
        _publish(rule, version, actor)
    triggers.forget()
    return rule


def publish_version(*, rule: EarningRule, terms: EarningTerms, actor: Actor) -> EarningRuleVersion:
    """Publish a new version for orders from now on. Earlier earnings keep naming the version before."""
    version = proposed_version(rule=rule, terms=terms)
    with transaction.atomic():
        locked = lock_row(EarningRule.objects.filter(pk=rule.pk), weak=True)
        refuse_archived(locked)
        return _publish(locked, version, actor)


def duplicate_rule(*, rule: EarningRule, actor: Actor) -> EarningRule:
    """Create a rule with the newest terms of this one, switched off and without dates."""
    newest = rule.versions.order_by("-version").first()
    if newest is None:
        raise Invalid(_("This rule has no terms yet."), code="required", field="terms")
    terms = cast(EarningTerms, {name: getattr(newest, name) for name in TERMS})
    return create_rule(
        program=rule.program,
        point_type=rule.point_type,
        name=copy_name(EarningRule, rule.name),
        terms=terms,
        trigger=rule.trigger,
        event_kind=rule.event_kind,
        position=rule.position,
        budget=rule.budget,
        active=False,
        actor=actor,
    )


def is_busy(rule: EarningRule) -> bool:
    """Return whether the rule earns points now or later, so that it can't be archived."""
    return rule.active and (rule.ends_at is None or rule.ends_at > clock.now())


def update_rule(*, rule: EarningRule, actor: Actor, **values: Any) -> EarningRule:
    """Change the settings outside of versions: name, position, budget, dates, switched on or off. Raises Invalid."""
    _check_rule(values)
    with transaction.atomic():
        locked = lock_row(EarningRule.objects.filter(pk=rule.pk), weak=True)
        refuse_archived(locked)
        for name, value in values.items():
            setattr(locked, name, value)
        _check_dates(locked.starts_at, locked.ends_at)
        locked.save(update_fields=list(values))
    triggers.forget()
    return locked


def new_rule(
    *, program: Program, point_type: PointType, name: str, trigger: str = "order", event_kind: str = "", **values: Any
) -> EarningRule:
    """Return a rule as it would be saved, to try it first. Raises Invalid."""
    _check_rule({"name": name, **values})
    _check_dates(values.get("starts_at"), values.get("ends_at"))
    if point_type.program_id != program.pk:
        raise Invalid(_("This point type belongs to another program."), code="invalid", field="point_type")
    source = TRIGGERS.get(trigger)
    if source is None:
        raise Invalid(_("There is no such trigger."), code="unknown_trigger", field="trigger")
    if source.kinds is not None and not event_kind:
        raise Invalid(_("Choose the kind of activity."), code="required", field="event_kind")
    kind = event_kind if source.kinds is not None else ""
    return EarningRule(
        program=program, point_type=point_type, name=name.strip(), trigger=trigger, event_kind=kind[:40], **values
    )


def proposed_version(*, rule: EarningRule, terms: EarningTerms) -> EarningRuleVersion:
    """Return a version as it would be published, checked and not saved. Raises Invalid naming the field."""
    if unknown := set(terms) - TERMS:
        raise Invalid(
            _("There is no field %(name)s.") % {"name": sorted(unknown)[0]}, code="invalid", field=sorted(unknown)[0]
        )
    stacking = terms.get("stacking", Stacking.SUM)
    if stacking not in Stacking.values:
        raise Invalid(_("Choose add, best or multiply."), code="invalid", field="stacking")
    multiplies = stacking == Stacking.MULTIPLY
    per_amount = None if multiplies else terms.get("per_amount")
    streak = _whole(terms, "streak_days", 0, 0, 31)
    if streak == 1:
        raise Invalid(_("Use at least 2 days in a row."), code="invalid", field="streak_days")
    if streak and (rule.trigger == "order" or stacking != Stacking.SUM):
        raise Invalid(
            _("Days in a row are only for rules that add and whose trigger is not an order."),
            code="invalid",
            field="streak_days",
        )
    if rule.trigger == "order" or not per_amount:
        per = None if per_amount is None else _whole(terms, "per_amount", 0, 1, LARGEST)
    else:
        if rule.trigger != "referral":
            raise Invalid(_("Only orders have an amount."), code="invalid", field="per_amount")
        per = _whole(terms, "per_amount", 0, 1, LARGEST)
    return EarningRuleVersion(
        rule=rule,
        points=0 if multiplies else _whole(terms, "points", 1, 1, LARGEST),
        per_amount=per,
        include_tax=bool(terms.get("include_tax", False)),
        include_shipping=bool(terms.get("include_shipping", False)),
        tier_multiplier=bool(terms.get("tier_multiplier", True)) and not multiplies,
        conditions=clean_conditions(terms.get("conditions", []), program=rule.program, trigger=rule.trigger),
        stacking=stacking,
        factor=_factor(terms.get("factor")) if multiplies else Decimal(1),
        caps=_caps(terms.get("caps", [])),
        streak_days=streak,
    )


def _publish(rule: EarningRule, version: EarningRuleVersion, actor: Actor) -> EarningRuleVersion:
    last = rule.versions.order_by("-version").values_list("version", flat=True).first() or 0
    version.rule, version.version, version.published_by = rule, last + 1, str(actor)[:80]
    version.save(force_insert=True)
    version.refresh_from_db(fields=["published_at"])
    return version


def _check_rule(values: Mapping[str, Any]) -> None:
    if unknown := set(values) - set(RULE_FIELDS):
        raise Invalid(_("This can't be changed."), code="invalid", field=sorted(unknown)[0])
    if "name" in values and not (0 < len(str(values["name"]).strip()) <= 120):
        raise Invalid(_("Enter a name of at most 120 characters."), code="required", field="name")
    for name, most in (("position", 32767), ("budget", 2**53)):
        value = values.get(name)
        if value is not None and not (isinstance(value, int) and 0 <= value <= most):
            raise Invalid(_("Use a whole number in the allowed range."), code="invalid", field=name)


def _check_dates(starts_at: datetime | None, ends_at: datetime | None) -> None:
    if starts_at and ends_at and ends_at <= starts_at:
        raise Invalid(_("The end is before the start."), code="invalid", field="ends_at")


def _whole(terms: Mapping[str, Any], name: str, otherwise: int, least: int, most: int) -> int:
    value = terms.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(_("Use a whole number in the allowed range."), code="invalid", field=name)
    return value


def _factor(raw: Any) -> Decimal:
    try:
        factor = Decimal(str(raw))
    except InvalidOperation:
        factor = Decimal(0)
    if not (factor.is_finite() and 1 < factor <= 100) or factor != factor.quantize(Decimal("0.01")):
        raise Invalid(_("Use a factor above 1 and at most 100, with two decimals."), code="invalid", field="factor")
    return factor


def _caps(raw: Any) -> list[CapTerms]:
    if not isinstance(raw, list):
        raise Invalid(_("Limits must be a list."), code="invalid", field="caps")
    caps: list[CapTerms] = []
    for one in raw:
        cap = one if isinstance(one, dict) else {}
        period, scope, points = cap.get("period"), cap.get("scope"), cap.get("points")
        fits = isinstance(points, int) and not isinstance(points, bool) and 0 < points <= 2**53
        if period not in PERIODS or scope not in SCOPES or not fits:
            raise Invalid(_("A limit needs a period, a scope and a number of points."), code="invalid", field="caps")
        if any(other["period"] == period and other["scope"] == scope for other in caps):
            raise Invalid(_("Use one limit for each period and scope."), code="invalid", field="caps")
        caps.append(cast(CapTerms, {"period": period, "scope": scope, "points": points}))
    return sorted(caps, key=lambda cap: (SCOPES.index(cap["scope"]), PERIODS.index(cap["period"])))


def _code(program: Program, name: str) -> str:
    base = slugify(name)[:30] or "rule"
    code = base
    while EarningRule.objects.filter(program=program, code=code).exists():
        code = f"{base}-{get_random_string(6, 'abcdefghjkmnpqrstuvwxyz23456789')}"
    return code
