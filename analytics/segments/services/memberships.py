"""The only writer of memberships: who is in which segments since when, and who has left (S1, S2, docs/adr/0012).

The moves of a computation are gathered per customer in a temporary table, written in rounds, and emitted once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from analytics.segments import events
from core.base import clock
from core.base.zones import shop_day
from core.db.locks import require_transaction
from core.db.statistics import analyze_after
from core.events.bus import emit_from_select


class Moved(NamedTuple):
    """Moves of a segment: `found` inside by its first computation, `entered` and `left` later."""

    found: int = 0
    entered: int = 0
    left: int = 0


Moves = dict[int, Moved]


def added(parts: Iterable[Moves]) -> Moves:
    """Return the sum of several moves per segment."""
    total: Moves = {}
    for part in parts:
        for segment, moved in part.items():
            total[segment] = Moved(*map(sum, zip(total.get(segment, Moved()), moved, strict=True)))
    return total


def lock_memberships() -> datetime:
    """Take the lock for changes of memberships.

    Returns the time to write, which is later than that of every earlier writer (F18).
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('analytics.refresh', 0))")
    return clock.now()


def nobody_in(segments: Sequence[int]) -> set[int]:
    """Return the segments that have no members."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT given.pk FROM unnest(%(segments)s::bigint[]) AS given(pk) WHERE given.pk NOT IN (
                   SELECT unnest(k.inside) FROM analytics_customersegments k
                   WHERE k.inside && %(segments)s::bigint[])""",
            {"segments": list(segments)},
        )
        return {row[0] for row in cursor.fetchall()}


def fill(select: str, params: Sequence[Any], *, at: datetime) -> None:
    """Put the customers of a first computation into empty segments, without entered events (docs/adr/0008).

    `select` yields customer_id and `inside`: the segments of each customer by ascending id.
    """
    _write(
        f"""SELECT customer_id, inside AS come, '{{}}'::bigint[] AS gone
            FROM ({select} OFFSET 0) AS found WHERE inside <> '{{}}'""",  # noqa: S608 - a SELECT of the code; values are parameters
        params,
        at,
    )


def _write(moved: str, params: Sequence[Any], at: datetime) -> None:
    """Write moves. `moved` yields each customer once, with the segments to add and the segments to remove."""
    with connection.cursor() as cursor:
        # Usually the new segments have higher ids than the present ones; then no sorting is needed.
        cursor.execute(
            f"""MERGE INTO analytics_customersegments AS kept USING (
                    SELECT customer_id, come, gone, array_fill(%s::timestamptz, ARRAY[cardinality(come)]) AS since
                    FROM ({moved}) AS given) AS moved
                ON kept.customer_id = moved.customer_id
                WHEN MATCHED AND moved.gone = '{{}}'
                             AND moved.come[1] > coalesce(kept.inside[cardinality(kept.inside)], 0) THEN
                    UPDATE SET inside = kept.inside || moved.come, since = kept.since || moved.since
                WHEN MATCHED THEN UPDATE SET
                    inside = ARRAY(SELECT one FROM unnest(kept.inside || moved.come) AS one
                                   WHERE one <> ALL(moved.gone) ORDER BY one),
                    since = ARRAY(SELECT pair.since FROM unnest(kept.inside || moved.come, kept.since || moved.since)
                                  AS pair(one, since) WHERE pair.one <> ALL(moved.gone) ORDER BY pair.one)
                WHEN NOT MATCHED THEN INSERT (customer_id, inside, since)
                    VALUES (moved.customer_id, moved.come, moved.since)""",  # noqa: S608 - a SELECT of the code; values are parameters
            [at, *params],
        )


