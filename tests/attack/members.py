"""Attacks with a member's own token: other members, the shop's commands and fields, dead tokens, guesses."""

from __future__ import annotations

import base64
import itertools
import json
import re
import uuid
from datetime import UTC, datetime, timedelta

from tests.attack.registry import Tally, attack
from tests.attack.site import Site, together

RESERVE = {"code": "ATTACK", "cart_amount": 10_000, "currency": "CNY"}


@attack(
    "other-members",
    "every operation of the API's description with a member's token and another customer's number in path, "
    "query and body",
    "400, 401, 403 or 404 where the path names the other; nothing of the other is shown or changed",
)
def other_members(site: Site, tally: Tally) -> None:
    ann, bob = site.customers[4], site.customers[5]
    schema = json.loads(site.ask("GET", "/api/schema/").body)
    before = facts(site, bob)
    for path, operations in schema["paths"].items():
        for method in operations:
            if method not in {"get", "post", "put", "patch", "delete"}:
                continue
            number = bob["ticket"] if path.startswith("/api/v1/tickets") else bob["number"]
            filled = re.sub(r"\{(number)\}", number, path)
            filled = re.sub(r"\{(hold|redemption|reservation|message)\}", str(uuid.uuid4()), filled)
            filled = re.sub(r"\{[^}]+\}", "1", filled).removeprefix("/api/v1/")
            for suffix in ("", f"?customer={bob['number']}&number={bob['number']}&email=person5@shop.example"):
                # Each address and member has its own limit; only the refusals are checked here.
                body = {
                    "customer": bob["number"], "number": bob["number"], "to": bob["number"], "points": 1,
                    "code": "ATTACK", "cart_amount": 10_000, "currency": "CNY", "subject": "x", "text": "x",
                    "name": "stolen", "reason": "x",
                }  # fmt: skip
                if path.endswith("/transfers"):
                    body["to"] = ann["number"]
                token = site.customers[4 if not suffix else 6]["token"]
                answer = site.api(
                    method.upper(),
                    filled + suffix,
                    body if method != "get" else None,
                    bearer=token,
                    key=uuid.uuid4().hex,
                )
                tally.count(answer.outcome if answer.status in {401, 429} else answer.status or "closed")
                named = "{number}" in path
                tally.check(
                    not named or answer.status in {400, 403, 404}, f"{method} {filled}{suffix[:9]}: {answer.outcome}"
                )
                tally.check(answer.status < 500 and answer.status != 429, f"{method} {filled}: {answer.outcome}")
                shown = "Person-5-Private" in answer.text or "person5@" in answer.text
                tally.check(not shown, f"{method} {filled} shows the other's data")
    tally.check(facts(site, bob) == before, f"the other's data changed: {before} to {facts(site, bob)}")


def facts(site: Site, customer: dict) -> tuple:
    return site.rows(
        """SELECT c.name, c.state, a.available, a.held,
                  (SELECT count(*) FROM crm_ticket t WHERE t.customer_id = c.id),
                  (SELECT count(*) FROM crm_consent t WHERE t.customer_id = c.id),
                  (SELECT count(*) FROM campaigns_couponuse t WHERE t.customer_id = c.id)
           FROM crm_customer c JOIN loyalty_account a ON a.id = %s WHERE c.id = %s""",
        [customer["account"], customer["pk"]],
    )[0]


@attack(
    "free-what-is-redeemed",
    "40 reservations that the shop redeems while the member's token releases them, at the same moment",
    "what was answered as redeemed stays redeemed",
)
def free_what_is_redeemed(site: Site, tally: Tally) -> None:
    member = site.customers[7]
    redeemed = []
    for number in range(40):
        made = site.api("POST", "coupons/reservations", {**RESERVE, "customer": member["number"]}, key=f"race-{number}")
        reservation = json.loads(made.body)["reservation"]
        path = f"coupons/reservations/{reservation}"
        paid, freed = together(
            [
                lambda path=path, n=number: site.api("POST", f"{path}/redeem", {}, key=f"race-pay-{n}"),
                lambda path=path, n=number: site.api(
                    "POST", f"{path}/release", bearer=member["token"], key=f"race-free-{n}"
                ),
            ]
        )
        tally.count(f"redeemed {paid.status}, released {freed.status}")
        tally.check((paid.status == 200) != (freed.status == 200), f"both or neither: {paid.outcome}, {freed.outcome}")
        if paid.status == 200:
            redeemed.append(reservation)
            later = site.api("POST", f"{path}/release", bearer=member["token"], key=f"race-later-{number}")
            tally.check(later.status != 200, "a redeemed use was released afterwards")
    kept = site.one(
        "SELECT count(*) FROM campaigns_couponuse WHERE id = ANY(%s::uuid[]) AND state = 'redeemed'", [redeemed]
    )
    tally.check(kept == len(redeemed), f"{len(redeemed) - kept} redeemed uses are not redeemed any more")


