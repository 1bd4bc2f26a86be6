"""Test the figures of campaigns in a small world, with every number counted by hand (A2, X2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from analytics.segments.models import Segment, SegmentMembership
from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.services.broadcasts import create_broadcast
from campaigns.coupons.models import CouponCode, CouponUse
from campaigns.coupons.services.codes import issue_to_many
from campaigns.experiments.selectors.holdouts import compare
from campaigns.journeys.services.journeys import create_journey
from campaigns.messages.models import Message
from campaigns.messages.selectors.messages import MessageFilter
from campaigns.reports.selectors import figures as selectors
from campaigns.reports.selectors.campaigns import Campaign, campaigns_of
from campaigns.reports.selectors.coupons import coupon_figures
from campaigns.reports.selectors.figures import CouponCost, MessageFigures, Revenue, count_figures
from campaigns.reports.selectors.timeline import timeline_of
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.customers.models import Consent, Customer
from crm.orders.models import Order

pytestmark = pytest.mark.django_db
DAYS = 7
ORIGIN = "broadcast:1"


def test_orders_of_a_journey_count_within_its_own_window(store):
    draft = {"entry": {"kind": "api"}, "steps": [], "window_days": 45}
    journey = create_journey(name="Long", draft=draft, actor=SYSTEM)
    (found,) = campaigns_of([f"journey:{journey.pk}"])
    assert (found.name, found.days) == ("Long", 45)


def campaign(origin: str = ORIGIN, days: int = DAYS, **values) -> Campaign:
    return Campaign(origin, origin, "Broadcast", days=days, **values)


def figures(origin: str = ORIGIN, days: int = DAYS) -> MessageFigures:
    return count_figures([campaign(origin, days)])[origin]


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def template(store, memory):
    return save_template(name="News", channel="memory", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)


@pytest.fixture
def messaged(template, make_customer):
    """Make a message of broadcast 1 to a customer, in this state and with these columns."""
    count = 0

    def make(customer: Customer | None = None, state: str = "sent", **fields) -> Message:
        nonlocal count
        count += 1
        values = {"channel": "memory", "origin": ORIGIN, "occurrence": str(count), **fields}
        return Message.objects.create(
            customer=customer or make_customer(f"C{count}"), message_class="marketing", template=template,
            template_version=1, state=state, **values,
        )  # fmt: skip

    return make


def order(store, customer: Customer | None, at, total: int, **fields) -> Order:
    values = {
        "subtotal": total + fields.get("discount", 0) + fields.get("points_amount", 0),
        "currency": "CNY",
        **fields,
    }
    number = values.pop("number", f"N{Order.objects.count()}")
    return Order.objects.create(
        store=store, source="test", number=number, customer=customer, state="paid", total=total, placed_at=at,
        paid_at=at, **values,
    )  # fmt: skip


@pytest.fixture
def world(store, messaged, make_customer, now):
    """Broadcast 1 went out ten days ago; its window of seven days is over."""
    sent = now - timedelta(days=10)
    at = {"sent_at": sent, "created_at": sent}
    clicked = messaged(opened_at=sent + timedelta(hours=1), clicked_at=sent + timedelta(hours=1), **at)
    opened = messaged(opened_at=sent + timedelta(hours=3), **at)
    returned, late = messaged(**at), messaged(**at)
    by_sms = messaged(channel="sms", **at)
    left = messaged(reason="complaint", delivered_at=sent, **at)
    messaged(state="failed", reason="undelivered", **at)
    messaged(state="failed", reason="bounce")
    messaged(state="failed", reason="refused")
    no_consent = messaged(state="suppressed", reason="no_consent")
    messaged(state="suppressed", reason="holdout")
    messaged(state="held", reason="quiet_hours")
    messaged(state="queued")
    messaged(state="uncertain")
    # After a click, discounted by 20.00, and 30.00 of it given back.
    order(store, clicked.customer, sent + timedelta(hours=2), 100_00, discount=20_00, refunded=30_00)
    # Before the message; then three days later, 10.00 of it paid with points.
    order(store, opened.customer, sent - timedelta(hours=1), 999_00)
    order(store, opened.customer, sent + timedelta(days=3), 50_00, points_amount=10_00)
    # Returned as a whole, after the window, in another currency, and by a customer who got no message.
    order(store, returned.customer, sent + timedelta(days=1), 40_00, refunded=40_00)
    order(store, late.customer, sent + timedelta(days=7), 60_00)
    order(store, by_sms.customer, sent + timedelta(days=1), 9_00, currency="USD")
    order(store, no_consent.customer, sent + timedelta(days=1), 70_00)
    for evidence in (f"message {left.pk}", "signed link", "message of a person"):
        Consent.objects.create(
            customer=left.customer, channel="email", purpose="marketing", decision="withdrawn", source="test",
            evidence=evidence, given_at=sent + timedelta(days=1),
        )  # fmt: skip
    return {"clicked": clicked, "opened": opened, "left": left, "sms": by_sms}


def test_every_message_and_order_counts_once(world):
    found = figures()
    assert (found.sent, found.delivered, found.confirmed, found.bounced) == (8, 6, 1, 2)
    assert (found.trackable, found.opened, found.clicked) == (5, 2, 1)
    assert (found.complained, found.unsubscribed, found.failed, found.uncertain) == (1, 1, 1, 1)
    assert (found.queued, found.sending, found.waiting) == (1, 0, {"quiet_hours": 1})
    assert (found.kept_back, found.held_out) == ({"no_consent": 1, "holdout": 1}, 1)
    assert (found.ordered, found.orders) == (3, 3)
    assert found.revenue == [Revenue("CNY", 2, 2, 120_00, 1, 70_00), Revenue("USD", 1, 1, 9_00)]
    assert (found.net("CNY"), found.net("USD"), found.net("EUR")) == (120_00, 9_00, 0)
    assert (found.open_rate, found.click_rate, found.order_rate) == (2 / 5, 1 / 5, 3 / 6)
    assert (found.bounce_rate, found.complaint_rate, found.unsubscribe_rate) == (2 / 8, 1 / 6, 1 / 6)


def test_the_window_decides_which_orders_count(world):
    assert [(row.currency, row.orders, row.net) for row in figures(days=8).revenue] == [
        ("CNY", 3, 180_00), ("USD", 1, 9_00),
    ]  # fmt: skip
    assert [(row.currency, row.orders, row.net) for row in figures(days=1).revenue] == [("CNY", 1, 70_00)]


def test_an_order_counts_for_the_last_message_before_it(store, messaged, make_customer, now):
    ada = make_customer("Ada")
    begun = now - timedelta(days=30)
    for days in (0, 5):
        messaged(ada, origin="care:1", sent_at=begun + timedelta(days=days))
    for days in (6, 8, 11.9, 12):
        order(store, ada, begun + timedelta(days=days), 10_00)
    found = figures("care:1")
    assert (found.ordered, [(row.orders, row.net) for row in found.revenue]) == (1, [(3, 30_00)])


def test_a_campaign_without_messages_has_zeros_and_no_rates(store):
    found = figures("broadcast:99")
    assert (found.sent, found.revenue, found.coupons, found.points, found.effect) == (0, [], [], 0, None)
    assert (found.open_rate, found.bounce_rate, found.order_rate, found.complaint_rate) == (None, None, None, None)


def test_only_redeemed_coupons_of_the_campaign_cost_something(world, make_coupon, now):
    coupon = make_coupon()
    message, other = world["clicked"], world["opened"]

    def use(customer: Customer, cause: str, discount: int, **state) -> None:
        code = issue_to_many(coupon=coupon, wanted=[(customer.pk, cause)])[customer.pk, cause]
        CouponUse.objects.create(
            coupon=coupon, code=code, customer=customer, cart_amount=100_00, discount=discount,
            expires_at=now, order_reference=cause[:100], **state,
        )  # fmt: skip

    use(message.customer, f"message:{message.pk}", 20_00, state="redeemed", redeemed_at=now)
    use(other.customer, f"message:{other.pk}", 20_00, state="released", redeemed_at=now, released_at=now)
    use(other.customer, "hand:1", 5_00, state="redeemed", redeemed_at=now)
    use(other.customer, "message:not-a-message", 5_00, state="redeemed", redeemed_at=now)
    use(other.customer, "journey:4:run:9:s1", 7_00, state="redeemed", redeemed_at=now)
    assert figures().coupons == [CouponCost("CNY", 1, 20_00)]
    assert figures("journey:4").coupons == [CouponCost("CNY", 1, 7_00)]


def test_the_reactions_open_exactly_their_messages(world):
    def listed(reaction: str, **more: str) -> set[int]:
        query = QueryDict(mutable=True)
        query.update({"campaign": ORIGIN, "days": "all", "reaction": reaction, **more})
        return set(MessageFilter.of(query).rows().values_list("customer_id", flat=True))

    ids = {name: message.customer_id for name, message in world.items()}
    assert listed("opened") == {ids["clicked"], ids["opened"]}
    assert listed("clicked") == {ids["clicked"]}
    assert listed("complained") == listed("unsubscribed") == {ids["left"]}
    assert len(listed("bounced")) == 2
    assert listed("ordered") == {ids["clicked"], ids["opened"], ids["sms"]}
    assert listed("ordered", window="1") == {ids["clicked"]}
    assert len(listed("ordered", window="8")) == 4
    assert len(listed("ordered", window="x")) == 3
    assert len(listed("nothing-known")) == Message.objects.filter(origin=ORIGIN).count()


def test_the_timeline_counts_by_hour_and_by_day(world, store, now):
    found = timeline_of(campaign())
    first = (now - timedelta(days=10)).astimezone(ZoneInfo("Asia/Shanghai"))
    assert len(found.hours) == 48
    assert found.hours[0] == first.replace(minute=0, second=0, microsecond=0, tzinfo=None)
    assert (found.hourly["sent"][0], sum(found.hourly["sent"])) == (7, 7), "the refused address was never sent to"
    assert (found.hourly["opened"][1], found.hourly["opened"][3], sum(found.hourly["opened"])) == (1, 1, 2)
    assert (found.hourly["clicked"][1], sum(found.hourly["clicked"])) == (1, 1)
    assert (found.hourly["ordered"][2], found.hourly["ordered"][24], sum(found.hourly["ordered"])) == (1, 1, 2)
    assert found.days[0] == first.date()
    assert (found.daily["sent"][0], sum(found.daily["ordered"])) == (7, 3)
    assert found.daily["ordered"][3] == 1
    assert timeline_of(campaign("broadcast:2")) is None


def test_the_effects_of_several_campaigns_are_those_of_each(store, template, now):
    """80 of 400 ordered for 50.00, and 10 of 100 held out: the interval of `test_holdouts.py`, in one statement."""
    at = now - timedelta(days=10)

    def group(origin: str, count: int, ordering: int, **fields) -> None:
        people = Customer.objects.bulk_create(
            Customer(name="P", number=f"{origin[-1]}{fields['state'][:2]}{place}", source="test")
            for place in range(count)
        )
        Message.objects.bulk_create(
            Message(
                customer=person, channel="memory", message_class="marketing", origin=origin, template=template,
                template_version=1, occurrence="once", wanted_at=at, due_at=at, created_at=at, **fields,
            )
            for person in people
        )  # fmt: skip
        buyers: Sequence[Customer] = people[:ordering]
        Order.objects.bulk_create(
            Order(
                store=store, source="test", number=person.number, customer=person, currency="CNY", state="paid",
                subtotal=50_00, total=50_00, placed_at=at + timedelta(days=1), paid_at=at + timedelta(days=1),
            )
            for person in buyers
        )  # fmt: skip

    group("broadcast:1", 400, 80, state="sent", sent_at=at)
    group("broadcast:1", 100, 10, state="suppressed", reason="holdout")
    group("broadcast:2", 30, 3, state="sent", sent_at=at)
    group("broadcast:2", 20, 1, state="suppressed", reason="holdout")
    group("broadcast:3", 20, 1, state="sent", sent_at=at)
    found = count_figures([campaign(f"broadcast:{number}", goes_on=True) for number in (1, 2, 3)])
    first = found["broadcast:1"].effect
    assert (first.counted, first.held_out, first.currency) == (400, 100, "CNY")
    assert [round(value, 5) for value in (first.ordered.difference, first.ordered.low, first.ordered.high)] == [
        0.1, 0.02906, 0.17094,
    ]  # fmt: skip
    assert [round(value, 1) for value in (first.revenue.difference, first.revenue.low, first.revenue.high)] == [
        500, 145.3, 854.7,
    ]  # fmt: skip
    compared = compare("broadcast:1", days=DAYS, now=now, goes_on=True)
    assert (first.ordered, first.revenue) == (compared.effects["ordered"], compared.effects["revenue"])
    second = found["broadcast:2"].effect
    assert (second.counted, second.held_out, second.ordered) == (30, 20, None), "too few to tell"
    assert found["broadcast:3"].effect is None


def test_a_coupon_is_counted_from_the_code_to_the_order(world, make_coupon, store, now):
    coupon, other = make_coupon(), make_coupon(name="Other")
    opened, unopened, by_sms = world["opened"], world["left"], world["sms"]
    for message in (opened, unopened, by_sms):
        issue_to_many(coupon=coupon, wanted=[(message.customer_id, f"message:{message.pk}")])
    issue_to_many(coupon=coupon, wanted=[(opened.customer_id, "hand:1")])
    CouponCode.objects.create(coupon=coupon, code="FLYER")
    codes = {code.issued_for: code for code in coupon.codes.all()}

    def use(code: CouponCode, number: str, customer: Customer | None, **state) -> None:
        CouponUse.objects.create(
            coupon=coupon, code=code, customer=customer, order_reference=number, cart_amount=100_00, discount=20_00,
            expires_at=now, **state,
        )  # fmt: skip

    used = {"state": "redeemed", "redeemed_at": now}
    use(codes[f"message:{opened.pk}"], "W1", opened.customer, **used)
    use(codes[None], "W2", None, **used)
    use(codes["hand:1"], "W3", opened.customer, state="reserved")
    use(codes[f"message:{by_sms.pk}"], "W4", by_sms.customer, **used)
    order(store, opened.customer, now, 80_00, discount=20_00, refunded=10_00, number="W1")
    order(store, None, now, 30_00, number="W2")
    order(store, opened.customer, now, 80_00, number="W3")
    # The number of another customer's order, and an order that was returned as a whole.
    order(store, unopened.customer, now, 11_00, number="X1")
    order(store, by_sms.customer, now, 12_00, refunded=12_00, number="W4")
    found = coupon_figures([coupon.pk, other.pk])
    first = found[coupon.pk]
    assert (first.issued, first.sent, first.trackable, first.opened, first.clicked) == (4, 3, 2, 1, 0)
    assert (first.codes_used, first.uses, first.discount, first.currency) == (3, 3, 60_00, "CNY")
    assert (first.orders, first.revenue) == (2, [Revenue("CNY", 1, 2, 100_00)])
    assert (first.open_rate, first.click_rate) == (1 / 2, 0)
    assert (found[other.pk].issued, found[other.pk].orders, found[other.pk].open_rate) == (0, 0, None)


def test_only_slow_figures_are_kept(world, template, monkeypatch):
    segment = create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
    broadcast = create_broadcast(name="B", segment=segment, template=template, actor=SYSTEM)
    Message.objects.filter(origin=ORIGIN).update(origin=broadcast.origin)
    listed = campaigns_of([broadcast.origin])
    assert selectors.keep_newest() == 0
    monkeypatch.setattr(selectors, "SLOW_SECONDS", -1)
    assert selectors.keep_newest() == 1
    Message.objects.filter(origin=broadcast.origin).delete()
    assert selectors.figures_of(listed)[broadcast.origin].sent == 8, "kept for ten minutes"
    cache.clear()
    assert selectors.figures_of(listed)[broadcast.origin].sent == 0


class TestPages:
    @pytest.fixture
    def broadcasts(self, template, world):
        segment = create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
        rows = [
            create_broadcast(name=f"B{number}", segment=segment, template=template, actor=SYSTEM) for number in range(3)
        ]
        Message.objects.filter(origin=ORIGIN).update(origin=rows[0].origin)
        return rows

    def test_the_list_has_the_results_of_each_row(self, as_role, broadcasts):
        page = as_role(Role.ANALYST).get(reverse("broadcasts"))
        added = page.context["added"]
        assert [str(head) for head in added.heads] == [
            "Sent", "Open rate", "Click rate", "Orders", "Net revenue", "Effect on orders",
        ]  # fmt: skip
        cells = added.cells[broadcasts[0].pk]
        assert [cell.text for cell in cells] == ["8", "40.0%", "20.0%", "3", "¥120.00 · $9.00", "too early"]
        assert [cell.detail for cell in cells[1:3]] == ["2 of 5", "1 of 5"]
        assert [cell.text for cell in added.cells[broadcasts[1].pk]] == ["0", "–", "–", "–", "–", "–"]
        opened = as_role(Role.ANALYST).get(cells[1].url)
        assert len(opened.context["rows"]) == 2
        assert len(as_role(Role.ANALYST).get(cells[3].url).context["rows"]) == 3

    def test_more_rows_need_no_more_queries(self, as_role, broadcasts, django_assert_num_queries, messaged):
        client = as_role(Role.ANALYST)
        client.get(reverse("broadcasts"))
        with django_assert_num_queries(15) as one:
            client.get(reverse("broadcasts"))
        for row in broadcasts[1:]:
            messaged(origin=row.origin, sent_at=timezone.now())
            messaged(origin=row.origin, state="suppressed", reason="holdout")
        with django_assert_num_queries(len(one.captured_queries)):
            client.get(reverse("broadcasts"))

    def test_the_results_page_shows_rates_money_and_charts(self, as_role, broadcasts):
        page = as_role(Role.ANALYST).get(reverse("broadcast_results", args=[broadcasts[0].pk]))
        stats = {label: (cell.text, cell.detail) for label, cell in page.context["stats"]}
        assert stats == {
            "Sent": ("8", ""),
            "Delivered": ("6", "1 confirmed by the provider"),
            "Open rate": ("40.0%", "2 of 5"),
            "Click rate": ("20.0%", "1 of 5"),
            "Order rate": ("50.0%", "3 of 6"),
            "Bounce rate": ("25.00%", "2 of 8"),
            "Complaint rate": ("16.67%", "1 of 6"),
            "Unsubscribe rate": ("16.67%", "1 of 6"),
        }
        assert [chart.code for chart in page.context["charts"]] == ["campaign-by-hour", "campaign-by-day"]
        text = page.content.decode()
        assert "¥120.00" in text
        assert "¥70.00" in text

    def test_the_messages_of_a_campaign_lead_to_its_results(self, as_role, broadcasts, messaged):
        journey = create_journey(name="Welcome", actor=SYSTEM)
        messaged(origin=f"journey:{journey.pk}", sent_at=timezone.now())
        for origin, url in (
            (f"journey:{journey.pk}", reverse("journey_message_results", args=[journey.pk])),
            (broadcasts[0].origin, reverse("broadcast_results", args=[broadcasts[0].pk])),
            ("api", ""), ("broadcast:x", ""),
        ):  # fmt: skip
            assert as_role(Role.MARKETER).get(reverse("messages"), {"campaign": origin}).context["results_url"] == url
            assert as_role(Role.AGENT).get(reverse("messages"), {"campaign": origin}).context["results_url"] == ""
        page = as_role(Role.MARKETER).get(reverse("journey_message_results", args=[journey.pk]))
        assert (page.context["figures"].sent, page.context["with_holdout"]) == (1, False)

    def test_the_customers_behind_a_figure_are_saved_as_a_list(self, as_role, broadcasts, world):
        matching = f"campaign={broadcasts[0].origin}&days=all&reaction=opened"
        client = as_role(Role.MARKETER)
        saved = client.post(reverse("messages_save_list"), {"matching": matching})
        segment = Segment.objects.get(kind="static")
        assert saved.url == reverse("segment", args=[segment.pk])
        assert segment.name.startswith("B0 · Opened · ")
        inside = SegmentMembership.objects.filter(segment=segment).values_list("customer_id", flat=True)
        assert set(inside) == {world["clicked"].customer_id, world["opened"].customer_id}
        refused = client.post(reverse("messages_save_list"), {"matching": "days=all"}, follow=True)
        assert "Choose a campaign first." in refused.content.decode()
        assert Segment.objects.filter(kind="static").count() == 1

    def test_the_comparison_shows_each_campaign_and_its_file(self, as_role, broadcasts, make_coupon):
        client, coupon = as_role(Role.ANALYST), make_coupon()
        chosen = {"of": [broadcasts[0].origin, broadcasts[1].origin, f"coupon:{coupon.pk}", "broadcast:999", "x"]}
        page = client.get(reverse("campaign_compare"), chosen)
        assert [row.campaign.name for row in page.context["rows"]] == ["B0", "B1", "Summer"]
        assert {str(head): cells[0][1].text for head, cells in page.context["figures"]} == {
            "Sent": "8", "Delivered": "6", "Open rate": "40.0%", "Click rate": "20.0%",
            "Customers who ordered": "50.0%", "Orders": "3", "Net revenue": "¥120.00 · $9.00",
            "Coupon discounts": "–", "Bounce rate": "25.00%",
            "Complaint rate": "16.67%", "Unsubscribe rate": "16.67%", "Effect on orders": "too early",
            "Effect on revenue per customer": "–",
        }  # fmt: skip
        rates, revenue = page.context["charts"]
        assert [list(series.values) for series in rates.series] == [[40.0, 0, 0], [20.0, 0, 0], [50.0, 0, 0]]
        assert list(revenue.series[0].values) == [120.0, 0, 0]
        lines = client.get(reverse("campaign_compare_export"), chosen).content.decode().splitlines()
        assert lines[1] == "B0,Broadcast,8,6,5,2,1,2,1,1,3,3,120.0,CNY,0,0.0,0,,,"
        assert len(lines) == 4

    def test_the_comparison_needs_two_campaigns_and_takes_ten(self, as_role, broadcasts):
        client = as_role(Role.ANALYST)
        empty = client.get(reverse("campaign_compare"))
        assert (empty.context["rows"], empty.context["too_few"]) == ([], False)
        assert [label for label, _items in empty.context["offered"]] == ["Broadcast", "Transactional"]
        one = client.get(reverse("campaign_compare"), {"of": [broadcasts[0].origin]})
        assert (one.context["rows"], one.context["too_few"]) == ([], True)

    def test_the_coupon_page_shows_its_funnel(self, as_role, make_coupon, world):
        coupon, message = make_coupon(), world["opened"]
        issue_to_many(coupon=coupon, wanted=[(message.customer_id, f"message:{message.pk}")])
        page = as_role(Role.AGENT).get(reverse("coupon_results", args=[coupon.pk]))
        assert [(label, cell.text) for label, cell in page.context["funnel"]] == [
            ("Issued", "1"), ("Seen", "1"), ("Used", "0"), ("Orders", "0"),
        ]  # fmt: skip
        row = as_role(Role.AGENT).get(reverse("coupons")).context["added"].cells[coupon.pk]
        assert [cell.text for cell in row] == ["1", "100.0%", "0.0%", "0", "¥0.00", "–"]


def test_campaigns_are_found_in_the_order_of_the_address(make_coupon):
    coupon = make_coupon()
    origins = ["api", f"coupon:{coupon.pk}", "broadcast:5", "coupon:-1", "coupon:x", "", f"coupon:{coupon.pk}"]
    assert [campaign.name for campaign in campaigns_of(origins)] == ["Sent by an API call", "Summer"]
    assert [campaign.origin for campaign in campaigns_of(origins, ["broadcast"])] == ["api"]
