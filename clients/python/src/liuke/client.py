"""The client: one object per part of the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

import httpx

from liuke import types as t
from liuke.transport import Transport, operation

VERSION = "0.1.0"

CUSTOMERS_FIND = operation("GET", "/customers")
CUSTOMERS_CREATE = operation("POST", "/customers")
CUSTOMERS_GET = operation("GET", "/customers/{number}")
CUSTOMERS_UPDATE = operation("PATCH", "/customers/{number}")
IDENTITIES_ADD = operation("POST", "/customers/{number}/identities")
CONSENTS_LIST = operation("GET", "/customers/{number}/consents")
CONSENTS_ADD = operation("POST", "/customers/{number}/consents")
MEMBER_TOKENS_CREATE = operation("POST", "/member-tokens")
ORDERS_LIST = operation("GET", "/orders")
ORDERS_RECORD = operation("POST", "/orders")
ORDERS_BATCH = operation("POST", "/orders/batch")
ORDERS_GET = operation("GET", "/orders/{number}")
REFUNDS_LIST = operation("GET", "/orders/{number}/refunds")
REFUNDS_RECORD = operation("POST", "/orders/{number}/refunds")
ACTIVITY_SEND = operation("POST", "/activity")
MEMBERS_ENROL = operation("POST", "/members")
MEMBERS_GET = operation("GET", "/members/{number}")
MEMBERS_TIER = operation("GET", "/members/{number}/tier")
MEMBERS_BUY_TIER = operation("POST", "/members/{number}/tier/purchase", keyed=True)
TIERS_FOR_SALE = operation("GET", "/tiers-for-sale")
POINTS_BALANCE = operation("GET", "/members/{number}/points")
POINTS_HISTORY = operation("GET", "/members/{number}/points/history")
EARNING_RULES = operation("GET", "/earning-rules")
POINTS_QUOTE = operation("POST", "/members/{number}/points/quote")
POINTS_HOLD = operation("POST", "/members/{number}/points/holds", keyed=True)
POINTS_REDEEM = operation("POST", "/members/{number}/points/redemptions", keyed=True)
POINTS_REDEEM_MANY = operation("POST", "/points/redemptions")
POINTS_TRANSFER = operation("POST", "/members/{number}/points/transfers", keyed=True)
HOLDS_CAPTURE = operation("POST", "/points/holds/{hold}/capture", keyed=True)
HOLDS_RELEASE = operation("POST", "/points/holds/{hold}/release", keyed=True)
COUPONS_VALIDATE = operation("POST", "/coupons/validate")
COUPONS_RESERVE = operation("POST", "/coupons/reservations", keyed=True)
COUPONS_REDEEM = operation("POST", "/coupons/reservations/{reservation}/redeem", keyed=True)
COUPONS_RELEASE = operation("POST", "/coupons/reservations/{reservation}/release", keyed=True)
COUPONS_GENERATE = operation("POST", "/coupons/{coupon}/codes", keyed=True)
COUPONS_GENERATION = operation("GET", "/coupons/{coupon}/codes/{generation}")
MESSAGES_SEND = operation("POST", "/messages", keyed=True)
MESSAGES_GET = operation("GET", "/messages/{message}")
REWARDS_LIST = operation("GET", "/members/{number}/rewards")
REWARDS_REDEEM = operation("POST", "/members/{number}/rewards/redemptions", keyed=True)
REWARDS_REDEEMED = operation("GET", "/members/{number}/rewards/redemptions")
REWARDS_REDEMPTION = operation("GET", "/members/{number}/rewards/redemptions/{redemption}")
REWARDS_CANCEL = operation("POST", "/members/{number}/rewards/redemptions/{redemption}/cancel")
TASKS_LIST = operation("GET", "/members/{number}/tasks")
TASKS_JOIN = operation("POST", "/members/{number}/tasks/{task}/join")
TASKS_LEAVE = operation("POST", "/members/{number}/tasks/{task}/leave")
BADGES_LIST = operation("GET", "/members/{number}/badges")
LEADERBOARD = operation("GET", "/leaderboard")
LEADERBOARD_NAME = operation("PUT", "/members/{number}/leaderboard-name")
TICKETS_LIST = operation("GET", "/tickets")
TICKETS_OPEN = operation("POST", "/tickets", keyed=True)
TICKETS_GET = operation("GET", "/tickets/{number}")
TICKETS_REPLY = operation("POST", "/tickets/{number}/replies", keyed=True)
SEGMENTS_LIST = operation("GET", "/segments")
SEGMENTS_MEMBERS = operation("GET", "/segments/{segment}/members")


class Liuke:
    """The API of one shop with one key. Safe to share between threads; close it or use it with `with`.

    `timeout` is in seconds for each attempt. Failed connections and answers 429, 502, 503 and 504 are retried, up to
    `attempts` in all, always under the same Idempotency-Key. Commands that move points or use coupons take a `key`:
    give one that you can compute again after a crash ("redeem:" and the order's number). Without it, each call
    generates one.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        timeout: float = 10.0,
        attempts: int = 4,
        language: str = "en",
        http: httpx.Client | None = None,
    ) -> None:
        self._http = http or httpx.Client(timeout=timeout)
        self._http.base_url = httpx.URL(base_url.rstrip("/"))
        self._http.headers.update(
            {"Authorization": f"Bearer {key}", "Accept-Language": language, "User-Agent": f"liuke-python/{VERSION}"}
        )
        transport = Transport(self._http, attempts=attempts)
        self.transport = transport
        self.customers = Customers(transport)
        self.orders = Orders(transport)
        self.activity = Activity(transport)
        self.members = Members(transport)
        self.points = Points(transport)
        self.coupons = Coupons(transport)
        self.messages = Messages(transport)
        self.rewards = Rewards(transport)
        self.growth = Growth(transport)
        self.tickets = Tickets(transport)
        self.segments = Segments(transport)

    def __enter__(self) -> Liuke:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()


