"""Evaluation of a program's earning rules for orders, carts or happenings: thousands at a time, with a few queries.

Nothing is written here. Awards, quotes, previews and dry runs use the same evaluation, so the points shown are the
points given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from crm.orders.models import LineKind, OrderLine
from loyalty.earning.models import EarningRuleVersion, Stacking
from loyalty.earning.registry import CONDITIONS, Condition, Subject, Values
from loyalty.earning.rules import earning as rules
from loyalty.earning.rules.caps import Cap, Counters, Key, caps_with_budget, keys_of
from loyalty.earning.rules.earning import Award, Base, RuleTerms, base_of_lines, earning_base, points_for
from loyalty.earning.rules.stacking import RulePoints, StackingCandidate, stack
from loyalty.earning.rules.terms import CapTerms, ConditionTerms
from loyalty.program.models import Program

NO_AWARD = Award(0, Decimal(0))
ONE = Decimal(1)


def terms_of(version: EarningRuleVersion) -> RuleTerms:
    return RuleTerms(
        version.points, version.per_amount, version.include_tax, version.include_shipping, version.tier_multiplier
    )


def caps_of(version: EarningRuleVersion) -> tuple[Cap, ...]:
    """Return the version's limits and its rule's budget."""
    stored: list[CapTerms] = version.caps
    caps = [Cap(one["period"], one["scope"], one["points"]) for one in stored]
    return caps_with_budget(caps, version.rule.budget)


@dataclass(frozen=True)
class Plan:
    """A version prepared for evaluation: its terms, limits and conditions.

    Conditions that name lines are kept apart.
    """

    version: EarningRuleVersion
    terms: RuleTerms
    caps: tuple[Cap, ...]
    narrowing: tuple[tuple[Condition, Values], ...]
    checks: tuple[tuple[str, Condition, Values], ...]
    unknown: tuple[str, ...]

    @classmethod
    def of(cls, version: EarningRuleVersion) -> Plan:
        narrowing, checks, unknown = [], [], []
        stored: list[ConditionTerms] = version.conditions
        for values in stored:
            condition = CONDITIONS.get(values["kind"])
            if condition is None:
                # The app that registered this condition was removed: the rule gives nothing, rather than points to
                # every member.
                unknown.append(values["kind"])
            elif condition.narrows:
                narrowing.append((condition, values))
            else:
                checks.append((values["kind"], condition, values))
        return cls(version, terms_of(version), caps_of(version), tuple(narrowing), tuple(checks), tuple(unknown))

    @property
    def is_plain(self) -> bool:
        """Return whether the rule is independent of other rules and of earlier awards.

        The natural key alone then prevents a second award.
        """
        return self.version.stacking == Stacking.SUM and not self.caps


@dataclass(frozen=True)
class RuleJudgement:
    """Result of one rule for one subject before stacking. `refused` says why it gives nothing.

    `lines` are the order lines that count; None means all of them.
    """

    plan: Plan
    base: Base
    multiplier: Decimal
    award: Award
    lines: tuple[int, ...] | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleOutcome:
    """Points that one rule gives for one subject, after stacking and limits."""

    judged: RuleJudgement
    given: RulePoints

    @property
    def version(self) -> EarningRuleVersion:
        return self.judged.plan.version

    @property
    def base(self) -> int:
        return self.judged.base.amount if self.given.multiplied is None else self.given.multiplied

    @property
    def multiplier(self) -> Decimal:
        return self.judged.multiplier if self.given.multiplied is None else self.version.factor


@dataclass
class Evaluation:
    """Evaluation of rules for subjects. Creating it reads all data that the conditions need."""

    program: Program
    versions: Sequence[EarningRuleVersion]
    subjects: Sequence[Subject]
    plans: list[Plan] = field(init=False)
    known: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.plans = [Plan.of(version) for version in self.versions]
        checks: dict[str, list[Values]] = defaultdict(list)
        for plan in self.plans:
            for kind, _condition, values in plan.checks:
                checks[kind].append(values)
        self.known = {kind: CONDITIONS[kind].gather(values, self.subjects) for kind, values in checks.items()}
        if any(plan.narrowing for plan in self.plans):
            read_lines(self.subjects)

    @cached_property
    def by_type(self) -> dict[int, list[Plan]]:
        """Group the plans by point type, because point types are independent of each other."""
        plans_by_type: dict[int, list[Plan]] = defaultdict(list)
        for plan in self.plans:
            plans_by_type[plan.version.rule.point_type_id].append(plan)
        return dict(plans_by_type)

    def judge(self, plan: Plan, subject: Subject, *, explain: bool = False) -> RuleJudgement:
        """Judge one rule for one subject. `explain` returns every condition that does not hold, not only the first."""
        refused: list[str] = list(plan.unknown)
        if not running(plan.version, subject.at):
            refused.append("not_running")
        base, lines = self._base(plan, subject)
        if plan.narrowing and not lines:
            refused.append("no_line")
        if subject.amounts is not None:
            subject.amount = base.amount
        for kind, condition, values in plan.checks:
            if refused and not explain:
                break
            if words := condition.refused(values, subject, self.known[kind]):
                refused.append(words)
        multiplier = subject.tier.multiplier if subject.tier and plan.terms.tier_multiplier else ONE
        if refused:
            return RuleJudgement(plan, base, multiplier, NO_AWARD, lines, tuple(refused))
        award = (
            NO_AWARD
            if plan.version.stacking == Stacking.MULTIPLY
            else points_for(base.amount, plan.terms, multiplier, self.program.rounding)
        )
        return RuleJudgement(plan, base, multiplier, award, lines)

    def give(self, subject: Subject, counters: Counters, point_types: Iterable[int] | None = None) -> list[RuleOutcome]:
        """Return what the subject earns by all rules, type by type. The counters advance."""
        outcomes: list[RuleOutcome] = []
        for point_type, plans in self.by_type.items():
            if point_types is not None and point_type not in point_types:
                continue
            holding = [one for plan in plans if not (one := self.judge(plan, subject)).refused]
            outcomes += self.stacked(holding, subject, counters)
        return outcomes

    def stacked(self, holding: Sequence[RuleJudgement], subject: Subject, counters: Counters) -> list[RuleOutcome]:
        """Stack the rules of one point type whose conditions all hold."""
        by_rule = {one.plan.version.rule.pk: one for one in holding}
        candidates = [self._candidate(one, subject) for one in holding]
        return [RuleOutcome(by_rule[one.rule], one) for one in stack(candidates, self.program.rounding, counters)]

    def counters_for(self, subjects: Iterable[Subject]) -> set[Key]:
        """Return every counter that awards of these subjects may change."""
        limited = [plan for plan in self.plans if plan.caps]
        return {
            key
            for subject in subjects
            for plan in limited
            for key in keys_of(plan.version.rule.pk, subject.member, subject.local.date(), plan.caps)
        }

    def _candidate(self, judged: RuleJudgement, subject: Subject) -> StackingCandidate:
        version, caps = judged.plan.version, judged.plan.caps
        keys: Mapping[Key, int] = keys_of(version.rule.pk, subject.member, subject.local.date(), caps) if caps else {}
        return StackingCandidate(
            version.rule.pk, version.rule.position, version.stacking, judged.award, Decimal(version.factor), keys
        )

    def _base(self, plan: Plan, subject: Subject) -> tuple[Base, tuple[int, ...] | None]:
        if subject.amounts is None:
            return Base(max(subject.amount, 0)), None
        whole = earning_base(subject.amounts, plan.terms)
        if not plan.narrowing:
            return Base(whole), None
        lines = subject.lines or []
        counting = [
            line for line in lines if all(condition.counts(values, line) for condition, values in plan.narrowing)
        ]
        return base_of_lines(whole, lines, counting), tuple(line.id for line in counting)


def running(version: EarningRuleVersion, at: datetime) -> bool:
    rule = version.rule
    return (rule.starts_at is None or rule.starts_at <= at) and (rule.ends_at is None or at < rule.ends_at)


def read_lines(subjects: Sequence[Subject]) -> None:
    """Read the product lines of the orders that have none yet, with one query."""
    missing = {subject.order: subject for subject in subjects if subject.lines is None and subject.order is not None}
    lines_by_order = lines_of(missing.keys())
    for order, subject in missing.items():
        subject.lines = lines_by_order.get(order, [])


def lines_of(orders: Iterable[int]) -> dict[int, list[rules.OrderLine]]:
    rows = OrderLine.objects.filter(order_id__in=list(orders), kind=LineKind.PRODUCT).order_by("order_id", "position")
    lines_by_order: dict[int, list[rules.OrderLine]] = defaultdict(list)
    columns = ("order_id", "pk", "amount", "product__sku", "product__category", "refunded_amount")
    for order, pk, amount, sku, category, refunded in rows.values_list(*columns):
        lines_by_order[order].append(rules.OrderLine(pk, amount, sku or "", category or "", refunded))
    return lines_by_order
