"""The agenda of a replay: things that happen at their own moments between two steps."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count

from config.demo.replay import ReplayClock

Action = Callable[[], object]


class Agenda:
    """Actions in order of time. Running them moves the clock to the moment of each."""

    def __init__(self, clock: ReplayClock) -> None:
        self.clock = clock
        self._waiting: list[tuple[datetime, int, Action]] = []
        self._number = count()

    def add(self, at: datetime, action: Action) -> None:
        """Plan an action. One that is planned for a moment that is over is done next."""
        heapq.heappush(self._waiting, (at, next(self._number), action))

    def run(self, until: datetime) -> int:
        """Do everything that is planned until then, also what these actions add. Return how many were done."""
        done = 0
        while self._waiting and self._waiting[0][0] <= until:
            at, _number, action = heapq.heappop(self._waiting)
            self.clock.move(at)
            action()
            done += 1
        return done