class _Part:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport


class Customers(_Part):
    def find(self, kind: str, value: str) -> t.Customer:
        """Find a customer by one identity, for example ("phone", "13800138000"). Raises NotFound."""
        return cast(t.Customer, self._transport.call(CUSTOMERS_FIND, query={"kind": kind, "value": value}))

    def create(
        self, identities: Sequence[t.Identity], profile: t.Profile | None = None, *, anonymous_id: str = ""
    ) -> t.CustomerCreated:
        """Find or create the customer of these identities. `anonymous_id`: attach earlier activity of this visitor."""
        body: dict[str, Any] = {**(profile or {}), "identities": list(identities)}
        if anonymous_id:
            body["anonymous_id"] = anonymous_id
        return cast(t.CustomerCreated, self._transport.call(CUSTOMERS_CREATE, body=body))

    def get(self, number: str) -> t.Customer:
        return cast(t.Customer, self._transport.call(CUSTOMERS_GET, number=number))

    def update(self, number: str, changes: t.Profile) -> t.Customer:
        """Change only the given fields."""
        return cast(t.Customer, self._transport.call(CUSTOMERS_UPDATE, body=changes, number=number))

    def add_identity(self, number: str, identity: t.Identity) -> t.Identity:
        return cast(t.Identity, self._transport.call(IDENTITIES_ADD, body=identity, number=number))

    def consents(self, number: str) -> list[t.Consent]:
        return cast(list[t.Consent], self._transport.call(CONSENTS_LIST, number=number))

    def record_consent(
        self,
        number: str,
        *,
        channel: str,
        purpose: str,
        decision: str,
        source: str,
        evidence: str = "",
        given_at: datetime | None = None,
    ) -> t.Consent:
        """Append a decision, `granted` or `withdrawn`, with its source."""
        body = {
            "channel": channel,
            "purpose": purpose,
            "decision": decision,
            "source": source,
            "evidence": evidence,
            **({"given_at": given_at.isoformat()} if given_at else {}),
        }
        return cast(t.Consent, self._transport.call(CONSENTS_ADD, body=body, number=number))

    def make_token(self, number: str, *, seconds: int = 3600) -> t.MemberToken:
        """Create a short-lived token with which the shop's own pages act for this one customer."""
        body = {"customer": number, "seconds": seconds}
        return cast(t.MemberToken, self._transport.call(MEMBER_TOKENS_CREATE, body=body))


