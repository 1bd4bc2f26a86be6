"""The Python client against the real API: its calls, its errors, and lost answers."""

from __future__ import annotations

import typing
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest
from drf_spectacular.generators import SchemaGenerator

from campaigns.coupons.services.coupons import create_coupon
from campaigns.messages.services.messages import send_due
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.jobs.models import Job
from core.jobs.services import run_job
from liuke import (
    ApiError,
    CouponRefused,
    Forbidden,
    HoldEnded,
    IdempotencyKeyReused,
    InsufficientPoints,
    Invalid,
    Liuke,
    NotFound,
    NotReached,
    ServerError,
    TooManyRequests,
    Unauthorized,
    client,
)
from liuke import types as shapes
from liuke.transport import OPERATIONS, PREFIX
from loyalty.growth.services.badges import create_badge
from loyalty.growth.services.tasks import Level, create_task
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.rewards.services.rewards import create_reward
from tests.clients.proxy import Proxy
from tests.clients.readme import run_readme
from tests.threads import storm

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(live_server, program, server_key):
    with Liuke(live_server.url, server_key()) as made:
        yield made


@pytest.fixture
def member(shop, settle) -> str:
    """Create a member with 1,000 points."""
    number = shop.customers.create([{"kind": "storefront", "value": "u-1"}], {"name": "Ann"})["number"]
    shop.members.enrol(number)
    account = Account.objects.get(member__customer__number=number, point_type__spendable=True)
    adjust_points(account=account, points=1000, reason="goodwill", key="start", actor=SYSTEM)
    settle()
    return number


def order(number: str, member: str, price: int = 12_000) -> shapes.NewOrder:
    return {
        "number": number,
        "placed_at": "2026-03-01T12:00:00Z",
        "customer": {"number": member},
        "lines": [{"sku": "TEA", "name": "Tea", "quantity": "1", "unit_amount": price}],
    }


# Against the schema

SHAPES = {
    client.CUSTOMERS_FIND: shapes.Customer,
    client.CUSTOMERS_CREATE: shapes.CustomerCreated,
    client.CUSTOMERS_GET: shapes.Customer,
    client.CUSTOMERS_UPDATE: shapes.Customer,
    client.IDENTITIES_ADD: shapes.Identity,
    client.CONSENTS_LIST: shapes.Consent,
    client.CONSENTS_ADD: shapes.Consent,
    client.MEMBER_TOKENS_CREATE: shapes.MemberToken,
    client.ORDERS_LIST: shapes.Order,
    client.ORDERS_RECORD: shapes.OrderRecorded,
    client.ORDERS_BATCH: shapes.BatchItem,
    client.ORDERS_GET: shapes.Order,
    client.REFUNDS_LIST: shapes.Refund,
    client.REFUNDS_RECORD: shapes.RefundRecorded,
    client.ACTIVITY_SEND: shapes.ActivityAccepted,
    client.MEMBERS_ENROL: shapes.Member,
    client.MEMBERS_GET: shapes.Member,
    client.MEMBERS_TIER: shapes.MemberTier,
    client.MEMBERS_BUY_TIER: shapes.BoughtTier,
    client.TIERS_FOR_SALE: shapes.TierForSale,
    client.POINTS_BALANCE: shapes.Balance,
    client.POINTS_HISTORY: shapes.Entry,
    client.EARNING_RULES: shapes.EarningRule,
    client.POINTS_QUOTE: shapes.PointsQuote,
    client.POINTS_HOLD: shapes.Hold,
    client.POINTS_REDEEM: shapes.Hold,
    client.POINTS_REDEEM_MANY: shapes.RedemptionResult,
    client.POINTS_TRANSFER: shapes.Transfer,
    client.HOLDS_CAPTURE: shapes.Hold,
    client.HOLDS_RELEASE: shapes.Hold,
    client.COUPONS_VALIDATE: shapes.CouponQuote,
    client.COUPONS_RESERVE: shapes.Reservation,
    client.COUPONS_REDEEM: shapes.Reservation,
    client.COUPONS_RELEASE: shapes.Reservation,
    client.COUPONS_GENERATE: shapes.CodeGeneration,
    client.COUPONS_GENERATION: shapes.CodeGeneration,
    client.MESSAGES_SEND: shapes.Message,
    client.MESSAGES_GET: shapes.Message,
    client.REWARDS_LIST: shapes.Reward,
    client.REWARDS_REDEEM: shapes.RewardRedemption,
    client.REWARDS_REDEEMED: shapes.RewardRedemption,
    client.REWARDS_REDEMPTION: shapes.RewardRedemption,
    client.REWARDS_CANCEL: shapes.RewardRedemption,
    client.TASKS_LIST: shapes.Task,
    client.TASKS_JOIN: shapes.Task,
    client.TASKS_LEAVE: shapes.Task,
    client.BADGES_LIST: shapes.Badge,
    client.LEADERBOARD: shapes.Leaderboard,
    client.LEADERBOARD_NAME: shapes.LeaderboardName,
    client.TICKETS_LIST: shapes.Ticket,
    client.TICKETS_OPEN: shapes.TicketDetail,
    client.TICKETS_GET: shapes.TicketDetail,
    client.TICKETS_REPLY: shapes.TicketDetail,
    client.SEGMENTS_LIST: shapes.Segment,
    client.SEGMENTS_MEMBERS: shapes.SegmentMember,
}
BODIES = {
    client.CUSTOMERS_UPDATE: shapes.Profile,
    client.IDENTITIES_ADD: shapes.Identity,
    client.ORDERS_RECORD: shapes.NewOrder,
}


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def resolved(schema: dict, part: dict) -> dict:
    """Resolve references, lists and pages to the object."""
    while True:
        if "$ref" in part:
            part = schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
        elif part.get("type") == "array":
            part = part["items"]
        elif "results" in part.get("properties", {}):
            part = part["properties"]["results"]
        else:
            return part


