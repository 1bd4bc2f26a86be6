"""Leaderboards: the top earners of a week, a month or a season, among the members who chose a name for it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.errors import NotFound
from loyalty.growth.models import Task
from loyalty.program.models import Member, MemberState, PointType, Program
from loyalty.program.rules.periods import local_day, midnight, period_end, period_start

TOP = 100
CACHED_SECONDS = 60
BY = ("growth", "points")
WINDOWS = ("week", "month", "season")


@dataclass(frozen=True)
class Window:
    """The window [starts_at, ends_at), and the season's name if it is one. `ends_at` is None until an end is set."""

    starts_at: datetime
    ends_at: datetime | None
    season: str = ""


@dataclass(frozen=True)
class Place:
    """One place. `rank` is None when nothing was earned yet.

    Equal points share a rank, and the next rank is left out (1, 1, 3).
    """

    rank: int | None
    name: str
    points: int
    own: bool


@dataclass(frozen=True)
class Board:
    window: Window
    places: Sequence[Place]
    own: Place | None


def window_of(program: Program, window: str, season: str = "") -> Window:
    """Return the present week or month in the program's time zone, or a season. Raises NotFound `no_season`.

    Without a name, the season is the one that ends first.
    """
    now = clock.now()
    if window == "season":
        return _season(program, season, now)
    start = period_start(window, local_day(now, program.time_zone))
    end = period_end(window, start)
    return Window(midnight(start, program.time_zone), midnight(end, program.time_zone) if end else None)


def _season(program: Program, name: str, now: datetime) -> Window:
    """Return the window from the first start of a season's challenges to their last end."""
    tasks = Task.objects.filter(program=program, active=True).exclude(season="")
    seasons: dict[str, list[Task]] = {}
    for task in tasks.filter(season=name) if name else tasks.running(now):
        seasons.setdefault(task.season, []).append(task)
    windows = [
        Window(
            min(task.starts_at or task.counts_from for task in tasks),
            None
            if any(task.ends_at is None for task in tasks)
            else max(task.ends_at for task in tasks if task.ends_at),
            season,
        )
        for season, tasks in seasons.items()
    ]
    if not windows:
        raise NotFound(_("There is no such season."), code="no_season", field="season")
    return min(windows, key=lambda one: (one.ends_at is None, one.ends_at or one.starts_at, one.season))


def read_board(program: Program, *, by: str, window: Window, member: Member | None = None) -> Board:
    """Return the first hundred places and the member's own place.

    Figures are at most a minute old. Names are the present ones, so a member who removes theirs disappears at once.
    """
    kind = PointType.objects.filter(program=program, spendable=by == "points").order_by("pk").first()
    if kind is None:
        return Board(window, [], _own(member, 0, None))
    top, totals = _ranking(program, kind, window)
    names = dict(
        Member.objects.filter(pk__in=[pk for pk, _total in top], state=MemberState.ACTIVE)
        .exclude(leaderboard_name="")
        .values_list("pk", "leaderboard_name")
    )
    places, own = [], None
    for pk, total in top:
        if pk in names:
            mine = member is not None and pk == member.pk
            place = Place(_rank(totals, total), names[pk], total, mine)
            places.append(place)
            own = place if mine else own
    if own is None and member is not None and member.leaderboard_name:
        rows = _totals(program, kind, window, member)
        total = rows[0][1] if rows else 0
        own = _own(member, total, _rank(totals, total) if total else None)
    return Board(window, places, own)


def _own(member: Member | None, points: int, rank: int | None) -> Place | None:
    return Place(rank, member.leaderboard_name, points, True) if member and member.leaderboard_name else None


def _rank(totals: Sequence[int], total: int) -> int:
    """Return 1 + the number of larger totals. `totals` are sorted, largest first."""
    return bisect_left(totals, -total, key=lambda one: -one) + 1


def _ranking(program: Program, kind: PointType, window: Window) -> tuple[list[tuple[int, int]], Sequence[int]]:
    """Return (member id and points of the first hundred, all members' points, largest first)."""
    ends = int(window.ends_at.timestamp()) if window.ends_at else 0
    key = f"loyalty.leaderboard:{program.pk}:{kind.pk}:{int(window.starts_at.timestamp())}:{ends}"
    cached = cache.get(key)
    if cached is None:
        rows = _totals(program, kind, window)
        # Each member on the board takes eight bytes, so that a large board still fits into the cache.
        cached = (rows[:TOP], array("q", [total for _pk, total in rows]).tobytes())
        cache.set(key, cached, CACHED_SECONDS)
    top, packed = cached
    totals = array("q")
    totals.frombytes(packed)
    return top, totals


def _totals(program: Program, kind: PointType, window: Window, member: Member | None = None) -> list[tuple[int, int]]:
    """Return (member, points) for members on the board with points: earned less taken back by refunds.

    The order is the same at every call (A1).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT m.id, sum(e.available + e.pending - e.debt)::bigint AS total
               FROM loyalty_member m JOIN crm_customer c ON c.id = m.customer_id AND c.state = 'active'
               JOIN loyalty_account a ON a.member_id = m.id AND a.point_type_id = %s
               JOIN loyalty_entry e ON e.account_id = a.id AND e.kind IN ('earn', 'clawback')
                    AND e.occurred_at >= %s AND (%s::timestamptz IS NULL OR e.occurred_at < %s)
               WHERE m.program_id = %s AND m.state = 'active' AND m.leaderboard_name <> '' AND (%s OR m.id = %s)
               GROUP BY m.id HAVING sum(e.available + e.pending - e.debt) > 0 ORDER BY total DESC, m.id""",
            [
                kind.pk,
                window.starts_at,
                window.ends_at,
                window.ends_at,
                program.pk,
                member is None,
                member.pk if member else 0,
            ],
        )
        return cursor.fetchall()