@attack(
    "keys-of-the-shop",
    "a member uses 20 idempotency keys first that the shop uses afterwards, and 20 that it used before",
    "neither meets the other's answer",
)
def keys_of_the_shop(site: Site, tally: Tally) -> None:
    member, other = site.customers[8], site.customers[9]
    for number in range(20):
        key = f"order-{number}"
        mine = site.api("POST", "coupons/reservations", RESERVE, bearer=member["token"], key=key)
        shops = site.api("POST", "coupons/reservations", {**RESERVE, "customer": other["number"]}, key=key)
        tally.count(f"member {mine.status}, shop {shops.status}")
        tally.check((mine.status, shops.status) == (201, 201), f"{key}: {mine.outcome}, {shops.outcome}")
        shops = site.api("POST", f"members/{other['number']}/points/redemptions", {"points": 1}, key=f"paid-{number}")
        mine = site.api("POST", "coupons/reservations", RESERVE, bearer=member["token"], key=f"paid-{number}")
        tally.count(f"member {mine.status}, shop {shops.status}")
        tally.check(mine.status == 201 and shops.status < 300, f"paid-{number}: {mine.outcome}, {shops.outcome}")
        tally.check(b"points" not in mine.body, "the member reads the shop's answer")


@attack(
    "carts-of-members-making",
    "ten reservations with a member's token and carts of up to 10¹² against a budget of 1,000",
    "nothing of the budget is set aside; the shop's own cart has it",
)
def carts_of_members_making(site: Site, tally: Tally) -> None:
    member = site.customers[10]
    for number in range(10):
        body = {"code": "BUDGET", "cart_amount": 10 ** (3 + number), "currency": "CNY"}
        answer = site.api("POST", "coupons/reservations", body, bearer=member["token"], key=f"cart-{number}")
        tally.count(answer.outcome)
    reserved = site.one("SELECT reserved_amount FROM campaigns_coupon WHERE name = 'BUDGET'")
    tally.check(reserved == 0, f"{reserved} of the budget are set aside")
    body = {"code": "BUDGET", "cart_amount": 9_000, "currency": "CNY", "customer": site.customers[11]["number"]}
    mine = site.api("POST", "coupons/reservations", body, key="cart-of-the-shop")
    tally.check(mine.status == 201, f"the shop's own reservation got {mine.outcome}")