def keys_of(shape: type) -> set[str]:
    return set(typing.get_type_hints(shape))


@pytest.mark.parametrize("what", OPERATIONS, ids=lambda what: f"{what.method} {what.path}")
def test_every_call_is_in_the_schema_as_the_client_makes_it(schema, what):
    found = schema["paths"][PREFIX + what.path][what.method.lower()]
    headers = {one["name"] for one in found.get("parameters", []) if one["in"] == "header"}
    assert ("Idempotency-Key" in headers) == what.keyed
    answer = next(answer for status, answer in found["responses"].items() if status.startswith("2"))
    documented = resolved(schema, answer["content"]["application/json"]["schema"])
    assert keys_of(SHAPES[what]) == set(documented["properties"])
    if what in BODIES:
        sent = resolved(schema, found["requestBody"]["content"]["application/json"]["schema"])
        assert keys_of(BODIES[what]) == set(sent["properties"])


# A shop's day


def test_the_readme_runs_as_it_is_printed(live_server, program, server_key, settle):
    # given a customer who does not exist yet
    key = server_key()
    first = run_readme(live_server.url, key)
    settle()
    # then the order is recorded and the list finds it
    assert (first[0], first[-1], len(first)) == ("created 25900 CNY", "400", 4)
    # and given 1,000 points, the next run pays 10.00 with them
    account = Account.objects.get(point_type__spendable=True)
    adjust_points(account=account, points=1_000, reason="goodwill", key="start", actor=SYSTEM)
    second = run_readme(live_server.url, key)
    account.refresh_from_db()
    assert (second[0], account.balance) == ("created 24641 CNY", 0)


def test_orders_members_and_points(shop, member, settle):
    recorded = shop.orders.record(order("A-1", member))
    assert (recorded["outcome"], recorded["total"]) == ("created", 12_000)
    assert shop.orders.record(order("A-1", member))["outcome"] == "unchanged"
    batch = shop.orders.record_batch([order("A-2", member), order("A-3", member, price="nonsense")])
    assert [item["outcome"] for item in batch] == ["created", "refused"]
    assert shop.orders.get("A-2")["customer"] == member
    settle()
    assert shop.members.get(member)["customer"] == member
    balance = shop.points.balance(member)
    assert balance["available"] + balance["pending"] == 1240
    quote = shop.points.quote(member, 10_000)
    assert quote["price_after"] + quote["amount"] == 10_000
    refund = shop.orders.refund("A-2", "R-1", amount=2_000, reason="late")
    assert (refund["outcome"], refund["amount"]) == ("created", 2_000)
    assert [row["number"] for row in shop.orders.refunds("A-2")] == ["R-1"]


