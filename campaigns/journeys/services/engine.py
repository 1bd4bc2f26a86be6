"""Advance runs: claim them in chunks and do each step of a chunk in one transaction (F2, F3, F4).

1. Claim: due runs of one journey get this worker's claim and a lease. If the worker dies, the lease expires and another
   worker continues the runs from their current step.
2. Step: lock the runs at the same step of the same version under the claim, check them again (J4), act on all of them,
   record the step (unique by run and step) and move them on. All of that is one transaction: the step is done and
   recorded, or neither.
3. Continue: runs whose next step is due immediately stay claimed and are done next; the others give their claim back
   and wait as rows.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction

from campaigns.journeys import rules
from campaigns.journeys.models import EndReason, Journey, JourneyState, JourneyVersion
from campaigns.journeys.registry import STEPS, Run, StepBatch, Wait
from campaigns.journeys.services import facts as journey_facts
from core.base import clock
from core.base.zones import shop_zone
from core.jobs.sweeping import Sweep
from core.sending.marker import marker

log = structlog.get_logger("liuke.journeys")
CHUNK = 2_000
LEASE_SECONDS = 60
MAX_ATTEMPTS = 8
SWEEP = 20_000


def lease_seconds() -> int:
    """Return the seconds for which a worker claims a run."""
    return getattr(settings, "JOURNEY_LEASE_SECONDS", LEASE_SECONDS)


@dataclass(frozen=True)
class JourneyPlan:
    """Hold a version in a form that the engine can follow."""

    id: int
    number: int
    journey: int
    name: str
    definition: rules.JourneyDefinition
    steps: dict[str, rules.Step]
    ways: dict[tuple[str, str], str]
    places: dict[str, int]

    def follow(self, step: str, outcome: str) -> str:
        """Return the step after `step` for an outcome, or "" at the end."""
        return rules.follow(self.ways, step, outcome)


@lru_cache(maxsize=256)
def plan_of(version_id: int) -> JourneyPlan:
    """Return the plan of a version, cached without expiry, because a version never changes (J8)."""
    version = JourneyVersion.objects.select_related("journey").get(pk=version_id)
    steps = version.definition["steps"]
    return JourneyPlan(
        version.pk,
        version.number,
        version.journey_id,
        version.journey.name,
        version.definition,
        rules.by_id(steps),
        rules.flow(steps),
        rules.order(steps),
    )


def advance_due(*, seconds: float = 50.0, chunk: int = CHUNK, held_before: datetime | None = None) -> int:
    """Advance due runs of all running journeys, in turn, until nothing is due or the time is up. Return the steps done.

    `held_before`: work even while sending is held, but only on runs due before that moment. It serves a person's
    decision about runs that were due at a restore.
    """
    until = time.monotonic() + seconds
    steps_done = 0
    sweep = Sweep("campaigns.advance_journeys")
    waiting = list(Journey.objects.filter(state=JourneyState.RUNNING).order_by("pk").values_list("pk", flat=True))
    while waiting and time.monotonic() < until:
        for journey in list(waiting):
            claim = claim_runs(journey_id=journey, limit=chunk, held_before=held_before)
            if claim is None:
                waiting.remove(journey)
                continue
            steps = sweep.attempt(journey, lambda claim=claim: advance_claim(claim))
            if steps is None:
                # The runs that it claimed are due again when the lease expires.
                waiting.remove(journey)
                continue
            steps_done += steps
            if time.monotonic() >= until:
                break
    return steps_done


def claim_runs(*, journey_id: int, limit: int = CHUNK, held_before: datetime | None = None) -> UUID | None:
    """Claim due runs of a running journey; None when there are none. Runs with an expired lease are due again."""
    claim = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_journeyrun r SET claim = %(claim)s,
                      leased_until = clock_timestamp() + make_interval(secs => %(lease)s)
               FROM (SELECT n.id FROM campaigns_journeyrun n
                     WHERE n.journey_id = %(journey)s AND n.state = 'active' AND n.due_at <= clock_timestamp()
                           AND (n.leased_until IS NULL OR n.leased_until < clock_timestamp())
                           AND EXISTS (SELECT FROM campaigns_journey j WHERE j.id = %(journey)s AND j.state = 'running')
                           AND CASE WHEN %(before)s::timestamptz IS NULL THEN NOT core_sending_held(%(line)s, %(seen)s)
                                    ELSE n.due_at <= %(before)s::timestamptz END
                     ORDER BY n.due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED) AS due
               WHERE r.id = due.id""",
            {
                "claim": claim,
                "lease": lease_seconds(),
                "journey": journey_id,
                "limit": limit,
                "before": held_before,
                "line": marker.line,
                "seen": marker.seen,
            },
        )
        return claim if cursor.rowcount else None