class Gathering:
    """Moves of one moment. `carry_out` writes a round in which a customer may move once; `tell` emits the events."""

    def __init__(self, at: datetime, effect: str = "") -> None:
        """Start gathering. `effect` is SQL for the furthest effect of the events, as emit_from_select takes it."""
        require_transaction()
        self.at = at
        self.effect = effect
        self.round = 0
        with connection.cursor() as cursor:
            cursor.execute(
                """CREATE TEMP TABLE analytics_moved (round smallint, customer_id bigint, come bigint[], gone bigint[])
                   ON COMMIT DROP"""
            )

    def carry_out(self, select: str, params: Sequence[Any]) -> int:
        """Write one round. `select` yields customer_id, then the segments to add and to remove, each by ascending id.

        Returns how many customers moved.
        """
        self.round += 1
        with connection.cursor() as cursor:
            cursor.execute(
                f"""INSERT INTO analytics_moved SELECT {self.round}, found.*
                    FROM ({select}) AS found(customer_id, come, gone)""",  # noqa: S608 - a SELECT of the code; values are parameters
                params,
            )
            count = cursor.rowcount
            if not count:
                return 0
            cursor.execute("ANALYZE analytics_moved")
            cursor.execute(
                """INSERT INTO analytics_segmentleaving (segment_id, left_at, customers, entered)
                   SELECT one, %s, array_agg(customer_id ORDER BY customer_id),
                          array_agg(kept.since[array_position(kept.inside, one)] ORDER BY customer_id)
                   FROM analytics_moved moved JOIN analytics_customersegments kept USING (customer_id)
                   CROSS JOIN LATERAL unnest(moved.gone) AS one WHERE moved.round = %s GROUP BY one""",
                [self.at, self.round],
            )
        _write("SELECT customer_id, come, gone FROM analytics_moved WHERE round = %s", [self.round], self.at)
        return count

    def tell(self) -> Moves:
        """Emit one event per customer who entered, and one per customer who left, naming the segments (S2).

        Customers found by a first computation get no event. Returns the moves.
        """
        with connection.cursor() as cursor:
            for event, column in ((events.SEGMENT_LEFT, "gone"), (events.SEGMENT_ENTERED, "come")):
                emit_from_select(
                    event,
                    f"""SELECT moved.customer_id,
                               jsonb_build_object('segments', jsonb_agg(s.id ORDER BY s.id),
                                                  'names', jsonb_agg(s.name ORDER BY s.id)),
                               %s::timestamptz
                        FROM analytics_moved moved CROSS JOIN LATERAL unnest(moved.{column}) AS one
                        JOIN (SELECT id, name FROM analytics_segment
                              WHERE first_computed_at IS NOT NULL OFFSET 0) AS s ON s.id = one
                        GROUP BY moved.customer_id ORDER BY moved.customer_id""",  # noqa: S608 - a SELECT of the code; values are parameters
                    [self.at],
                    effect=self.effect,
                )
            cursor.execute(
                """SELECT s.id, CASE WHEN s.first_computed_at IS NULL THEN came ELSE 0 END,
                          CASE WHEN s.first_computed_at IS NULL THEN 0 ELSE came END, went
                   FROM (SELECT one, count(*) FILTER (WHERE come) AS came, count(*) FILTER (WHERE NOT come) AS went
                         FROM (SELECT unnest(come), true FROM analytics_moved
                               UNION ALL SELECT unnest(gone), false FROM analytics_moved) AS each(one, come)
                         GROUP BY one) AS counted
                   JOIN analytics_segment s ON s.id = counted.one"""
            )
            moves = {segment: Moved(*counts) for segment, *counts in cursor.fetchall()}
            cursor.execute("DROP TABLE analytics_moved")
        return moves


def move(select: str, params: Sequence[Any], *, at: datetime) -> int:
    """Write one change and the new sizes. `select` is as in `Gathering.carry_out`. Returns how many customers moved.

    The caller holds `lock_memberships`.
    """
    gathering = Gathering(at)
    count = gathering.carry_out(select, params)
    note_sizes(gathering.tell(), at)
    return count


def note_sizes(moves: Moves, at: datetime, *, filled: Collection[int] = (), recount: Collection[int] = ()) -> None:
    """Record the new sizes and the moves of the day.

    `filled` are segments after their first computation. `recount` are counted too, because moves of a computation that
    failed half-way are missing in `moves`.
    """
    sizes = _sizes({*filled, *recount})
    # Large moves make the planner's statistics on segment sizes outdated.
    most = max([*map(sum, moves.values()), *(sizes[pk] for pk in filled)], default=0)
    analyze_after(most, "analytics_customersegments")
    segments = sorted({*moves, *sizes})
    moved = [moves.get(pk, Moved()) for pk in segments]
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH given AS (
                   SELECT * FROM unnest(%(segments)s::bigint[], %(found)s::bigint[], %(entered)s::bigint[],
                                        %(left)s::bigint[], %(sizes)s::bigint[])
                            AS given(segment_id, found, entered, gone, size)),
               sized AS (
                   UPDATE analytics_segment s
                   SET size = coalesce(given.size, s.size + given.found + given.entered - given.gone)
                   FROM given WHERE s.id = given.segment_id
                        AND (given.size <> s.size OR given.found > 0 OR given.entered > 0 OR given.gone > 0)
                   RETURNING s.id, s.size)
               INSERT INTO analytics_segmentday AS kept (segment_id, day, size, entered_count, left_count)
               SELECT sized.id, %(day)s, sized.size, given.entered, given.gone
               FROM sized JOIN given ON given.segment_id = sized.id
               ON CONFLICT (segment_id, day) DO UPDATE SET size = excluded.size,
                   entered_count = kept.entered_count + excluded.entered_count,
                   left_count = kept.left_count + excluded.left_count""",
            {
                "segments": segments,
                "found": [each.found for each in moved],
                "entered": [each.entered for each in moved],
                "left": [each.left for each in moved],
                "sizes": [sizes.get(pk) for pk in segments],
                "day": shop_day(at),
            },
        )


def _sizes(segments: Collection[int]) -> dict[int, int]:
    """Count members in a statement of its own, which PostgreSQL can run on all processors."""
    sizes = dict.fromkeys(segments, 0)
    if sizes:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT one, count(*) FROM analytics_customersegments CROSS JOIN LATERAL unnest(inside) AS one
                   WHERE one = ANY(%s::bigint[]) GROUP BY one""",
                [list(segments)],
            )
            sizes.update(cursor.fetchall())
    return sizes