def test_hold_capture_release_redeem(shop, member):
    hold = shop.points.hold(member, 300, reference="A-9", seconds=600, key="hold:A-9")
    assert (hold["state"], hold["held"], hold["available"]) == ("held", 300, 700)
    captured = shop.points.capture(hold["hold"], points=200)
    assert (captured["state"], captured["captured"], captured["available"]) == ("captured", 200, 800)
    with pytest.raises(HoldEnded) as ended:
        shop.points.release(hold["hold"])
    assert (ended.value.code, ended.value.status) == ("hold_captured", 409)
    other = shop.points.hold(member, 100)
    assert shop.points.release(other["hold"])["state"] == "released"
    assert shop.points.redeem(member, 800)["available"] == 0
    with pytest.raises(InsufficientPoints) as refused:
        shop.points.redeem(member, 1)
    assert refused.value.details["available"] == 0


def test_many_redemptions_in_one_call_are_harmless_to_send_again(shop, member):
    batch = [{"customer": member, "points": 400, "key": "b1", "reference": "A-1"},
             {"customer": member, "points": 700, "key": "b2"}]  # fmt: skip
    first = shop.points.redeem_many(batch)
    assert (first["done"], first["refused"]) == (1, 1)
    assert first["results"][1]["error"]["details"] == {"available": 600, "requested": 700}
    assert shop.points.redeem_many(batch) == first
    assert shop.points.balance(member)["available"] == 600


def test_a_transfer_within_the_days_limit(shop, member, make_customer, program):
    from loyalty.ledger.services.enrolment import enrol_member

    program.transfer_daily_points = 500
    program.save()
    friend = enrol_member(customer=make_customer(), program=program, actor=SYSTEM).customer.number
    assert shop.points.transfer(member, 300, to=friend, note="Enjoy", key="t")["available"] == 700
    assert shop.points.transfer(member, 300, to=friend, note="Enjoy", key="t")["available"] == 700
    with pytest.raises(ApiError) as refused:
        shop.points.transfer(member, 201, to=friend)
    assert refused.value.code == "transfer_limit"
    assert (shop.points.balance(member)["available"], shop.points.balance(friend)["available"]) == (700, 300)


def test_the_same_key_is_the_same_answer_and_another_request_under_it_a_conflict(shop, member):
    first = shop.points.redeem(member, 100, key="redeem:A-1")
    assert shop.points.redeem(member, 100, key="redeem:A-1") == first
    with pytest.raises(IdempotencyKeyReused):
        shop.points.redeem(member, 101, key="redeem:A-1")
    assert shop.points.balance(member)["available"] == 900


def test_coupons(shop, member, store):
    create_coupon(
        name="Ten",
        kind="amount",
        value=1_000,
        code="TENOFF",
        mode="public",
        limit_total=1,
        limit_per_customer=None,
        actor=SYSTEM,
    )
    cart = {"cart_amount": 5_000, "currency": "CNY", "customer": member}
    quote = shop.coupons.validate("TENOFF", **cart)
    assert (quote["valid"], quote["discount"]) == (True, 1_000)
    held = shop.coupons.reserve("TENOFF", **cart, reference="A-1", key="coupon:A-1")
    assert shop.coupons.reserve("TENOFF", **cart, reference="A-1", key="coupon:A-1") == held
    with pytest.raises(CouponRefused) as refused:
        shop.coupons.reserve("TENOFF", **cart, reference="A-2")
    assert refused.value.code == "campaign_limit"
    assert shop.coupons.release(held["reservation"])["state"] == "released"
    again = shop.coupons.reserve("TENOFF", **cart, reference="A-2")
    assert shop.coupons.redeem(again["reservation"])["state"] == "redeemed"
    assert shop.coupons.validate("TENOFF", **cart)["reason"] == "campaign_limit"


