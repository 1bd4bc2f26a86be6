"""Parallel attacks on points and their commands. The ledger is proved after each attack."""

from __future__ import annotations

import json
import threading
import time

from tests.attack.registry import Tally, attack
from tests.attack.site import Site, together

SWEEP = """
import time
from loyalty.ledger.services.sweeps import sweep_holds
ends = time.monotonic() + 25
while time.monotonic() < ends:
    sweep_holds()
answer = 0
"""


def prove(site: Site, tally: Tally) -> None:
    found = json.loads(site.manage("reconcile_points", "--json"))
    tally.note(f"ledger: {found['differ']} of {found['accounts']} accounts differ")
    tally.check(found["differ"] == 0 and found["accounts"] > 0, f"the ledger does not add up: {found}")


def balance(site: Site, place: int) -> tuple[int, int]:
    return site.rows("SELECT available, held FROM loyalty_account WHERE id = %s", [site.customers[place]["account"]])[0]


@attack(
    "more-than-there-is",
    "500 redemptions of 7 points by 20 threads from a balance of 100",
    "14 are taken, 486 refused, 2 points stay; the ledger adds up",
)
def more_than_there_is(site: Site, tally: Tally) -> None:
    path = f"members/{site.customers[0]['number']}/points/redemptions"

    def redeem(number: int) -> str:
        answer = site.api("POST", path, {"points": 7}, key=f"seven-{number}")
        return answer.code or str(answer.status)

    for outcome in together([lambda n=n: redeem(n) for n in range(500)], 20):
        tally.count(outcome)
    taken = tally.outcomes["200"] + tally.outcomes["201"]
    tally.check((taken, tally.outcomes["insufficient_points"]) == (14, 486), f"{taken} were taken")
    tally.check(balance(site, 0) == (2, 0), f"the balance is {balance(site, 0)}")
    prove(site, tally)


@attack(
    "one-key-many-times",
    "one idempotency key 100 times at once with one body, and 100 times at once with 100 bodies",
    "one effect each; the same body has one answer, other bodies are refused",
)
def one_key_many_times(site: Site, tally: Tally) -> None:
    path = f"members/{site.customers[18]['number']}/points/redemptions"
    same = together([lambda: site.api("POST", path, {"points": 10}, key="same") for _ in range(100)], 20)
    for answer in same:
        tally.count(answer.outcome)
    tally.check(len({answer.body for answer in same}) == 1 and same[0].status < 300, "one body had several answers")
    tally.check(balance(site, 18) == (990, 0), f"the balance is {balance(site, 18)}")
    others = together([lambda n=n: site.api("POST", path, {"points": n + 1}, key="other") for n in range(100)], 20)
    for answer in others:
        tally.count(answer.outcome)
    taken = [answer for answer in others if answer.status < 300]
    tally.check(len(taken) == 1, f"{len(taken)} of 100 bodies under one key were taken")
    tally.check({answer.status for answer in others} <= {200, 201, 409, 422}, "something else came back")
    spent = site.one("SELECT 990 - available FROM loyalty_account WHERE id = %s", [site.customers[18]["account"]])
    tally.check(1 <= spent <= 100, f"{spent} points were spent")
    prove(site, tally)


@attack(
    "ends-of-holds",
    "200 holds that are captured and released at the same moment, while the sweep of expired holds runs",
    "each ends once, as it was answered; the ledger adds up",
)
def ends_of_holds(site: Site, tally: Tally) -> None:
    path = f"members/{site.customers[19]['number']}/points/holds"
    sweeper = threading.Thread(target=site.shell, args=[SWEEP])
    sweeper.start()
    time.sleep(3)
    for number in range(200):
        made = site.api("POST", path, {"points": 2, "seconds": 1 if number % 4 == 0 else 600}, key=f"hold-{number}")
        if made.status not in {200, 201}:
            tally.check(False, f"hold {number}: {made.outcome}")
            continue
        hold = json.loads(made.body)["hold"]
        if number % 4 == 0:
            time.sleep(0.02)
        captured, released = together(
            [
                lambda hold=hold, n=number: site.api("POST", f"points/holds/{hold}/capture", {}, key=f"capture-{n}"),
                lambda hold=hold, n=number: site.api("POST", f"points/holds/{hold}/release", key=f"release-{n}"),
            ]
        )
        state = site.one("SELECT state FROM loyalty_hold WHERE id = %s", [hold])
        tally.count(f"capture {captured.status}, release {released.status}: {state}")
        fine = {(True, False): "captured", (False, True): "released", (False, False): "released"}
        wanted = fine.get((captured.status == 200, released.status == 200))
        tally.check(state == wanted, f"hold {number} is {state}: {captured.outcome}, {released.outcome}")
    sweeper.join(60)
    spent = 2 * site.one(
        "SELECT count(*) FROM loyalty_hold WHERE account_id = %s AND state = 'captured'",
        [site.customers[19]["account"]],
    )
    tally.check(balance(site, 19) == (1_000 - spent, 0), f"{balance(site, 19)} after {spent} were spent")
    prove(site, tally)


@attack(
    "transfers-both-ways",
    "40 transfers each way between two members at once, of 10 and of more than there is",
    "no deadlock, no point made or lost",
)
def transfers_both_ways(site: Site, tally: Tally) -> None:
    pair = site.customers[20], site.customers[21]
    work = []
    for number in range(40):
        for giver, taker in (pair, reversed(pair)):
            body = {"to": taker["number"], "points": 10 if number % 4 else 5_000}
            path = f"members/{giver['number']}/points/transfers"
            work.append(
                lambda p=path, b=body, t=giver["token"], n=number: site.api("POST", p, b, bearer=t, key=f"gift-{n}")
            )
    for answer in together(work, 20):
        tally.count(answer.outcome)
        tally.check(answer.status < 500, f"{answer.status}")
    tally.check(sum(balance(site, 20)[:1] + balance(site, 21)[:1]) == 2_000, "points were made or lost")
    tally.check(any(name.startswith("20") for name in tally.outcomes), "no transfer was taken")
    prove(site, tally)