def advance_claim(claim: UUID) -> int:
    """Do the due steps of the claimed runs until each waits or has ended. Return how many steps were done."""
    steps_done = 0
    last_beat = time.monotonic()
    failed: set[int] = set()
    while (group := _next_group(claim)) is not None:
        version, step, ids = group
        if time.monotonic() - last_beat > lease_seconds() / 3:
            _beat(claim)
            last_beat = time.monotonic()
        ids = [pk for pk in ids if pk not in failed]
        if not ids:
            break
        try:
            steps_done += _do_step(claim, version, step, ids)
        except Exception as error:
            log.warning("journey_step_failed", version=version, step=step, runs=len(ids), error=str(error)[:300])
            steps_done += _one_by_one(claim, version, step, ids, failed)
    return steps_done


def _one_by_one(claim: UUID, version: int, step: str, ids: Sequence[int], failed: set[int]) -> int:
    """Do the step for each run alone, so that a failing run does not block the others.

    A failing run is tried again later, and ends after too many attempts.
    """
    steps_done = 0
    for pk in ids:
        try:
            steps_done += _do_step(claim, version, step, [pk])
        except Exception as error:
            log.error("journey_run_failed", run=pk, step=step, error=str(error)[:300])
            failed.add(pk)
            _postpone(claim, pk, error)
    return steps_done