def test_codes_in_bulk(shop, store):
    coupon = create_coupon(name="Flyer", kind="amount", value=1_000, actor=SYSTEM)
    begun = shop.coupons.generate(coupon.pk, 20, key="flyer:1")
    assert shop.coupons.generate(coupon.pk, 20, key="flyer:1")["generation"] == begun["generation"]
    run_job(Job.objects.get(pk=begun["generation"]))
    found = shop.coupons.generation(coupon.pk, begun["generation"])
    assert (found["state"], found["count"], found["made"]) == ("done", 20, 20)


def test_a_message_that_a_customer_asked_for(shop, member, store):
    template = save_template(
        name="Parcel", channel="inbox", texts=[Text("en", "It is on its way: {{ values.number }}", "Parcel")],
        message_class="transactional", code="parcel-sent", values=[{"name": "number"}], actor=SYSTEM,
    )  # fmt: skip
    sent = shop.messages.send_message("parcel-sent", member, values={"number": "SF1"}, key="parcel:1")
    again = shop.messages.send_message(template.pk, member, values={"number": "SF1"}, key="parcel:1")
    assert (sent["id"], sent["state"], again["id"]) == (again["id"], "queued", sent["id"])
    send_due()
    assert shop.messages.get(sent["id"])["state"] == "sent"
    with pytest.raises(Invalid) as refused:
        shop.messages.send_message("parcel-sent", member)
    assert (refused.value.code, refused.value.field) == ("required", "values.number")


def test_a_tier_its_progress_and_buying_it(shop, member, program, settle):
    bought_at = datetime.now(UTC).isoformat()
    shop.orders.record({**order("T-1", member), "placed_at": bought_at})
    settle()
    found = shop.members.tier(member)
    assert found["tier"] is not None
    assert (found["tier"]["code"], found["reason"], found["locked"]) == ("bronze", "qualified", False)
    progress = found["progress"]
    assert progress is not None
    assert (progress["tier"], progress["have"], progress["left"]) == ("silver", 12_000, 38_100)
    assert progress["text"].startswith("Spend ¥381.00 more by ")
    program.tiers.filter(code="gold").update(paid_price=29_900)
    bought = shop.members.buy_tier(member, "gold", reference="T-2", key="buy:T-2")
    assert shop.members.buy_tier(member, "gold", reference="T-2", key="buy:T-2") == bought
    assert (bought["tier"], bought["amount"]) == ("gold", 29_900)
    assert shop.members.tier(member)["reason"] == "paid"


def test_rewards(shop, member, program, settle):
    made = create_reward(
        program=program, kind="privilege", name="Lounge", points=400, settings={"how": "Show this"}, actor=SYSTEM
    )
    [offered] = shop.rewards.list(member)
    assert (offered["code"], offered["points"], offered["can_redeem"]) == (made.code, 400, True)
    got = shop.rewards.redeem(member, made.code, key="reward:1")
    assert shop.rewards.redeem(member, made.code, key="reward:1")["redemption"] == got["redemption"]
    settle()
    assert shop.points.balance(member)["balance"] == 600
    assert [row["redemption"] for row in shop.rewards.redeemed(member)] == [got["redemption"]]
    assert shop.rewards.redemption(member, got["redemption"])["reward"] == made.code
    shop.rewards.redeem(member, made.code)
    with pytest.raises(InsufficientPoints):
        shop.rewards.redeem(member, made.code)


