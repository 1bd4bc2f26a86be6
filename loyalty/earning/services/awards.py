"""Services that award points for paid orders and for happenings: once per order or happening and rule (L7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Min

from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.db.locks import lock_rows, require_transaction
from crm.orders.models import Order, OrderQuerySet, OrderState
from loyalty.earning.models import Earning, EarningRuleVersion
from loyalty.earning.registry import Subject
from loyalty.earning.rules.caps import Counters
from loyalty.earning.selectors.evaluation import Evaluation, RuleOutcome
from loyalty.earning.selectors.rules import current_versions
from loyalty.earning.selectors.subjects import give_happenings, happening_subjects, subject_of_order
from loyalty.earning.services.records import record_earnings
from loyalty.earning.services.uses import lock_uses, save_uses
from loyalty.ledger.services.enrolment import accounts_of, enrol_many
from loyalty.program.models import Member, MemberState, Program
from loyalty.triggers.registry import READ_BACK, TRIGGERS

CHUNK = 5000
# Each customer of a chunk has an advisory lock, and all of them must fit into the server's lock table.
PEOPLE = 500


def award_points_for_orders(*, program: Program, orders: Iterable[Order], actor: Actor = SYSTEM) -> int:
    """Award every active rule's points for these paid orders; orders of guests and non-members are skipped.

    Enrols buyers first when the program says so. Returns how many spendable points were given in all.
    """
    total = 0
    iterator: Iterator[Order] = iter(orders)
    while chunk := list(islice(iterator, CHUNK)):
        with transaction.atomic():
            total += _award_chunk(program, chunk, actor)
    return total


def enrol_buyers(*, program: Program, orders: OrderQuerySet, actor: Actor = SYSTEM) -> int:
    """Enrol the buyers of these paid orders, since their first one, when the program says so.

    Returns how many were new.
    """
    if not program.auto_enrol:
        return 0
    paid = orders.paid().filter(customer__isnull=False, currency=program.currency).order_by()
    firsts: Iterator[tuple[int, datetime]] = iter(
        list(paid.values("customer_id").annotate(first=Min("paid_at")).values_list("customer_id", "first"))
    )
    total = 0
    while chunk := sorted(islice(firsts, CHUNK)):
        with transaction.atomic():
            total += enrol_many(
                program=program, customer_ids=[pk for pk, _at in chunk], since=[at for _pk, at in chunk], actor=actor
            )
    return total


def award_points_for_happenings(
    *, program: Program, customer_ids: Iterable[int], triggers: Iterable[str] | None = None, actor: Actor = SYSTEM
) -> int:
    """Award happenings of these customers by every active rule that is not about orders. `triggers` None means all.

    Looks back 35 days, but not beyond the enrolment or the start of the rule. Idempotent. Returns how many spendable
    points were given.
    """
    versions: dict[tuple[str, str], list[EarningRuleVersion]] = defaultdict(list)
    for version in current_versions(program, since=True):
        rule = version.rule
        if rule.trigger != "order" and rule.trigger in TRIGGERS and (triggers is None or rule.trigger in set(triggers)):
            versions[rule.trigger, rule.event_kind].append(version)
    if not versions:
        return 0
    total, people = 0, iter(sorted(set(customer_ids)))
    while chunk := list(islice(people, PEOPLE)):
        with transaction.atomic():
            _lock_people(chunk)
            rows = Member.objects.filter(program=program, customer_id__in=chunk, state=MemberState.ACTIVE)
            members = {member.customer_id: member for member in rows.select_related("tier")}
            for (trigger, kind), rules in versions.items():
                total += _award_happenings(program, trigger, kind, rules, members, actor)
    return total


def _award_chunk(program: Program, orders: Sequence[Order], actor: Actor) -> int:
    require_transaction()
    eligible = [
        (order, order.customer_id, order.paid_at)
        for order in orders
        if order.customer_id and order.paid_at and order.state == OrderState.PAID and order.currency == program.currency
    ]
    if not eligible:
        return 0
    if program.auto_enrol:
        first: dict[int, datetime] = {}
        for _order, buyer, paid_at in eligible:
            first[buyer] = min(first.get(buyer, paid_at), paid_at)
        enrol_many(program=program, customer_ids=sorted(first), since=[first[pk] for pk in sorted(first)], actor=actor)
    members = {
        member.customer_id: member
        for member in Member.objects.filter(
            program=program, customer_id__in={buyer for _order, buyer, _paid_at in eligible}, state=MemberState.ACTIVE
        ).select_related("tier")
    }
    zone = ZoneInfo(program.time_zone)
    subjects = [
        subject_of_order(order, members[buyer], at, zone)
        for order, buyer, at in eligible
        if buyer in members and not members[buyer].was_suspended(at)
    ]
    versions = [version for version in current_versions(program) if version.rule.trigger == "order"]
    evaluation = Evaluation(program, versions, subjects)
    counters, done = Counters(), set[tuple[int, int]]()
    if not all(plan.is_plain for plan in evaluation.plans):
        # Whether a rule is the best, or has room left, depends on what the others gave. So an order is settled once for
        # each point type, by the first transaction.
        ids = [subject.order for subject in subjects]
        lock_rows(Order.objects.filter(pk__in=ids).only("pk"), weak=True)
        counters = lock_uses(evaluation.counters_for(subjects), program)
        rows = Earning.objects.filter(order_id__in=ids, reference="").values_list("order_id", "rule__point_type_id")
        done = {(order, point_type) for order, point_type in rows if order is not None}
        subjects.sort(key=lambda subject: (subject.at, subject.order))
    outcomes: list[tuple[Subject, RuleOutcome]] = []
    for subject in subjects:
        if done:
            open_types = [one for one in evaluation.by_type if (subject.key, one) not in done]
            outcomes += [(subject, one) for one in evaluation.give(subject, counters, open_types)]
        else:
            outcomes += [(subject, one) for one in evaluation.give(subject, counters)]
    save_uses(counters.taken)
    joined = [member.pk for member in members.values()]
    accounts = accounts_of(program=program, member_ids=joined, point_types=evaluation.by_type)
    return record_earnings(program=program, outcomes=outcomes, accounts=accounts, actor=actor)


def _award_happenings(
    program: Program,
    trigger: str,
    kind: str,
    versions: list[EarningRuleVersion],
    members: Mapping[int, Member],
    actor: Actor,
) -> int:
    subjects = happening_subjects(program, trigger, kind, members, since=clock.now() - READ_BACK, versions=versions)
    if not subjects:
        return 0
    rows = Earning.objects.filter(
        rule__in=[version.rule for version in versions], reference__in=[subject.key for subject in subjects]
    )
    done = set(rows.values_list("reference", "rule__point_type_id"))
    evaluation = Evaluation(program, versions, subjects)
    counters = lock_uses(evaluation.counters_for(subjects), program)
    last = last_streaks(versions, members.values(), ZoneInfo(program.time_zone))
    outcomes = give_happenings(evaluation, counters, done, last)
    save_uses(counters.taken)
    joined = [member.pk for member in members.values()]
    accounts = accounts_of(program=program, member_ids=joined, point_types=evaluation.by_type)
    return record_earnings(program=program, outcomes=outcomes, accounts=accounts, actor=actor)


def last_streaks(versions: Sequence[EarningRuleVersion], members: Iterable[Member], zone: ZoneInfo) -> dict:
    """Return {(rule, member): the last day on which a streak of the rule gave}."""
    rules = [version.rule for version in versions if version.streak_days]
    if not rules:
        return {}
    rows = Earning.objects.filter(rule__in=rules, member__in=list(members))
    last_days: dict = {}
    for rule, member, at in rows.order_by("occurred_at").values_list("rule_id", "member_id", "occurred_at"):
        if at is not None:
            last_days[rule, member] = at.astimezone(zone).date()
    return last_days


def _lock_people(customers: list[int]) -> None:
    """Lock these customers, so that no other transaction reads their happenings until this one ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(pg_advisory_xact_lock(hashtextextended('loyalty.happenings:' || c.id, 0)))
               FROM (SELECT id FROM unnest(%s::bigint[]) AS given(id) ORDER BY id) AS c""",
            [customers],
        )
