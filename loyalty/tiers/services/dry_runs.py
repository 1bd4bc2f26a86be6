"""Dry run of a change to the program or its tiers (T5): how many members move, and what the points are worth then.

The change is a plan of a job. The job computes from current data with the evaluation's own statements and changes
nothing. Only a finished job can be applied, and only while the program and its tiers are as they were when it began.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict
from core.db.locks import lock_row
from core.jobs import services as jobs
from core.jobs.models import Job, JobState
from core.security.models import User
from loyalty.ledger.rules.expiry import expires_at
from loyalty.ledger.selectors import figures
from loyalty.ledger.selectors.balances import points_worth
from loyalty.program.models import Member, Program
from loyalty.program.services.settings import update_program
from loyalty.tiers.models import Tier
from loyalty.tiers.services.evaluation import LAST_ID, preview_moves, saved_tiers
from loyalty.tiers.services.setup import change_policy, create_tier, update_tier

KIND = "loyalty.program_dry_run"
CHUNK = 20_000
KEPT = timedelta(hours=24)
# Changes that move members, expire points or change what points are worth. Others are saved at once.
PROGRAM_FIELDS = frozenset({"redeem_points", "redeem_amount", "expiry_policy", "expiry_count"})
POLICY_FIELDS = frozenset({"tier_metric", "tier_period", "tier_window_days", "tier_downgrade", "tier_grace_days"})
TIER_FIELDS = frozenset({"threshold", "rank"})


def needs_dry_run(what: str, target: Any, values: Mapping[str, Any]) -> bool:
    """Return whether the values change something that a dry run must show first. `what`: program, policy or tier.

    A new tier (None) always does.
    """
    if target is None:
        return True
    fields = {"program": PROGRAM_FIELDS, "policy": POLICY_FIELDS, "tier": TIER_FIELDS}[what]
    return any(values[name] != getattr(target, name) for name in fields & values.keys())


def start(
    *, program: Program, what: str, values: Mapping[str, Any], tier: Tier | None = None, user: User | None = None
) -> Job:
    """Create the job; the task `core.run_job` hands it to a worker. Raises Invalid as saving would."""
    plan = {
        "program": program.pk,
        "what": what,
        "tier": tier.pk if tier else None,
        "values": {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()},
        "before": _present(program),
    }
    with transaction.atomic():
        # Saving and rolling back finds what the services refuse, such as a rank that another tier has.
        _save(program, plan, SYSTEM)
        transaction.set_rollback(True)
    label = tier.label if tier else str(values.get("name") or program.name)
    return jobs.create_job(kind=KIND, label=label, created_by=user, plan=plan, total=1)


def run(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    """Run a planned job, always from the start, because a run changes nothing."""
    program = Program.objects.get(pk=job.result["program"])
    return {"figures": dry_run(program, job.result, progress)}


def dry_run(program: Program, plan: Mapping[str, Any], progress: jobs.Progress | None = None) -> dict[str, Any]:
    """Return the figures of a plan: members who move tonight by the present and by the proposed rules, and points."""
    report, at = progress or jobs.Progress(None), clock.now()
    proposed = Program.objects.get(pk=program.pk)
    if plan["what"] != "tier":
        for name, value in plan["values"].items():
            if name in PROGRAM_FIELDS | POLICY_FIELDS:
                setattr(proposed, name, value)
    present_tiers, proposed_tiers = saved_tiers(program), _proposed_tiers(program, plan)
    moves: Counter[str] = Counter()
    done, total = 0, Member.objects.active().filter(program=program).count()
    report(0, total, force=True)
    first = 0
    while True:
        last = _last_of_chunk(program, first)
        for name, rules, tiers in (("now", program, present_tiers), ("then", proposed, proposed_tiers)):
            up, down = preview_moves(program=rules, tiers=tiers, at=at, first=first, last=last)
            moves[f"{name}_up"] += up
            moves[f"{name}_down"] += down
        done = min(done + CHUNK, total)
        report(done, total, force=True)
        if last == LAST_ID:
            break
        first = last + 1
    liability = figures.liability(program)
    return {
        "at": at.isoformat(),
        "members": total,
        "up": moves["then_up"],
        "down": moves["then_down"],
        "up_anyway": moves["now_up"],
        "down_anyway": moves["now_down"],
        "points": liability.points,
        "worth_before": points_worth(program, liability.points),
        "worth_after": points_worth(proposed, liability.points),
        **_expiry(program, proposed),
    }


def apply(*, job: Job, actor: Actor) -> str:
    """Save the change of a finished dry run. Return what was changed: program, policy or tier.

    Raises Conflict: `not_finished`, or `dry_run_outdated` when the job is old or anything changed since it began.
    """
    plan = job.result
    with transaction.atomic():
        program = lock_row(Program.objects.filter(pk=plan["program"]), weak=True)
        if job.kind != KIND or job.state != JobState.DONE or "figures" not in plan:
            raise Conflict(_("Wait until the dry run has finished."), code="not_finished")
        is_old = job.finished_at is None or job.finished_at < clock.now() - KEPT
        if is_old or plan["before"] != _present(program):
            raise Conflict(
                _("The program changed since this dry run, or the run is too old. Run it again."),
                code="dry_run_outdated",
            )
        _save(program, plan, actor)
    return str(plan["what"])


def _save(program: Program, plan: Mapping[str, Any], actor: Actor) -> None:
    values = dict(plan["values"])
    if plan["what"] == "program":
        update_program(program=program, actor=actor, **values)
    elif plan["what"] == "policy":
        change_policy(program=program, actor=actor, **values)
    else:
        if "multiplier" in values:
            values["multiplier"] = Decimal(values["multiplier"])
        if plan["tier"] is None:
            create_tier(program=program, actor=actor, **values)
        else:
            update_tier(tier=Tier.objects.get(pk=plan["tier"], program=program), actor=actor, **values)


def _present(program: Program) -> dict[str, Any]:
    """Return what the figures of a dry run depend on, as plain JSON."""
    fields = {name: getattr(program, name) for name in sorted(PROGRAM_FIELDS | POLICY_FIELDS)}
    return {**fields, "tiers": [list(row) for row in saved_tiers(program)]}


def _proposed_tiers(program: Program, plan: Mapping[str, Any]) -> list[tuple[int, int]]:
    rows = [(tier.rank, tier.pk, tier.threshold) for tier in Tier.objects.filter(program=program)]
    if plan["what"] == "tier":
        values = plan["values"]
        old = next((row for row in rows if row[1] == plan["tier"]), (0, 0, 0))
        rows = [row for row in rows if row[1] != plan["tier"]]
        rows.append((values.get("rank", old[0]), old[1], values.get("threshold", old[2])))
    return [(pk, threshold) for _rank, pk, threshold in sorted(rows)]


def _last_of_chunk(program: Program, first: int) -> int:
    members = Member.objects.active().filter(program=program, pk__gte=first).order_by("pk")
    following = list(members.values_list("pk", flat=True)[CHUNK : CHUNK + 1])
    return following[0] - 1 if following else LAST_ID


def _expiry(program: Program, proposed: Program) -> dict[str, int]:
    """Return how many points and members expire by saving: none, because a lot keeps its date (L10).

    `strict_points` are those that would be gone today if the proposed policy had applied when they became available.
    """
    unchanged = (program.expiry_policy, program.expiry_count) == (proposed.expiry_policy, proposed.expiry_count)
    strict_points, now = 0, clock.now()
    members: set[int] = set()
    if not unchanged:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT a.member_id, (l.available_from AT TIME ZONE %s)::date::timestamp AT TIME ZONE %s AS day,
                          sum(l.remaining)::bigint
                   FROM loyalty_lot l JOIN loyalty_account a ON a.id = l.account_id
                   JOIN loyalty_pointtype t ON t.id = a.point_type_id
                   WHERE l.open AND t.spendable AND t.program_id = %s AND l.available_from <= now()
                         AND (l.expires_at IS NULL OR l.expires_at > now())
                   GROUP BY 1, 2""",
                [program.time_zone, program.time_zone, program.pk],
            )
            for member, day, points in cursor.fetchall():
                ends = expires_at(day, proposed.expiry_policy, proposed.expiry_count, proposed.time_zone)
                if ends is not None and ends <= now:
                    strict_points += points
                    members.add(member)
    return {
        "expire_now": 0,
        "strict_points": strict_points,
        "strict_members": len(members),
        "expiry_changed": not unchanged,
    }
