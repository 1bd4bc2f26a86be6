"""Orders and happenings as subjects of rules, and the awards of one trigger's rules for its happenings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from crm.orders.models import Order
from loyalty.earning.models import EarningRuleVersion
from loyalty.earning.registry import Subject
from loyalty.earning.rules.caps import Counters
from loyalty.earning.rules.earning import OrderAmounts
from loyalty.earning.selectors.evaluation import Evaluation, RuleJudgement, RuleOutcome
from loyalty.program.models import Member, Program
from loyalty.triggers.registry import TRIGGERS, Happening
from loyalty.triggers.rules.streaks import completed


def amounts_of(order: Order) -> OrderAmounts:
    return OrderAmounts(
        order.subtotal,
        order.discount,
        order.points_amount,
        order.shipping,
        order.tax,
        order.fees,
        order.total,
        order.refunded,
    )


def subject_of_order(order: Order, member: Member, at: datetime, zone: ZoneInfo) -> Subject:
    return Subject(
        key=order.pk,
        member=member.pk,
        customer=member.customer_id,
        at=at,
        local=at.astimezone(zone),
        tier=member.tier,
        order=order.pk,
        amounts=amounts_of(order),
        channel=order.channel,
        store=order.store_id,
    )


def subject_of_happening(happening: Happening, member: Member, zone: ZoneInfo) -> Subject:
    return Subject(
        key=happening.reference,
        member=member.pk,
        customer=member.customer_id,
        at=happening.at,
        local=happening.at.astimezone(zone),
        tier=member.tier,
        order=happening.order,
        amount=happening.amount,
        properties=happening.properties,
    )


def happening_subjects(
    program: Program,
    trigger: str,
    kind: str,
    members: Mapping[int, Member],
    *,
    since: datetime,
    versions: Sequence[EarningRuleVersion] = (),
) -> list[Subject]:
    """Return what these members did since then, oldest first; nothing from before they were members."""
    zone = ZoneInfo(program.time_zone)
    starts = [start for version in versions if (start := getattr(version, "rule_since", None))]
    if starts and len(starts) == len(versions):
        since = max(since, min(starts))
    happened = TRIGGERS[trigger].happened(sorted(members), since, kind)
    return [
        subject_of_happening(happening, members[happening.customer], zone)
        for happening in happened
        if happening.at >= max(members[happening.customer].enrolled_at, since)
        and not members[happening.customer].was_suspended(happening.at)
    ]


def give_happenings(
    evaluation: Evaluation, counters: Counters, done: set, last: Mapping
) -> list[tuple[Subject, RuleOutcome]]:
    """Return what all rules of one trigger give for its happenings, in the order of the happenings."""
    outcomes: list[tuple[Subject, RuleOutcome]] = []
    runs: dict[tuple[int, int], list[tuple[Subject, RuleJudgement]]] = defaultdict(list)
    for subject in evaluation.subjects:
        for point_type, plans in evaluation.by_type.items():
            holding: list[RuleJudgement] = []
            for plan in plans:
                rule = plan.version.rule
                start = getattr(plan.version, "rule_since", None)
                if start is not None and subject.at < start:
                    continue
                judged = evaluation.judge(plan, subject)
                if judged.refused:
                    continue
                if plan.version.streak_days:
                    runs[rule.pk, subject.member].append((subject, judged))
                else:
                    holding.append(judged)
            if holding and (subject.key, point_type) not in done:
                outcomes += [(subject, one) for one in evaluation.stacked(holding, subject, counters)]
    for (rule_id, member), run in runs.items():
        days: dict = {}
        for subject, judged in run:
            days.setdefault(subject.local.date(), (subject, judged))
        length = run[0][1].plan.version.streak_days
        for day in completed(days, length, last.get((rule_id, member))):
            subject, judged = days[day]
            # The key is the day: a late event may become the first of the day, and the streak is the same one.
            reached = Subject(**{**subject.__dict__, "key": f"streak:{member}:{day.isoformat()}"})
            outcomes += [(reached, one) for one in evaluation.stacked([judged], reached, counters)]
    return outcomes