def _next_group(claim: UUID) -> tuple[int, str, list[int]] | None:
    """Return the runs of the claim at the earliest step, so that runs that part at a branch meet again after it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version_id, step, array_agg(id ORDER BY id) FROM campaigns_journeyrun WHERE claim = %s "
            "GROUP BY 1, 2",
            [claim],
        )
        groups = cursor.fetchall()
    if not groups:
        return None
    return min(groups, key=lambda group: (group[0], plan_of(group[0]).places.get(group[1], 0)))


def _do_step(claim: UUID, version: int, step: str, ids: Sequence[int]) -> int:
    with transaction.atomic():
        plan = plan_of(version)
        rows = _lock(claim, step, ids)
        if not rows:
            return 0
        tally: Tally = Counter()
        over = journey_facts.over(plan.definition, {run.id: (run.customer, run.entered_at) for run in rows})
        _end(over, tally)
        _act(plan, step, [run for run in rows if run.id not in over], tally)
        count(plan.id, tally)
    return len(rows)


def _act(plan: JourneyPlan, step: str, runs: Sequence[Run], tally: Tally) -> None:
    """Do the step for the remaining runs, and move them on."""
    definition = plan.steps.get(step)
    if not runs:
        return
    if definition is None:
        # A version without steps: a run completes as soon as it enters.
        _end({run.id: EndReason.COMPLETED for run in runs}, tally)
        return
    kind = STEPS[definition["kind"]]
    batch = StepBatch(plan.journey, plan.name, plan.number, plan.definition, definition, runs, clock.now())
    outcomes = kind.act(batch)
    _wait_on([run for run in runs if outcomes.get(run.id) is None])
    decided = {pk: outcome for pk, outcome in outcomes.items() if outcome is not None}
    _record(step, decided, tally)
    ended: dict[int, str] = {}
    moved: dict[str, list[Run]] = {}
    for run in runs:
        if run.id not in decided:
            continue
        outcome = decided[run.id]
        if kind.ends and outcome == kind.ends:
            ended[run.id] = kind.ends
        elif target := plan.follow(step, outcome):
            moved.setdefault(target, []).append(run)
        else:
            ended[run.id] = EndReason.COMPLETED
    _end(ended, tally)
    for target, arriving in moved.items():
        _arrive(plan, target, arriving, batch)


def _lock(claim: UUID, step: str, ids: Sequence[int]) -> list[Run]:
    """Lock the runs that this claim still holds at this step: an expired lease may have given them to another worker.

    Runs of a paused journey are released: a pause stops a chunk at its next step.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.id, r.customer_id, r.number, r.entered_at, r.step_at, r.waits_until, r.context, j.state
               FROM campaigns_journeyrun r JOIN campaigns_journey j ON j.id = r.journey_id
               WHERE r.id = ANY(%s) AND r.claim = %s AND r.state = 'active' AND r.step = %s
               ORDER BY r.id FOR NO KEY UPDATE OF r""",
            [list(ids), claim, step],
        )
        rows = cursor.fetchall()
        if rows and rows[0][-1] != JourneyState.RUNNING:
            cursor.execute(
                "UPDATE campaigns_journeyrun SET claim = NULL, leased_until = NULL WHERE id = ANY(%s)",
                [[row[0] for row in rows]],
            )
            return []
    return [
        Run(pk, customer, number, entered, at, until, json.loads(context) if isinstance(context, str) else context)
        for pk, customer, number, entered, at, until, context, _state in rows
    ]


def _record(step: str, outcomes: dict[int, str], tally: Tally) -> None:
    """Insert one row per run and step. A second one raises IntegrityError, which rolls the step back."""
    if not outcomes:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_journeysteprecord (run_id, step, outcome, at)
               SELECT g.run, %s, g.outcome, clock_timestamp()
               FROM unnest(%s::bigint[], %s::text[]) AS g(run, outcome)""",
            [step, list(outcomes), list(outcomes.values())],
        )
    tally.update((step, outcome) for outcome in outcomes.values())


Tally = Counter[tuple[str, str]]


def count(version: int, tally: Mapping[tuple[str, str], int]) -> None:
    """Add to today's counts of (step, outcome).

    Once per transaction and in a fixed order, so that writers never deadlock.
    """
    if not tally:
        return
    rows = sorted(tally.items())
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_journeystepcount AS c (version_id, step, outcome, day, count)
               SELECT %s, g.step, g.outcome, (clock_timestamp() AT TIME ZONE %s)::date, g.count
               FROM unnest(%s::text[], %s::text[], %s::bigint[]) WITH ORDINALITY AS g(step, outcome, count, place)
               ORDER BY g.place
               ON CONFLICT (version_id, step, outcome, day) DO UPDATE SET count = c.count + excluded.count""",
            [
                version,
                shop_zone(),
                [step for (step, _outcome), _count in rows],
                [outcome for (_step, outcome), _count in rows],
                [number for _key, number in rows],
            ],
        )


def _end(reasons: dict[int, str], tally: Tally) -> None:
    if not reasons:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_journeyrun r SET state = 'ended', ended_at = clock_timestamp(), end_reason = g.reason,
                      claim = NULL, leased_until = NULL, waits_until = NULL, waits_for = '', error = ''
               FROM unnest(%s::bigint[], %s::text[]) AS g(id, reason) WHERE r.id = g.id AND r.state = 'active'""",
            [list(reasons), list(reasons.values())],
        )
    tally.update((rules.END, reason) for reason in reasons.values())