def test_tasks_badges_and_the_leaderboard(shop, member, program, settle):
    badge = create_badge(program=program, name="Sharer", actor=SYSTEM)
    create_task(program=program, name="Share", trigger="activity", event_kind="share", join=True, actor=SYSTEM,
                levels=[Level(1, points=50, badge=badge), Level(3)])  # fmt: skip
    [task] = shop.growth.tasks(member)
    assert (task["code"], task["joined"], task["next"]) == ("share", False, {"level": 1, "goal": 1, "left": 1})
    assert shop.growth.join(member, "share")["joined"] is True
    now = datetime.now(UTC).isoformat()
    shop.activity.send([{"id": "s-1", "kind": "share", "occurred_at": now, "customer": member}])
    settle()
    [task] = shop.growth.tasks(member)
    assert (task["count"], task["level"], task["next"]) == (1, 1, {"level": 2, "goal": 3, "left": 2})
    [got] = shop.growth.badges(member)
    assert (got["code"], got["awarded_at"] is not None) == ("sharer", True)
    assert shop.growth.set_leaderboard_name(member, "Fox") == {"name": "Fox"}
    board = shop.growth.leaderboard(window="week", member=member)
    assert board["places"] == [{"rank": 1, "name": "Fox", "points": 50, "own": True}]
    assert board["own"] == board["places"][0]
    assert shop.growth.leave(member, "share")["joined"] is False
    with pytest.raises(NotFound):
        shop.growth.join(member, "nothing")
    with pytest.raises(Invalid):
        shop.growth.set_leaderboard_name(member, "fox@example.com")


def test_tickets_customers_and_activity(shop, member):
    ticket = shop.tickets.open(member, subject="Late", text="Where is it?", key="t-1")
    assert shop.tickets.open(member, subject="Late", text="Where is it?", key="t-1")["number"] == ticket["number"]
    assert len(shop.tickets.reply(ticket["number"], "Still waiting")["messages"]) == 2
    assert [row["number"] for row in shop.tickets.list(customer=member)] == [ticket["number"]]
    assert shop.customers.update(member, {"name": "Anna"})["name"] == "Anna"
    assert shop.customers.add_identity(member, {"kind": "phone", "value": "13800138000", "verified": True})["verified"]
    assert shop.customers.find("phone", "13800138000")["number"] == member
    shop.customers.record_consent(member, channel="email", purpose="marketing", decision="granted", source="checkout")
    assert shop.customers.consents(member)[0]["decision"] == "granted"
    event: shapes.Activity = {
        "id": "e-1",
        "kind": "view",
        "occurred_at": "2026-03-01T12:00:00Z",
        "customer": member,
        "sku": "TEA",
    }
    assert shop.activity.send([event]) == {"accepted": 1, "repeated": 0}
    assert shop.activity.send([event]) == {"accepted": 0, "repeated": 1}


def test_a_members_token_speaks_for_them_alone(shop, live_server, member, make_customer):
    token = shop.customers.make_token(member, seconds=60)["token"]
    other = make_customer("Bob").number
    with Liuke(live_server.url, token) as own:
        assert own.points.balance(member)["available"] == 1000
        with pytest.raises((Forbidden, NotFound)):
            own.points.balance(other)
        with pytest.raises(Forbidden):
            own.points.redeem(member, 1)


def test_pages_are_walked_to_the_end(shop, member):
    for start in range(0, 23, 10):
        shop.orders.record_batch([order(f"P-{n}", member) for n in range(start, min(start + 10, 23))])
    numbers = [row["number"] for row in shop.orders.list(customer=member, page_size=5)]
    assert sorted(numbers) == sorted(f"P-{n}" for n in range(23))
    assert [row["kind"] for row in shop.points.history(member, page_size=1)] == ["adjust"]


def test_errors_are_typed(shop, live_server, member, server_key):
    with pytest.raises(NotFound):
        shop.members.get("no-such-member")
    with pytest.raises(Invalid) as wrong:
        shop.customers.create([{"kind": "nonsense", "value": "x"}])
    assert wrong.value.field
    assert wrong.value.field.startswith("identities")
    with Liuke(live_server.url, "lk_0000000000_wrong") as stranger, pytest.raises(Unauthorized):
        stranger.members.get(member)
    with Liuke(live_server.url, server_key("orders:read")) as reader, pytest.raises(Forbidden):
        reader.points.redeem(member, 1)
    with pytest.raises(NotFound) as unknown:
        shop.points.release(str(uuid.uuid4()))
    assert unknown.value.code == "unknown_hold"


# Lost answers and failures