class Orders(_Part):
    def record(self, order: t.NewOrder) -> t.OrderRecorded:
        """Record an order. Its number is unique for the key's source, so a repeat is harmless and updates the order."""
        return cast(t.OrderRecorded, self._transport.call(ORDERS_RECORD, body=order))

    def record_batch(self, orders: Sequence[t.NewOrder]) -> list[t.BatchItem]:
        """Record up to 100 orders. Each is recorded or refused separately: check every `outcome`."""
        return cast(list[t.BatchItem], self._transport.call(ORDERS_BATCH, body={"orders": list(orders)})["results"])

    def get(self, number: str) -> t.Order:
        return cast(t.Order, self._transport.call(ORDERS_GET, number=number))

    def list(
        self,
        *,
        customer: str | None = None,
        state: str | None = None,
        number: str | None = None,
        placed_from: datetime | None = None,
        placed_before: datetime | None = None,
        page_size: int = 100,
    ) -> Iterator[t.Order]:
        """List orders, newest first. `number` is a number or its last three or more characters, in any letter case."""
        query = {
            "customer": customer,
            "state": state,
            "number": number,
            "placed_from": placed_from and placed_from.isoformat(),
            "placed_before": placed_before and placed_before.isoformat(),
            "limit": page_size,
        }
        return self._transport.pages(ORDERS_LIST, query=query)

    def refund(
        self,
        number: str,
        refund: str,
        *,
        amount: int | None = None,
        lines: Sequence[dict[str, Any]] | None = None,
        reason: str = "",
    ) -> t.RefundRecorded:
        """Record refund number `refund` of an order: an amount in minor units, lines, or the whole rest."""
        body: dict[str, Any] = {"number": refund, "reason": reason}
        if amount is not None:
            body["amount"] = amount
        if lines is not None:
            body["lines"] = [*lines]
        return cast(t.RefundRecorded, self._transport.call(REFUNDS_RECORD, body=body, number=number))

    def refunds(self, number: str) -> Sequence[t.Refund]:
        return cast(Sequence[t.Refund], self._transport.call(REFUNDS_LIST, number=number))


class Activity(_Part):
    def send(self, events: Sequence[t.Activity]) -> t.ActivityAccepted:
        """Send a batch of events, within the API's limit.

        You choose each `id`, unique for the key's source; a repeated event is counted and not stored.
        """
        return cast(t.ActivityAccepted, self._transport.call(ACTIVITY_SEND, body={"events": list(events)}))


class Members(_Part):
    def enrol(self, customer: str, *, referred_by: str = "") -> t.Member:
        """Make a customer a member; an existing member stays unchanged. `referred_by` is a member's number."""
        body = {"customer": customer, "referred_by": referred_by}
        return cast(t.Member, self._transport.call(MEMBERS_ENROL, body=body))

    def get(self, number: str) -> t.Member:
        """Return the tier and the rest missing for the next one. Raises NotFound for a customer who is not a member."""
        return cast(t.Member, self._transport.call(MEMBERS_GET, number=number))

    def tier(self, number: str) -> t.MemberTier:
        """Return the tier, its benefits, and the rest missing to reach the next one and to stay, with date and text."""
        return cast(t.MemberTier, self._transport.call(MEMBERS_TIER, number=number))

    def tiers_for_sale(self) -> Sequence[t.TierForSale]:
        """Return the tiers that can be bought, lowest first, each with its price and benefits."""
        return cast(Sequence[t.TierForSale], self._transport.call(TIERS_FOR_SALE))

    def buy_tier(
        self, number: str, tier: str, *, reference: str, amount: int | None = None, key: str | None = None
    ) -> t.BoughtTier:
        """Record a paid tier; `reference` is the order or payment. A second purchase extends it."""
        body: dict[str, Any] = {"tier": tier, "reference": reference}
        if amount is not None:
            body["amount"] = amount
        return cast(t.BoughtTier, self._transport.call(MEMBERS_BUY_TIER, body=body, key=key, number=number))