@attack(
    "fields-of-the-shop",
    "priority, time, source and proof of consents, tags, state, currency of points "
    "and other fields that are the shop's",
    "left out or refused; nothing of it is stored",
)
def fields_of_the_shop(site: Site, tally: Tally) -> None:
    member = site.customers[12]
    number, token = member["number"], member["token"]
    long_ago = "2020-01-01T00:00:00Z"
    usual = site.one("SELECT priority FROM crm_ticket WHERE number = %s", [member["ticket"]])
    for method, path, body in (
        ("POST", "tickets", {"subject": "a", "text": "b", "priority": 4, "state": "closed", "created_at": long_ago}),
        ("POST", "tickets", {"subject": "a", "text": "b", "priority": 1, "assignee": 1,
                             "customer": site.customers[13]["number"]}),
        ("POST", f"tickets/{member['ticket']}/replies", {"text": "x", "internal": True, "author": "staff"}),
        ("POST", f"customers/{number}/consents", {
            "channel": "email", "purpose": "marketing", "decision": "granted", "source": "paper", "evidence": "signed",
            "given_at": long_ago}),
        ("PATCH", f"customers/{number}", {
            "name": "n", "tags": ["vip"], "state": "erased", "number": "1", "merged_into": 1}),
        ("PATCH", f"customers/{number}", {"attributes": {"credit": 9}}),
        ("PATCH", f"customers/{number}", {"identities": [{"kind": "email", "value": "person13@shop.example"}]}),
        ("POST", f"members/{number}/points/redemptions", {"points": 1}),
        ("POST", f"members/{number}/points/holds", {"points": 1}),
        ("POST", "orders", {"number": "mine", "placed_at": long_ago, "lines": []}),
        ("POST", "member-tokens", {"customer": site.customers[13]["number"], "seconds": 3600}),
        ("POST", f"members/{number}/tier/purchase", {"tier": "gold"}),
    ):  # fmt: skip
        answer = site.api(method, path, body, bearer=token, key=uuid.uuid4().hex)
        tally.count(answer.outcome)
        tally.check(answer.status < 500, f"{method} {path}: {answer.status}")
    stored = site.rows("SELECT DISTINCT priority FROM crm_ticket WHERE customer_id = %s", [member["pk"]])
    tally.check(stored == [(usual,)], f"tickets have the priorities {stored}")
    tickets = site.one("SELECT count(*) FROM crm_ticket WHERE customer_id = %s", [site.customers[13]["pk"]])
    tally.check(tickets == 1, "a ticket was opened for another")
    for source, evidence, given in site.rows(
        "SELECT source, evidence, given_at FROM crm_consent WHERE customer_id = %s", [member["pk"]]
    ):
        late = given > datetime.now(UTC) - timedelta(minutes=10)
        tally.check(
            late and source != "paper" and evidence != "signed", f"a consent says {source}, {evidence}, {given}"
        )
    state, available = site.rows(
        "SELECT c.state, a.available FROM crm_customer c JOIN loyalty_account a ON a.id = %s WHERE c.id = %s",
        [member["account"], member["pk"]],
    )[0]
    tally.check((state, available) == ("active", 1_000), f"the member is now {state} with {available} points")


@attack(
    "dead-tokens",
    "tokens of an erased customer, expired, signed with another key or for another purpose, and 300 altered ones",
    "401 or, after many from one address, 429",
)
def dead_tokens(site: Site, tally: Tally) -> None:
    alive = site.customers[14]["token"]
    path = f"customers/{site.customers[14]['number']}"
    tally.check(site.api("GET", path, bearer=alive).status == 200, "the token that is altered here does not work")
    erased = site.customers[15]
    site.shell(
        f"from crm.models import Customer\nanswer = Customer.objects.filter(pk={erased['pk']}).update(state='erased')"
    )
    tokens = [erased["token"], site.customers[14]["expired"], *site.foreign]
    body, stamp, signature = alive.removeprefix("lkm_").split(":")
    other = (
        base64.urlsafe_b64encode(json.dumps([site.customers[13]["pk"], "storefront", 86_400]).encode())
        .decode()
        .rstrip("=")
    )
    tokens += [
        f"lkm_{other}:{stamp}:{signature}",
        f"lkm_{body}:zzzzzz:{signature}",
        f"lkm_{body}:{stamp}:{'A' * 43}",
        f"lkm_{body}",
    ]
    for place in itertools.islice(itertools.cycle(range(4, len(alive) - 1)), 292):
        letter = "A" if alive[place] != "A" else "B"
        tokens.append(alive[:place] + letter + alive[place + 1 :])
    for number, token in enumerate(tokens):
        answer = site.api("GET", path, bearer=token, address=f"127.0.4.{number // 40 + 1}")
        tally.count(answer.outcome)
        tally.check(answer.status in {401, 429}, f"token {number} got {answer.outcome}")


@attack(
    "coupon-guesses",
    "200 made-up coupon codes by 32 threads with one member's token, then another member's right code",
    "at most ten are looked at; the other member is not held up",
)
def coupon_guesses(site: Site, tally: Tally) -> None:
    token = site.customers[16]["token"]

    def guess(number: int) -> str:
        body = {"code": f"GUESS{number}", "cart_amount": 10_000, "currency": "CNY"}
        answer = site.api("POST", "coupons/validate", body, bearer=token)
        reason = json.loads(answer.body).get("reason", "") if answer.status == 200 else answer.code
        return f"{answer.status} {reason}"

    for outcome in together([lambda n=n: guess(n) for n in range(200)], 32):
        tally.count(outcome)
    looked_at = tally.outcomes["200 unknown_code"]
    tally.check(looked_at <= 10, f"{looked_at} guesses were looked at")
    right = site.api("POST", "coupons/validate", RESERVE, bearer=site.customers[17]["token"])
    tally.check(right.status == 200 and json.loads(right.body)["valid"], f"another member got {right.outcome}")