def test_an_answer_that_is_lost_is_asked_for_again_and_points_move_once(live_server, member, server_key):
    """Given a connection that is cut after the work, then the retry gets the first answer and points moved once."""
    parts = urlsplit(live_server.url)
    proxy = Proxy(parts.hostname, parts.port, drop=2)
    with Liuke(proxy.url, server_key()) as shop:
        shop.transport.sleep = lambda _seconds: None
        answer = shop.points.redeem(member, 250)
        assert shop.points.balance(member)["available"] == 750
    assert (answer["captured"], answer["available"]) == (250, 750)
    assert proxy.connections == 3
    assert Entry.objects.filter(account__member__customer__number=member, kind="redeem").count() == 1
    proxy.close()


def test_without_an_answer_to_the_end_it_says_so_and_the_same_key_finds_out(live_server, member, server_key):
    parts = urlsplit(live_server.url)
    proxy = Proxy(parts.hostname, parts.port, drop=99)
    key = server_key()
    with Liuke(proxy.url, key, attempts=2) as shop, pytest.raises(NotReached):
        shop.transport.sleep = lambda _seconds: None
        shop.points.redeem(member, 250, key="redeem:A-7")
    with Liuke(live_server.url, key) as shop:
        assert shop.points.redeem(member, 250, key="redeem:A-7")["available"] == 750
    proxy.close()


def scripted(*answers) -> tuple[Liuke, list[httpx.Request], list[float]]:
    """Return a client with scripted answers, the list of its requests, and the list of its waits."""
    requests: list[httpx.Request] = []
    waits: list[float] = []
    script = iter(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        answer = next(script)
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = Liuke("https://crm.example.com/", "lk_x", http=httpx.Client(transport=httpx.MockTransport(handle)))
    made.transport.sleep = waits.append
    return made, requests, waits


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_busy_answers_are_waited_for_under_the_same_key(status):
    busy = httpx.Response(status, headers={"Retry-After": "7"})
    shop, requests, waits = scripted(
        busy, httpx.ConnectError("refused"), httpx.Response(201, json={"state": "captured"})
    )
    assert shop.points.redeem("1", 5) == {"state": "captured"}
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1
    assert len(requests) == 3
    assert waits[0] == 7
    assert 0.4 <= waits[1] <= 0.6


def test_each_call_has_a_key_of_its_own():
    shop, requests, _waits = scripted(*[httpx.Response(201, json={}) for _number in range(3)])
    shop.points.redeem("1", 5)
    shop.points.redeem("1", 5)
    shop.points.redeem("1", 5, key="mine")
    keys = [request.headers["Idempotency-Key"] for request in requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_refusal_is_not_tried_again_and_a_foreign_page_is_still_an_error():
    envelope = {"type": "client_error", "errors": [{"code": "budget_spent", "detail": "No.", "attr": None}]}
    shop, requests, waits = scripted(httpx.Response(422, json=envelope))
    with pytest.raises(CouponRefused) as refused:
        shop.coupons.reserve("TEN", cart_amount=1, currency="CNY")
    assert (refused.value.code, len(requests), waits) == ("budget_spent", 1, [])
    shop, _requests, waits = scripted(*[httpx.Response(502, text="<h1>Bad gateway</h1>")] * 4)
    with pytest.raises(ServerError) as down:
        shop.points.balance("1")
    assert (down.value.status, len(waits)) == (502, 3)
    shop, _requests, _waits = scripted(*[httpx.Response(429)] * 4)
    with pytest.raises(TooManyRequests):
        shop.points.balance("1")


def test_numbers_go_into_the_path_as_they_are_meant():
    shop, requests, _waits = scripted(httpx.Response(200, json={}))
    shop.orders.get("A/1?x=#é")
    assert requests[0].url.raw_path == b"/api/v1/orders/A%2F1%3Fx%3D%23%C3%A9"


def test_one_client_serves_many_threads(live_server, member, server_key):
    """Ten threads spend 100 of 1,000 points each with one client: each exactly once."""
    with Liuke(live_server.url, server_key()) as shop:
        errors: list[ApiError] = []

        def spend(number: int) -> None:
            try:
                shop.points.redeem(member, 100, key=f"spend:{number}")
            except ApiError as error:
                errors.append(error)

        storm(10, spend)
        assert errors == []
        assert shop.points.balance(member)["available"] == 0