class Points(_Part):
    """Points of members. `number` is the member's customer number."""

    def balance(self, number: str) -> t.Balance:
        return cast(t.Balance, self._transport.call(POINTS_BALANCE, number=number))

    def history(self, number: str, *, page_size: int = 100) -> Iterator[t.Entry]:
        """Return every entry, newest first."""
        return self._transport.pages(POINTS_HISTORY, query={"limit": page_size}, number=number)

    def quote(
        self, number: str, amount: int, *, lines: Sequence[t.CartLine] = (), channel: str = "", store: str = ""
    ) -> t.PointsQuote:
        """Return the points that a cart of `amount` minor units could use and would earn. Changes nothing.

        Rules about categories, products, channels and stores need `lines`, `channel` and `store`.
        """
        body = {"amount": amount, "lines": list(lines), "channel": channel, "store": store}
        return cast(t.PointsQuote, self._transport.call(POINTS_QUOTE, body=body, number=number))

    def rules(self, *, page_size: int = 100) -> Iterator[t.EarningRule]:
        """Return the earning rules that are active now or start soon."""
        return self._transport.pages(EARNING_RULES, query={"limit": page_size})

    def hold(
        self, number: str, points: int, *, reference: str = "", seconds: int | None = None, key: str | None = None
    ) -> t.Hold:
        """Hold points for a purchase until capture, release or the end of `seconds`. Raises InsufficientPoints."""
        body: dict[str, Any] = {"points": points, "reference": reference}
        if seconds is not None:
            body["seconds"] = seconds
        return cast(t.Hold, self._transport.call(POINTS_HOLD, body=body, key=key, number=number))

    def capture(self, hold: str, *, points: int | None = None, key: str | None = None) -> t.Hold:
        """Capture a hold, all of it or `points` of it. Raises HoldEnded."""
        body = {} if points is None else {"points": points}
        return cast(t.Hold, self._transport.call(HOLDS_CAPTURE, body=body, key=key, hold=hold))

    def release(self, hold: str, *, key: str | None = None) -> t.Hold:
        """Release the points of a hold. Raises HoldEnded."""
        return cast(t.Hold, self._transport.call(HOLDS_RELEASE, key=key, hold=hold))

    def redeem(self, number: str, points: int, *, reference: str = "", key: str | None = None) -> t.Hold:
        """Hold and capture in one step. Raises InsufficientPoints."""
        body = {"points": points, "reference": reference}
        return cast(t.Hold, self._transport.call(POINTS_REDEEM, body=body, key=key, number=number))

    def redeem_many(self, redemptions: Sequence[t.Redemption]) -> t.Redemptions:
        """Redeem up to 1,000 at once, each done or refused on its own; results in the order sent. Safe to repeat."""
        body = {"redemptions": list(redemptions)}
        return cast(t.Redemptions, self._transport.call(POINTS_REDEEM_MANY, body=body))

    def transfer(self, number: str, points: int, *, to: str, note: str = "", key: str | None = None) -> t.Transfer:
        """Give points to another member; they keep their expiry. Raises InsufficientPoints."""
        body = {"to": to, "points": points, "note": note}
        return cast(t.Transfer, self._transport.call(POINTS_TRANSFER, body=body, key=key, number=number))


