"""Types of requests and answers. Amounts are minor units of their currency, points whole numbers, times ISO 8601."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class _Identity(TypedDict):
    kind: str
    value: str


class Identity(_Identity, total=False):
    """An identity. `verified`: the shop has proof, so that the identity alone finds the customer."""

    verified: bool


class Profile(TypedDict, total=False):
    name: str
    birthday: str | None
    gender: str
    language: str
    time_zone: str
    country: str
    region: str
    attributes: dict[str, Any]


class Customer(TypedDict):
    number: str
    name: str
    gender: str
    language: str
    time_zone: str
    country: str
    region: str
    birthday: str | None
    attributes: dict[str, Any]
    tags: list[str]
    identities: list[Identity]
    created_at: str


class CustomerCreated(Customer):
    """The answer to a creation. `created` is false when one of the identities was known."""

    created: bool


class Consent(TypedDict):
    channel: str
    purpose: str
    decision: str
    source: str
    given_at: str


class CustomerRef(TypedDict, total=False):
    """A reference by number or by identities; unknown identities create a customer."""

    number: str
    name: str
    identities: list[Identity]


class _Line(TypedDict):
    quantity: str
    unit_amount: int


class OrderLine(_Line, total=False):
    """A line. `quantity` is a decimal as text; `unit_amount` is the price of one in minor units of the currency."""

    kind: str
    sku: str
    name: str
    category: str
    discount: int
    amount: int


class _Order(TypedDict):
    number: str
    placed_at: str
    lines: list[OrderLine]


class NewOrder(_Order, total=False):
    customer: CustomerRef
    state: str
    paid_at: str
    currency: str
    store: str
    channel: str
    discount: int
    points_amount: int
    shipping: int
    tax: int
    fees: int
    total: int
    payments: list[dict[str, Any]]


class Order(TypedDict):
    number: str
    source: str
    state: str
    customer: str | None
    currency: str
    subtotal: int
    discount: int
    points_amount: int
    shipping: int
    tax: int
    fees: int
    total: int
    refunded: int
    placed_at: str
    paid_at: str | None


class OrderRecorded(Order):
    outcome: Literal["created", "updated", "unchanged"]


class BatchItem(TypedDict):
    number: str
    outcome: Literal["created", "updated", "unchanged", "refused"]
    errors: list[dict[str, Any]]


class Refund(TypedDict):
    number: str
    amount: int
    reason: str
    refunded_at: str


class RefundRecorded(Refund):
    outcome: Literal["created", "unchanged"]


class _Activity(TypedDict):
    id: str
    kind: str
    occurred_at: str


class Activity(_Activity, total=False):
    customer: str
    identity: Identity
    anonymous_id: str
    sku: str
    properties: dict[str, Any]


class ActivityAccepted(TypedDict):
    accepted: int
    repeated: int


class Tier(TypedDict):
    code: str
    name: str
    rank: int


class NextTier(TypedDict):
    """The next tier. `missing` is in the program's metric; `text` is a sentence with the day."""

    code: str
    name: str
    missing: int
    text: str


class Member(TypedDict):
    customer: str
    state: str
    tier: Tier | None
    next_tier: NextTier | None
    qualifying: int
    currency: str
    enrolled_at: str


class Benefit(TypedDict):
    """A benefit. `words` is a line for the member; `details` are values of its kind for the storefront."""

    kind: str
    name: str
    words: str
    details: dict[str, Any]


class TierProgress(TypedDict):
    """Progress: `have` of `need`, in the metric (minor units, orders or growth value).

    `by` is the last day that counts.
    """

    tier: str
    name: str
    metric: Literal["spend", "orders", "growth"]
    have: int
    need: int
    left: int
    by: str | None
    text: str


class TierStay(TypedDict):
    """The requirement to keep the tier. `left` 0: the member keeps it until `by`."""

    metric: Literal["spend", "orders", "growth"]
    have: int
    need: int
    left: int
    by: str | None
    text: str


class MemberTier(TypedDict):
    tier: Tier | None
    since: str | None
    until: str | None
    reason: str
    locked: bool
    currency: str
    benefits: list[Benefit]
    progress: TierProgress | None
    stay: TierStay | None


class TierForSale(TypedDict):
    """A tier for sale. `price`: minor units of `currency`, for `days` days."""

    code: str
    name: str
    rank: int
    price: int
    currency: str
    days: int
    benefits: list[Benefit]


class BoughtTier(TypedDict):
    tier: str
    reference: str
    amount: int
    currency: str
    starts_at: str
    ends_at: str


class DatedPoints(TypedDict):
    points: int
    at: str


class PointType(TypedDict):
    code: str
    name: str
    spendable: bool


class RuleLimit(TypedDict):
    period: Literal["day", "week", "month", "year", "ever"]
    points: int


class EarningRule(TypedDict):
    """An earning rule. `text` is all of it in one line.

    `per_amount`: minor units; None means each time. `limits`: the most points for one member.
    """

    code: str
    name: str
    text: str
    version: int
    trigger: str
    event_kind: str
    point_type: PointType
    points: int
    per_amount: int | None
    currency: str
    stacking: Literal["sum", "best", "multiply"]
    factor: str
    streak_days: int
    conditions: list[dict[str, Any]]
    limits: list[RuleLimit]
    starts_at: str | None
    ends_at: str | None


class Balance(TypedDict):
    """A balance. `worth`: the value of the available points in minor units of `currency`.

    `becoming_available` are the pending points by date, `expiring` the available ones by date; soonest first.
    """

    available: int
    pending: int
    becoming_available: list[DatedPoints]
    held: int
    balance: int
    debt: int
    worth: int
    currency: str
    expiring: list[DatedPoints]


