"""Transport of a call: its key, its attempts, its answer."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from liuke.errors import NotReached, error_of

PREFIX = "/api/v1"
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Operation:
    """An operation of the API. `path` has the schema's names in braces; a `keyed` one carries an Idempotency-Key."""

    method: str
    path: str
    keyed: bool = False

    def url(self, parts: Mapping[str, str]) -> str:
        return PREFIX + self.path.format(**{name: quote(value, safe="") for name, value in parts.items()})


OPERATIONS: list[Operation] = []


def operation(method: str, path: str, *, keyed: bool = False) -> Operation:
    added = Operation(method, path, keyed)
    OPERATIONS.append(added)
    return added


class Transport:
    """A sender with retries. Every operation is safe to repeat, because of its key or its numbers."""

    def __init__(self, http: httpx.Client, *, attempts: int, sleep: Callable[[float], None] = time.sleep) -> None:
        if attempts < 1:
            raise ValueError("At least one attempt.")
        self.http = http
        self.attempts = attempts
        self.sleep = sleep

    def call(
        self,
        what: Operation,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        **parts: str,
    ) -> Any:
        """Return the answer's JSON. Raises ApiError if the answer is not a success, NotReached if there is none."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())} if what.keyed else {}
        params = {name: value for name, value in (query or {}).items() if value is not None}
        for attempt in range(1, self.attempts + 1):
            last = attempt == self.attempts
            try:
                response = self.http.request(what.method, what.url(parts), json=body, params=params, headers=headers)
            except httpx.TransportError as error:
                if last:
                    raise NotReached(f"{what.method} {what.path}: {type(error).__name__} {error}".strip()) from error
                self.sleep(_wait(attempt, ""))
                continue
            if response.status_code in RETRIED_STATUSES and not last:
                self.sleep(_wait(attempt, response.headers.get("retry-after", "")))
                continue
            return _answer(response)
        raise AssertionError("unreachable")

    def pages(self, what: Operation, *, query: Mapping[str, Any], **parts: str) -> Iterator[Any]:
        """Yield every row of a list and load page after page on demand."""
        params = dict(query)
        while True:
            page = self.call(what, query=params, **parts)
            yield from page["results"]
            if not page["next"]:
                return
            # Only the cursor: behind a proxy, this machine may not reach the host of the link.
            params["cursor"] = parse_qs(urlsplit(page["next"]).query)["cursor"][0]


def _answer(response: httpx.Response) -> Any:
    try:
        body = response.json() if response.content else None
    except ValueError:
        body = None
    if response.is_success:
        return body
    raise error_of(response.status_code, body)


def _wait(attempt: int, retry_after: str) -> float:
    """Return the server's wait, at most a minute; else 0.2 s, doubled with each attempt, plus up to half of that."""
    if retry_after.isdigit():
        return min(float(retry_after), LONGEST_WAIT)
    return 0.2 * 2 ** (attempt - 1) * (1 + random.random() / 2)  # noqa: S311