def _arrive(plan: JourneyPlan, target: str, runs: Sequence[Run], before: StepBatch) -> None:
    """Move runs to the next step: waiting runs give the claim back, the others keep it and continue.

    A run that waits for an event is checked once more under the claim, because the event may have come before the wait
    was visible.
    """
    definition = plan.steps[target]
    arrived = [
        Run(run.id, run.customer, run.number, run.entered_at, before.now, None,
            {**run.context, **before.learned.get(run.id, {})})
        for run in runs
    ]  # fmt: skip
    batch = StepBatch(plan.journey, plan.name, plan.number, plan.definition, definition, arrived, before.now)
    waits: dict[int, Wait] = STEPS[definition["kind"]].wait(batch)
    learned = {run.id: json.dumps(run.context) for run in arrived if run.id in before.learned}
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_journeyrun r SET step = %(step)s, step_at = %(now)s, attempts = 0, error = '',
                      due_at = CASE WHEN g.event = '' THEN coalesce(g.until, %(now)s) ELSE %(now)s END,
                      waits_until = g.until, waits_for = g.event, context = coalesce(g.context::jsonb, r.context),
                      claim = CASE WHEN g.event = '' AND g.until > clock_timestamp() THEN NULL ELSE r.claim END,
                      leased_until = CASE WHEN g.event = '' AND g.until > clock_timestamp() THEN NULL
                                     ELSE clock_timestamp() + make_interval(secs => %(lease)s) END
               FROM unnest(%(ids)s::bigint[], %(until)s::timestamptz[], %(events)s::text[], %(contexts)s::text[])
                    AS g(id, until, event, context)
               WHERE r.id = g.id""",
            {
                "step": target,
                "now": before.now,
                "lease": lease_seconds(),
                "ids": [run.id for run in arrived],
                "until": [waits[run.id].until if run.id in waits else None for run in arrived],
                "events": [waits[run.id].event if run.id in waits else "" for run in arrived],
                "contexts": [learned.get(run.id) for run in arrived],
            },
        )


def _wait_on(runs: Sequence[Run]) -> None:
    """Set runs that woke before their wait was over back to the latest end of the wait."""
    if runs:
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE campaigns_journeyrun
                   SET due_at = coalesce(waits_until, due_at), claim = NULL, leased_until = NULL
                   WHERE id = ANY(%s)""",
                [[run.id for run in runs]],
            )


def _postpone(claim: UUID, pk: int, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"[:500].replace("\x00", "")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_journeyrun SET attempts = attempts + 1, error = %s, claim = NULL, leased_until = NULL,
                      due_at = clock_timestamp() + make_interval(secs => least(3600, 5 * power(4, attempts)))
               WHERE id = %s AND claim = %s RETURNING attempts, version_id""",
            [text, pk, claim],
        )
        row = cursor.fetchone()
        if row and row[0] >= MAX_ATTEMPTS:
            tally: Tally = Counter()
            _end({pk: EndReason.FAILED}, tally)
            count(row[1], tally)
            cursor.execute("UPDATE campaigns_journeyrun SET error = %s WHERE id = %s", [text, pk])


def _beat(claim: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_journeyrun SET leased_until = clock_timestamp() + make_interval(secs => %s) "
            "WHERE claim = %s",
            [lease_seconds(), claim],
        )


def end_stopped(*, limit: int = SWEEP) -> int:
    """End the runs of stopped journeys, one chunk per transaction. Return how many; idempotent."""
    ended = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """WITH gone AS (
                       SELECT r.id FROM campaigns_journeyrun r JOIN campaigns_journey j ON j.id = r.journey_id
                       WHERE j.state = 'stopped' AND r.state = 'active' LIMIT %s FOR UPDATE OF r SKIP LOCKED)
                   UPDATE campaigns_journeyrun r
                   SET state = 'ended', ended_at = clock_timestamp(), end_reason = 'stopped',
                       claim = NULL, leased_until = NULL, waits_until = NULL, waits_for = ''
                   FROM gone WHERE r.id = gone.id RETURNING r.version_id""",
                [limit],
            )
            versions = [row[0] for row in cursor.fetchall()]
            for version in sorted(set(versions)):
                count(version, {(rules.END, EndReason.STOPPED): versions.count(version)})
        ended += len(versions)
        if len(versions) < limit:
            return ended