class Entry(TypedDict):
    id: int
    kind: str
    available: int
    pending: int
    held: int
    debt: int
    reference: str
    reason: str
    occurred_at: str


class CartLine(TypedDict):
    """A line of a cart. `amount`: minor units after the line's discount."""

    sku: str
    amount: int


class RuleEarned(TypedDict):
    """The points of one earning rule; `cut` are the points that a limit of the rule removes."""

    rule: str
    name: str
    point_type: str
    points: int
    cut: int


class PointsQuote(TypedDict):
    """Payment of a cart with points: `amount` is the value of the usable points, `price_after` the rest to pay.

    `points_earned` is for the rest to pay; `earned` is the same by rule, in every point type.
    """

    points_available: int
    points_usable: int
    amount: int
    price_after: int
    currency: str
    points_earned: int
    earned: list[RuleEarned]
    free_shipping: bool
    free_shipping_from: int | None


class Hold(TypedDict):
    hold: str
    state: Literal["held", "captured", "released"]
    points: int
    captured: int
    available: int
    held: int
    balance: int
    reference: str
    expires_at: str | None


class _Redemption(TypedDict):
    customer: str
    points: int
    key: str


class Redemption(_Redemption, total=False):
    """One redemption of a batch; `key` is its own idempotency key."""

    reference: str


class RefusedRedemption(TypedDict):
    code: str
    detail: str
    attr: str | None
    details: dict[str, Any]


class RedemptionResult(TypedDict):
    key: str
    status: Literal["done", "refused"]
    redemption: Hold | None
    error: RefusedRedemption | None


class Redemptions(TypedDict):
    done: int
    refused: int
    results: list[RedemptionResult]


class Transfer(TypedDict):
    transfer: str
    points: int
    to: str
    available: int


class CouponQuote(TypedDict):
    code: str
    valid: bool
    discount: int
    reason: str
    details: dict[str, Any]


class Reservation(TypedDict):
    reservation: str
    state: Literal["reserved", "redeemed", "released"]
    coupon: int
    code: str
    discount: int
    cart_amount: int
    currency: str
    reference: str
    expires_at: str | None


class CodeGeneration(TypedDict):
    generation: int
    coupon: int
    state: Literal["queued", "running", "done", "failed"]
    count: int
    made: int
    error: str
    created_at: str
    finished_at: str | None


class Message(TypedDict):
    """A message. `reason` is the reason for not sending it, `error` the failure; both are empty without a problem."""

    id: str
    state: Literal["queued", "held", "suppressed", "sending", "sent", "failed", "uncertain"]
    reason: str
    error: str
    template: int
    template_code: str | None
    customer: str
    channel: str
    message_class: Literal["marketing", "transactional"]
    language: str
    due_at: str
    created_at: str
    sent_at: str | None


class RewardCategory(TypedDict):
    code: str
    name: str


class Reward(TypedDict):
    """A reward. `money` is paid in addition to the points, in minor units.

    `reason` is the obstacle to a redemption; `missing` the number of missing points.
    """

    code: str
    kind: str
    name: str
    description: str
    category: RewardCategory | None
    picture: str | None
    points: int
    money: int
    currency: str
    left: int | None
    limit: int | None
    used: int
    minimum_tier: str | None
    starts_at: str | None
    ends_at: str | None
    needs_address: bool
    can_redeem: bool
    reason: str
    missing: int


class _Address(TypedDict):
    name: str
    phone: str
    line: str
    city: str


class Address(_Address, total=False):
    region: str
    postcode: str
    country: str


class RewardRedemption(TypedDict):
    redemption: str
    reward: str
    name: str
    kind: str
    state: str
    points: int
    money: int
    currency: str
    reference: str
    tracking: str
    code: str | None
    placed_at: str
    ended_at: str | None


class LevelBadge(TypedDict):
    code: str
    name: str


class TaskLevel(TypedDict):
    level: int
    goal: int
    points: int
    growth: int
    badge: LevelBadge | None
    reached: bool


class NextLevel(TypedDict):
    level: int
    goal: int
    left: int


class Task(TypedDict):
    """A task. `count`, goals and `left` are in `measure`: times, minor units of `currency`, or days in a row.

    `until`: the time when this progress starts again or the task ends.
    """

    code: str
    name: str
    description: str
    icon: str
    season: str
    measure: Literal["times", "amount", "days"]
    currency: str | None
    period: Literal["ever", "day", "week", "month"]
    starts_at: str | None
    ends_at: str | None
    until: str | None
    join: bool
    joined: bool
    count: int
    level: int
    completed: bool
    next: NextLevel | None
    levels: list[TaskLevel]


class Badge(TypedDict):
    """A badge. `awarded_at` None: not awarded yet."""

    code: str
    name: str
    description: str
    icon: str
    awarded_at: str | None


class Place(TypedDict):
    rank: int | None
    name: str
    points: int
    own: bool


class Leaderboard(TypedDict):
    """The leaderboard. `places` are the first hundred; `own` is None for a member who is not on it."""

    by: str
    window: str
    season: str
    starts_at: str
    ends_at: str | None
    places: list[Place]
    own: Place | None


class LeaderboardName(TypedDict):
    name: str


class Ticket(TypedDict):
    number: str
    subject: str
    status: str
    priority: int
    created_at: str
    updated_at: str


class TicketDetail(Ticket):
    messages: list[dict[str, Any]]


class MemberToken(TypedDict):
    token: str
    expires_in: int


class Segment(TypedDict):
    id: int
    name: str
    description: str
    kind: str
    text: str
    size: int
    computed_at: str | None


class SegmentMember(TypedDict):
    customer: str
    entered_at: str