class Coupons(_Part):
    """Coupons: validate, reserve at the checkout, redeem after payment or release. Amounts are minor units."""

    def validate(
        self, code: str, *, cart_amount: int, currency: str, customer: str = "", guest: str = ""
    ) -> t.CouponQuote:
        """Return whether a code is valid and its discount; a refusal is an answer here, not an error.

        `guest` is your own id of a visitor without a customer number: wrong codes are counted per visitor.
        """
        body = _cart(code, cart_amount, currency, customer, "", guest)
        return cast(t.CouponQuote, self._transport.call(COUPONS_VALIDATE, body=body))

    def reserve(
        self,
        code: str,
        *,
        cart_amount: int,
        currency: str,
        customer: str = "",
        reference: str = "",
        guest: str = "",
        key: str | None = None,
    ) -> t.Reservation:
        """Reserve one use. Raises CouponRefused with the reason as its `code`."""
        body = _cart(code, cart_amount, currency, customer, reference, guest)
        return cast(t.Reservation, self._transport.call(COUPONS_RESERVE, body=body, key=key))

    def redeem(self, reservation: str, *, cart_amount: int | None = None, key: str | None = None) -> t.Reservation:
        """Redeem a reservation for a paid order.

        With `cart_amount` the discount is computed again for the final amount of the order. A reservation that a
        member's browser made requires it.
        """
        body = None if cart_amount is None else {"cart_amount": cart_amount}
        return cast(t.Reservation, self._transport.call(COUPONS_REDEEM, body=body, key=key, reservation=reservation))

    def release(self, reservation: str, *, key: str | None = None) -> t.Reservation:
        return cast(t.Reservation, self._transport.call(COUPONS_RELEASE, key=key, reservation=reservation))

    def generate(self, coupon: int, count: int, *, key: str | None = None) -> t.CodeGeneration:
        """Create codes without a customer. Poll `generation` until its state is `done`."""
        answer = self._transport.call(COUPONS_GENERATE, body={"count": count}, key=key, coupon=str(coupon))
        return cast(t.CodeGeneration, answer)

    def generation(self, coupon: int, generation: int) -> t.CodeGeneration:
        answer = self._transport.call(COUPONS_GENERATION, coupon=str(coupon), generation=str(generation))
        return cast(t.CodeGeneration, answer)


class Messages(_Part):
    """Transactional messages: receipts, parcels, codes. Broadcasts, care rules and journeys send marketing."""

    def send_message(
        self, template: str | int, customer: str, *, values: dict[str, Any] | None = None, key: str | None = None
    ) -> t.Message:
        """Send a transactional template, by code or id, with its declared values; once per `key`.

        The answer comes before the provider has the message: call `get` for its state. Raises Conflict
        `marketing_template`, and Invalid with the field `values.<name>`.
        """
        body = {"template": str(template), "customer": customer, "values": values or {}}
        return cast(t.Message, self._transport.call(MESSAGES_SEND, body=body, key=key))

    def get(self, message: str) -> t.Message:
        return cast(t.Message, self._transport.call(MESSAGES_GET, message=message))


class Rewards(_Part):
    """Rewards. `number` is the member's customer number; a reward is named by its code."""

    def list(self, number: str, *, page_size: int = 100) -> Iterator[t.Reward]:
        """Return the rewards, and for each the reason if the member can't redeem it."""
        return self._transport.pages(REWARDS_LIST, query={"limit": page_size}, number=number)

    def redeem(
        self, number: str, reward: str, *, address: t.Address | None = None, reference: str = "", key: str | None = None
    ) -> t.RewardRedemption:
        """Redeem a reward. Raises Refused with the reason as its `code`, or its subclass InsufficientPoints."""
        body: dict[str, Any] = {"reward": reward, "reference": reference}
        if address is not None:
            body["address"] = address
        return cast(t.RewardRedemption, self._transport.call(REWARDS_REDEEM, body=body, key=key, number=number))

    def redeemed(self, number: str, *, page_size: int = 100) -> Iterator[t.RewardRedemption]:
        """Return the member's redemptions, newest first."""
        return self._transport.pages(REWARDS_REDEEMED, query={"limit": page_size}, number=number)

    def redemption(self, number: str, redemption: str) -> t.RewardRedemption:
        answer = self._transport.call(REWARDS_REDEMPTION, number=number, redemption=redemption)
        return cast(t.RewardRedemption, answer)

    def cancel(self, number: str, redemption: str, *, reason: str = "") -> t.RewardRedemption:
        """Return the points of a reward that was not sent or used (idempotent). Raises Conflict when it is too late."""
        body = {"reason": reason}
        answer = self._transport.call(REWARDS_CANCEL, body=body, number=number, redemption=redemption)
        return cast(t.RewardRedemption, answer)


