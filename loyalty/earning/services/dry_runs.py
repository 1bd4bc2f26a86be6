"""Dry run of a proposed rule version over the last days of all members (T5).

It compares what the version would have given with what was given, and changes nothing. The version takes the place of
its rule's present one among the stacked rules. Its own dates are ignored, and its counters and budget begin empty on
the first day. Tiers are those that members had then; segments, categories and birthdays are today's. Later refunds are
deducted on both sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.errors import Invalid
from core.jobs import services as jobs
from core.jobs.models import Job
from core.security.models import User
from crm.customers.models import Customer
from crm.orders.models import Order
from loyalty.earning.models import Earning, EarningRule, EarningRuleVersion
from loyalty.earning.registry import Subject
from loyalty.earning.rules.caps import Counters
from loyalty.earning.rules.terms import EarningTerms
from loyalty.earning.selectors.evaluation import Evaluation, RuleOutcome
from loyalty.earning.selectors.previews import rules_with, trial_of
from loyalty.earning.selectors.subjects import give_happenings, happening_subjects, subject_of_order
from loyalty.earning.services.refunds import points_kept
from loyalty.earning.services.rules import new_rule, proposed_version
from loyalty.ledger.selectors.balances import points_worth
from loyalty.program.models import Member, PointType, Program, TierMetric
from loyalty.tiers.models import Tier, TierPeriod
from loyalty.tiers.rules import limits, step_for

KIND = "loyalty.dry_run"
CHUNK = 5_000
MOST_DAYS = 365
SHOWN = 10


@dataclass
class Tally:
    """Points by member: given, and what would have been given."""

    given: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    would: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    counted: int = 0
    cut: int = 0
    own: int = 0

    @property
    def differences(self) -> dict[int, int]:
        """Return the points more or less, by member."""
        return {pk: self.would.get(pk, 0) - self.given.get(pk, 0) for pk in self.given.keys() | self.would.keys()}

    def result(self, program: Program, point_type: PointType) -> dict[str, Any]:
        """Return the figures of the dry run: members up and down, points and their worth."""
        differences = self.differences
        up = [points for points in differences.values() if points > 0]
        down = [-points for points in differences.values() if points < 0]
        worth = [points_worth(program, points) if point_type.spendable else 0 for points in (sum(up), sum(down))]
        return {
            "counted": self.counted,
            "members": len(differences),
            "members_up": len(up),
            "members_down": len(down),
            "points_given": sum(self.given.values()),
            "points_would": sum(self.would.values()),
            "points_up": sum(up),
            "points_down": sum(down),
            "money_up": worth[0],
            "money_down": worth[1],
            "own": self.own,
            "cut": self.cut,
            "most": _named(sorted(differences.items(), key=lambda item: (-abs(item[1]), item[0]))[:SHOWN], self),
        }


def dry_run_rule(
    *, program: Program, version: EarningRuleVersion, days: int, progress: jobs.Progress | None = None
) -> dict[str, Any]:
    """Run an unpublished version over the last days, for all members. Return figures; see `Tally.result`.

    Raises Invalid when there are fewer days than one or more than 365.
    """
    check_days(days)
    report = progress or jobs.Progress(None)
    trial, now = trial_of(version), clock.now()
    since = now - timedelta(days=days)
    versions = rules_with(program, trial)
    tally = Tally()
    run = _orders if trial.rule.trigger == "order" else _happenings
    run(program, versions, trial, since, now, tally, report)
    return {
        "days": days,
        "from": since.isoformat(),
        "to": now.isoformat(),
        "tier_moves": _tier_moves(program, trial.rule.point_type, tally),
        **tally.result(program, trial.rule.point_type),
    }


def _tier_moves(program: Program, point_type: PointType, tally: Tally) -> dict[str, int] | None:
    """Count members whose growth value would reach another tier's threshold; None when tiers follow other values (T1).

    It starts from what each member qualifies with today. A member who keeps a tier until its period ends would go down
    only then (T2).
    """
    if program.tier_metric != TierMetric.GROWTH or point_type.spendable:
        return None
    least = limits(list(Tier.objects.filter(program=program).order_by("rank").values_list("threshold", flat=True)))
    differences = {pk: points for pk, points in tally.differences.items() if points}
    up = down = 0
    for member, have in Member.objects.filter(pk__in=differences).values_list("pk", "qualifying"):
        now, then = (step_for(value, least) for value in (have, have + differences[member]))
        up += then > now
        down += then < now
    return {"up": up, "down": down}


def start_dry_run(
    *,
    program: Program,
    rule: EarningRule | None,
    values: Mapping[str, Any],
    terms: EarningTerms,
    days: int,
    user: User | None = None,
) -> Job:
    """Create the job; the task `core.run_job` hands it to a worker. `values` are those of a rule that is not saved yet.

    Raises Invalid naming the field.
    """
    check_days(days)
    version = planned_version(program, {"rule": rule and rule.pk, "values": values, "terms": terms})
    plan = {"program": program.pk, "rule": rule and rule.pk, "values": dict(values), "terms": dict(terms), "days": days}
    return jobs.create_job(kind=KIND, label=f"{version.rule.name} · {days}", created_by=user, plan=plan)


def run_planned(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    """Run a planned job, always from the start, because a run changes nothing."""
    plan = job.result
    program = Program.objects.get(pk=plan["program"])
    version = planned_version(program, plan)
    return {"figures": dry_run_rule(program=program, version=version, days=plan["days"], progress=progress)}


def planned_version(program: Program, plan: Mapping[str, Any]) -> EarningRuleVersion:
    """Return the proposed version of a plan, for an existing rule or for one that is not saved. Raises Invalid."""
    if plan["rule"]:
        rule = EarningRule.objects.select_related("program", "point_type").get(pk=plan["rule"], program=program)
        rule.budget = plan["values"].get("budget", rule.budget)
        rule.position = plan["values"].get("position", rule.position)
    else:
        values = dict(plan["values"])
        point_type = PointType.objects.get(program=program, pk=values.pop("point_type"))
        rule = new_rule(program=program, point_type=point_type, **values)
    return proposed_version(rule=rule, terms=plan["terms"])


def check_days(days: int) -> None:
    """Check the length of a dry run in days. Raises Invalid."""
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(_("Choose from 1 to 365 days."), code="invalid", field="days")


def _orders(
    program: Program,
    versions: Sequence[EarningRuleVersion],
    trial: EarningRuleVersion,
    since: datetime,
    now: datetime,
    tally: Tally,
    report: jobs.Progress,
) -> None:
    zone, counters = ZoneInfo(program.time_zone), Counters()
    paid = Order.objects.paid().filter(paid_at__gte=since, paid_at__lte=now, currency=program.currency)
    orders: Iterator[Order] = paid.filter(customer__isnull=False).order_by("paid_at", "pk").iterator(chunk_size=CHUNK)
    total, done = paid.filter(customer__isnull=False).count(), 0
    while chunk := list(islice(orders, CHUNK)):
        members = _members(program, {order.customer_id for order in chunk if order.customer_id})
        rows = Earning.objects.filter(
            order__in=[order.pk for order in chunk], reference="", rule__point_type=trial.rule.point_type
        )
        points_by_order = {
            row["order_id"]: row["net"]
            for row in rows.values("order_id").annotate(net=Sum(F("points") - F("taken_back")))
        }
        by_id = {order.pk: order for order in chunk}
        subjects = []
        for order in chunk:
            member = members.get(order.customer_id or 0)
            if member is None or order.paid_at is None:
                continue
            if order.pk in points_by_order or order.paid_at >= member.enrolled_at:
                subjects.append(subject_of_order(order, member, order.paid_at, zone))
        tiers_then(subjects)
        evaluation = Evaluation(program, versions, subjects)
        outcomes = [(subject, one) for subject in subjects for one in evaluation.give(subject, counters)]
        _count(program, outcomes, by_id, trial, tally)
        for subject in subjects:
            tally.given[subject.member] += points_by_order.get(subject.order or 0, 0)
        tally.counted += len(subjects)
        done += len(chunk)
        report(done, total, force=True)


def _happenings(
    program: Program,
    versions: Sequence[EarningRuleVersion],
    trial: EarningRuleVersion,
    since: datetime,
    now: datetime,
    tally: Tally,
    report: jobs.Progress,
) -> None:
    rule, counters, last, done = trial.rule, Counters(), 0, 0
    active = Member.objects.active().filter(program=program).select_related("tier").order_by("pk")
    total = active.count()
    while chunk := list(active.filter(pk__gt=last)[:CHUNK]):
        members = {member.customer_id: member for member in chunk}
        subjects = happening_subjects(program, rule.trigger, rule.event_kind, members, since=since)
        tiers_then(subjects)
        evaluation = Evaluation(program, versions, subjects)
        outcomes = give_happenings(evaluation, counters, set(), {})
        orders = {
            order.pk: order for order in Order.objects.filter(pk__in={one.order for one, _out in outcomes if one.order})
        }
        _count(program, outcomes, orders, trial, tally)
        rows = Earning.objects.filter(
            Q(occurred_at__gte=since, occurred_at__lte=now),
            member__in=chunk,
            rule__trigger=rule.trigger,
            rule__event_kind=rule.event_kind,
            rule__point_type=rule.point_type,
        )
        for row in rows.values("member_id").annotate(net=Sum(F("points") - F("taken_back"))):
            tally.given[row["member_id"]] += row["net"]
        tally.counted += len(subjects)
        last, done = chunk[-1].pk, done + len(chunk)
        report(done, total, force=True)


def _count(
    program: Program,
    outcomes: Sequence[tuple[Subject, RuleOutcome]],
    orders: Mapping[int, Order],
    trial: EarningRuleVersion,
    tally: Tally,
) -> None:
    """Count what would be left of each award now, with the arithmetic of refunds."""
    refunded = []
    for number, (subject, one) in enumerate(outcomes):
        own = one.version is trial
        tally.cut += one.given.cut if own else 0
        order = orders.get(subject.order or 0)
        if order is not None and order.refunded:
            refunded.append((number, own, _as_earning(program, number, subject, one)))
        else:
            tally.would[subject.member] += one.given.points
            tally.own += one.given.points if own else 0
    points_left = points_kept([earning for _number, _own, earning in refunded], dict(orders))
    for number, own, earning in refunded:
        tally.would[earning.member_id] += points_left[number]
        tally.own += points_left[number] if own else 0


def _as_earning(program: Program, number: int, subject: Subject, outcome: RuleOutcome) -> Earning:
    return Earning(
        pk=number,
        member=Member(pk=subject.member, program=program),
        rule=outcome.version.rule,
        version=outcome.version,
        order_id=subject.order,
        reference="" if isinstance(subject.key, int) else subject.key,
        base=outcome.base,
        lines=None if outcome.judged.lines is None else list(outcome.judged.lines),
        multiplier=outcome.multiplier,
        points=outcome.given.points,
    )


def _members(program: Program, customers: set[int]) -> dict[int, Member]:
    rows = Member.objects.active().filter(program=program, customer__in=customers).select_related("tier")
    return {member.customer_id: member for member in rows}


def tiers_then(subjects: Sequence[Subject]) -> None:
    """Set each subject's tier to the member's tier at that time (T3). A member without a history keeps today's."""
    periods: dict[int, list[TierPeriod]] = defaultdict(list)
    rows = TierPeriod.objects.filter(member__in={subject.member for subject in subjects}).select_related("tier")
    for period in rows.order_by("started_at"):
        periods[period.member_id].append(period)
    for subject in subjects:
        known = periods.get(subject.member)
        if known:
            then = [one for one in known if one.started_at <= subject.at]
            subject.tier = (
                then[-1].tier if then and (then[-1].ended_at is None or then[-1].ended_at > subject.at) else None
            )


def _named(differences: Sequence[tuple[int, int]], tally: Tally) -> list[dict[str, Any]]:
    pks = [pk for pk, points in differences if points]
    names = {
        pk: (number, name)
        for pk, number, name in Customer.objects.filter(memberships__in=pks).values_list(
            "memberships", "number", "name"
        )
    }
    return [
        {
            "customer": names[pk][0],
            "name": names[pk][1],
            "given": tally.given.get(pk, 0),
            "would": tally.would.get(pk, 0),
        }
        for pk in pks
        if pk in names
    ]