class Growth(_Part):
    """Tasks, badges and the leaderboard. `number` is the member's customer number; a task is named by its code."""

    def tasks(self, number: str) -> list[t.Task]:
        """Return the running tasks with the member's progress and the goal of the next level."""
        return cast(list[t.Task], self._transport.call(TASKS_LIST, number=number))

    def join(self, number: str, task: str) -> t.Task:
        """Join a task from now on (idempotent). Raises Refused for a task that has ended or needs no joining."""
        return cast(t.Task, self._transport.call(TASKS_JOIN, number=number, task=task))

    def leave(self, number: str, task: str) -> t.Task:
        """Leave a task. Counted progress and given rewards stay."""
        return cast(t.Task, self._transport.call(TASKS_LEAVE, number=number, task=task))

    def badges(self, number: str) -> list[t.Badge]:
        """Return the member's badges, newest first, then the badges that are still available."""
        return cast(list[t.Badge], self._transport.call(BADGES_LIST, number=number))

    def leaderboard(
        self, *, by: str = "points", window: str = "month", season: str | None = None, member: str | None = None
    ) -> t.Leaderboard:
        """Return the ranking by `points` or `growth` of this `week`, `month` or `season`; `member` adds their place."""
        query = {"by": by, "window": window, "season": season, "member": member}
        return cast(t.Leaderboard, self._transport.call(LEADERBOARD, query=query))

    def set_leaderboard_name(self, number: str, name: str) -> t.LeaderboardName:
        """Show the member under this public name; an empty name removes the member. Raises Invalid."""
        return cast(t.LeaderboardName, self._transport.call(LEADERBOARD_NAME, body={"name": name}, number=number))


class Tickets(_Part):
    def open(
        self,
        customer: str,
        *,
        subject: str,
        text: str,
        priority: int | None = None,
        order: str = "",
        key: str | None = None,
    ) -> t.TicketDetail:
        body: dict[str, Any] = {"customer": customer, "subject": subject, "text": text}
        if priority is not None:
            body["priority"] = priority
        if order:
            body["order"] = order
        return cast(t.TicketDetail, self._transport.call(TICKETS_OPEN, body=body, key=key))

    def reply(self, number: str, text: str, *, key: str | None = None) -> t.TicketDetail:
        return cast(t.TicketDetail, self._transport.call(TICKETS_REPLY, body={"text": text}, key=key, number=number))

    def get(self, number: str) -> t.TicketDetail:
        return cast(t.TicketDetail, self._transport.call(TICKETS_GET, number=number))

    def list(
        self, *, customer: str | None = None, status: str | None = None, page_size: int = 100
    ) -> Iterator[t.Ticket]:
        query = {"customer": customer, "status": status, "limit": page_size}
        return self._transport.pages(TICKETS_LIST, query=query)


class Segments(_Part):
    def list(self, *, page_size: int = 100) -> Iterator[t.Segment]:
        return self._transport.pages(SEGMENTS_LIST, query={"limit": page_size})

    def members(self, segment: int, *, page_size: int = 500) -> Iterator[t.SegmentMember]:
        """Return the present members, by customer number."""
        return self._transport.pages(SEGMENTS_MEMBERS, query={"limit": page_size}, segment=str(segment))


def _cart(code: str, cart_amount: int, currency: str, customer: str, reference: str, guest: str) -> dict[str, Any]:
    body: dict[str, Any] = {"code": code, "cart_amount": cart_amount, "currency": currency}
    if customer:
        body["customer"] = customer
    if guest:
        body["guest"] = guest
    if reference:
        body["reference"] = reference
    return body
