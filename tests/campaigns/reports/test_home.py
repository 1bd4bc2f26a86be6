"""Figures of the marketer's home page, counted by hand, and the drafts that opportunities open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.features.models import CustomerFeature
from analytics.segments.models import Segment
from analytics.segments.services.figures import figures_of
from analytics.segments.services.segments import create_segment, ensure_segment
from campaigns.broadcasts.services.broadcasts import create_broadcast
from campaigns.calendar.services import add_shop_day
from campaigns.experiments.models import Experiment, Exposure
from campaigns.experiments.services.experiments import Arm, create_experiment, start_experiment
from campaigns.journeys.services.journeys import create_journey
from campaigns.messages.models import Message
from campaigns.reports.registry import OPPORTUNITIES
from campaigns.reports.selectors import caused
from campaigns.reports.selectors.opportunities import Drafts, FittingDraft, count_opportunity
from campaigns.reports.selectors.running import running_campaigns
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.zones import shop_day, shop_midnight
from core.console import kept
from core.security.roles import Role
from crm.customers.models import Customer
from crm.orders.models import Order
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Member

pytestmark = pytest.mark.django_db
AT_RISK = {"op": "and", "children": [{"condition": "stage", "operator": "in", "values": ["at_risk"]}]}


@pytest.fixture
def now():
    return timezone.now()


def people(count: int, start: int = 0) -> list[Customer]:
    return Customer.objects.bulk_create(
        Customer(name="P", number=f"H{start + n}", source="test") for n in range(count)
    )  # fmt: skip


def buy(store, customers: Sequence[Customer], at, amount: int = 100_00) -> None:
    Order.objects.bulk_create(
        Order(
            store=store, source="test", number=f"{one.number}-{at.timestamp()}", customer=one, currency="CNY",
            state="paid", subtotal=amount, total=amount, placed_at=at, paid_at=at,
        )
        for one in customers
    )  # fmt: skip


@pytest.fixture
def holdout(store, now) -> Experiment:
    """Run a global holdout with 100 customers in each arm, all drawn before this month."""
    experiment = create_experiment(
        name="Everyone", scope="everything", metric="revenue", window_days=14, effect=100,
        arms=[Arm("None"), Arm("All")], actor=SYSTEM,
    )  # fmt: skip
    start_experiment(experiment=experiment, actor=SYSTEM)
    held, treated = experiment.arms.all()
    drawn = shop_midnight(shop_day(now).replace(day=1)) - timedelta(days=1)
    for place, arm in enumerate((held, treated)):
        Exposure.objects.bulk_create(
            Exposure(experiment=experiment, customer=one, arm=arm, origin="broadcast:1", exposed_at=drawn)
            for one in people(100, 100 * place)
        )
    return experiment


def customers_of(experiment: Experiment, position: int) -> list[Customer]:
    rows = Exposure.objects.filter(experiment=experiment, arm__position=position).select_related("customer")
    return [row.customer for row in rows.order_by("customer_id")]


def test_what_marketing_caused_is_the_difference_of_the_arms_times_the_treated(store, holdout, now):
    """30 of 100 with marketing and 10 of 100 without ordered for 100.00 this month: 20.00 more each.

    Variance of one: (3e9 - 9e8)/99 and (1e9 - 1e8)/99 of minor units; half of the interval of the mean
    1.959964 * sqrt(3e9/99/100) = 1078.92.
    """
    buy(store, customers_of(holdout, 0)[:10], now)
    buy(store, customers_of(holdout, 1)[:30], now)
    month = caused.caused_and_clicked()["months"][-1]
    assert (month["customers"], month["held_out"], month["sure"]) == (100, 100, True)
    assert month["caused"] == 2_000_00
    assert (month["low"], month["high"]) == (200_000 - 107_892, 200_000 + 107_892)


def test_orders_before_the_draw_and_of_other_customers_do_not_count(store, holdout, now):
    buy(store, customers_of(holdout, 1)[:30], now - timedelta(days=200))
    buy(store, people(30, 500), now)
    assert caused.caused_and_clicked()["months"][-1]["caused"] == 0


def test_without_a_holdout_nothing_is_claimed(store, now):
    figures = caused.caused_and_clicked()
    assert figures["holdout"] is None
    assert [row.get("caused") for row in figures["months"]] == [None] * 6
    assert figures["months"][-1]["month"] == shop_day(now).replace(day=1).isoformat()


@pytest.fixture
def clicked(store, memory, now):
    """Make a message of a campaign that was clicked an hour ago; return its customer."""
    template = save_template(name="News", channel="memory", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)

    def make(customer: Customer, *, sent_hours: float = 2, message_class: str = "marketing", **fields) -> Customer:
        sent = now - timedelta(hours=sent_hours)
        values = {"clicked_at": now - timedelta(hours=1), "sent_at": sent, "origin": "journey:1", **fields}
        Message.objects.create(
            customer=customer, channel="memory", message_class=message_class, template=template, template_version=1,
            state="sent", occurrence=str(Message.objects.count()), **values,
        )  # fmt: skip
        return customer

    return make


def test_revenue_after_a_click_counts_each_order_once(store, clicked, now):
    both, unclicked, service, old = people(4)
    clicked(clicked(both))
    clicked(unclicked, clicked_at=None)
    clicked(service, message_class="transactional")
    clicked(old, sent_hours=8 * 24)
    buy(store, [both, unclicked, service, old], now)
    month = caused.caused_and_clicked()["months"][-1]
    assert (month["orders"], month["clicked"]) == (1, 100_00)


def test_the_panel_shows_both_beside_each_other(client, staff, store, holdout, clicked, now):
    buy(store, customers_of(holdout, 0)[:10], now)
    buy(store, customers_of(holdout, 1)[:30], now)
    clicked(customers_of(holdout, 1)[0])
    kept.keep()
    client.force_login(staff(Role.MARKETER))
    page = client.get("/").content.decode()
    assert "+¥2,000.00" in page
    assert "95% sure: +¥921.08 to +¥3,078.92" in page
    assert "¥100.00" in page
    assert f'href="{reverse("experiment", args=[holdout.pk])}"' in page


def test_running_campaigns_have_their_funnel(store, clicked, memory, now):
    segment = create_segment(name="Buyers", rule=AT_RISK, actor=SYSTEM)
    template = save_template(name="Offer", channel="memory", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
    broadcast = create_broadcast(name="Sale", segment=segment, template=template, actor=SYSTEM)
    type(broadcast).objects.filter(pk=broadcast.pk).update(state="sending", starts_at=now)
    first, second, third = people(3)
    origin = broadcast.origin
    clicked(first, origin=origin, opened_at=now - timedelta(hours=1))
    clicked(second, origin=origin, opened_at=now - timedelta(hours=1), clicked_at=None)
    clicked(third, origin=origin, clicked_at=None)
    buy(store, [first], now)
    (row,) = running_campaigns()
    assert (row["origin"], row["name"], row["state"]) == (origin, "Sale", "sending")
    assert [row[name] for name in ("sent", "opened", "clicked", "ordered")] == [3, 2, 1, 1]


@pytest.fixture
def features(store, now):
    """Return features(customer, stage=...), which writes a customer's feature row."""

    def write(customer: Customer, **values) -> CustomerFeature:
        return CustomerFeature.objects.update_or_create(customer=customer, defaults={"as_of": now, **values})[0]

    return write


def test_customers_at_risk_with_their_spend_and_reach(features):
    one, other, active = people(3)
    features(one, stage="at_risk", spend_365=300_00, reachable=["email", "wechat"])
    features(other, stage="at_risk", spend_365=200_00, reachable=["wechat"])
    features(active, stage="active", spend_365=900_00, reachable=["email"])
    opportunity = OPPORTUNITIES["at_risk"]
    counted = count_opportunity(opportunity)
    assert (counted.count, counted.value) == (2, 500_00)
    assert (counted.reach["email"], counted.reach["wechat"], counted.reach["sms"]) == (1, 2, 0)
    assert opportunity.sentence(2, 500_00, "CNY") == "2 customers at risk hold ¥500.00 of yearly spend"


def test_new_buyers_without_a_second_order(features, now):
    one, twice, long_ago = people(3)
    features(one, order_count=1, net_spend=80_00, last_order_at=now - timedelta(days=10))
    features(twice, order_count=2, net_spend=80_00, last_order_at=now - timedelta(days=10))
    features(long_ago, order_count=1, net_spend=80_00, last_order_at=now - timedelta(days=61))
    counted = count_opportunity(OPPORTUNITIES["second_order"])
    assert (counted.count, counted.value) == (1, 80_00)
    assert "average first order ¥80.00" in OPPORTUNITIES["second_order"].sentence(1, 80_00, "CNY")


def test_birthdays_of_the_next_seven_days(features, make_customer, now):
    today = shop_day(now)
    soon, later = today + timedelta(days=3), today + timedelta(days=20)
    for day in (soon, later):
        features(make_customer(birthday=day.replace(year=1988)))
    assert count_opportunity(OPPORTUNITIES["birthdays"]).count == 1


def test_members_close_to_the_next_tier(features, program, make_customer):
    from loyalty.ledger.services.enrolment import enrol_member
    from loyalty.program.models import Member
    from loyalty.tiers.models import Tier

    first = Tier.objects.filter(program=program).order_by("rank")[0]
    for share in (79, 80):
        customer = make_customer()
        features(customer, is_member=True)
        member = enrol_member(customer=customer, program=program, actor=SYSTEM)
        Member.objects.filter(pk=member.pk).update(tier=None, qualifying=first.threshold * share // 100)
    nearest = Tier.objects.filter(program=program, threshold__gt=0).order_by("rank")[0]
    expected = 1 if nearest == first else 0
    assert count_opportunity(OPPORTUNITIES["near_tier"]).count == expected


@pytest.fixture
def expiring(features, program, make_customer, now):
    """Give three members points: 300 and 200 that expire within 30 days, others later or never; one is suspended."""
    program.redeem_points, program.redeem_amount = 100, 1_00
    program.save()
    members = []
    for days, reachable in (((10, 29), ["email", "wechat"]), ((20, 31), ["email"]), ((40, None), ["sms"]), ((5,), [])):
        customer = make_customer()
        features(customer, is_member=True, reachable=reachable)
        member = enrol_member(customer=customer, program=program, actor=SYSTEM)
        account = Account.objects.get(member=member, point_type__spendable=True)
        for place, day in enumerate(days):
            entry = Entry.objects.create(account=account, kind="earn", available=250, occurred_at=now)
            Lot.objects.create(
                account=account, source="grant", entry=entry, points=250, remaining=100 * (place + 1),
                available_from=now, confirmed_at=now, expires_at=now + timedelta(days=day) if day else None,
            )  # fmt: skip
        members.append(member)
    Member.objects.filter(pk=members[3].pk).update(state="suspended", suspended_at=now, suspension_reason="fraud")
    return members


def test_members_whose_points_expire_within_a_month(client, staff, expiring):
    opportunity = OPPORTUNITIES["expiring_points"]
    counted = count_opportunity(opportunity)
    # the first has 100 in 10 days and 200 in 29, the second 100 in 20 days and 200 after 31
    assert (counted.count, counted.value) == (2, 400)
    assert (counted.reach["email"], counted.reach["wechat"], counted.reach["sms"]) == (2, 1, 0)
    sentence = "2 members have 400 points worth ¥4.00 that expire within 30 days"
    assert opportunity.sentence(2, 400, "CNY") == sentence
    # and the other direction leaves the rest
    rest = {"op": "and", "children": [{"condition": "points_expiring", "operator": "not_within", "days": 30}]}
    assert set(figures_of(rest, sample=9).sample) == {member.customer_id for member in expiring[2:]}


def test_expiring_points_open_a_ready_broadcast(client, staff, expiring, templates):
    # given a template whose name fits
    fitting = save_template(
        name="Points expire soon", channel="email",
        texts=[Text("en", "Hi {{ links.unsubscribe }}", "Hi")], actor=SYSTEM,
    )  # fmt: skip
    save_template(
        name="Newer", channel="email", texts=[Text("en", "Hi {{ links.unsubscribe }}", "Hi")], actor=SYSTEM
    )  # fmt: skip
    kept.keep()
    client.force_login(staff(Role.MARKETER))
    page = client.get("/").content.decode()
    assert "2 members have 400 points worth ¥4.00 that expire within 30 days" in page
    assert "reachable: 2 by E-mail, 1 by WeChat" in page
    # when the button is pressed
    answer = client.post(reverse("opportunity_draft", args=["expiring_points"]), {"channel": "email"})
    # then the form is filled in: the segment of these members and the fitting template
    query = parse_qs(urlsplit(answer.url).query)
    segment = Segment.objects.get()
    assert (query["segment"], query["template"]) == ([str(segment.pk)], [str(fitting.pk)])
    assert segment.name == "Points that expire within 30 days"
    assert client.get(answer.url).status_code == 200


@pytest.fixture
def templates(store):
    save = lambda name, channel: save_template(  # noqa: E731
        name=name, channel=channel, texts=[Text("en", "Hi {{ links.unsubscribe }}", "Hi")], actor=SYSTEM
    )
    return [save("Autumn news", "email"), save("We miss you", "email"), save("Newest", "email"), save("SMS", "sms")]


def test_the_template_whose_name_fits_comes_before_the_newest(templates):
    drafts = Drafts()
    assert drafts.fitting(OPPORTUNITIES["at_risk"], "email") == FittingDraft(templates[1].pk)
    assert drafts.fitting(OPPORTUNITIES["birthdays"], "email") == FittingDraft(templates[2].pk)
    assert drafts.fitting(OPPORTUNITIES["at_risk"], "wechat") is None


def test_a_template_with_a_coupon_brings_a_coupon_or_is_left_out(templates, make_coupon):
    """Given a fitting template that shows a coupon, and one that needs an order, which no broadcast brings."""
    texts = "Hi {{ coupon.code }} {{ links.unsubscribe }}"
    gift = save_template(name="Winback gift", channel="email", texts=[Text("en", texts, "Hi")], actor=SYSTEM)
    order = "Hi {{ order.number }} {{ links.unsubscribe }}"
    save_template(name="Winback order", channel="email", texts=[Text("en", order, "Hi")], actor=SYSTEM)
    assert Drafts().fitting(OPPORTUNITIES["at_risk"], "email") == FittingDraft(templates[1].pk)

    make_coupon(name="Any")
    welcome = make_coupon(name="Come back soon")
    over = make_coupon(name="Come back, over")
    type(over).objects.filter(pk=over.pk).update(active=False)
    assert Drafts().fitting(OPPORTUNITIES["at_risk"], "email") == FittingDraft(gift.pk, welcome.pk)


def test_an_opportunity_opens_a_filled_in_form(client, staff, features, templates):
    """Given a segment with the opportunity's rule, then its link leads to the form with segment and template."""
    segment = create_segment(name="Quiet ones", rule=AT_RISK, actor=SYSTEM)
    features(people(1)[0], stage="at_risk", reachable=["email"])
    kept.keep(["campaigns.opportunities"])
    client.force_login(staff(Role.MARKETER))
    page = client.get("/").content.decode()
    address = next(
        part.split('"')[0].replace("&amp;", "&") for part in page.split('href="') if part.startswith("/broadcasts/new/")
        and f"segment={segment.pk}" in part.split('"')[0]
    )  # fmt: skip
    given = parse_qs(urlsplit(address).query)
    assert given["template"] == [str(templates[1].pk)]
    form = client.get(address).content.decode()
    assert f'<option value="{segment.pk}" selected>' in form
    assert f'<option value="{templates[1].pk}" selected>' in form
    assert f'href="{reverse("segment", args=[segment.pk])}"' in page


def test_the_button_makes_the_missing_segment_once(client, staff, features, templates):
    features(people(1)[0], stage="at_risk", reachable=["email"])
    kept.keep(["campaigns.opportunities"])
    client.force_login(staff(Role.MARKETER))
    address = reverse("opportunity_draft", args=["at_risk"])
    assert f'action="{address}"' in client.get("/").content.decode()
    for _press in range(2):
        answer = client.post(address, {"channel": "email"})
        assert answer.status_code == 302
        segment = Segment.objects.get()
        assert (segment.name, segment.rule) == ("At risk", AT_RISK)
        assert f"segment={segment.pk}" in answer["Location"]


def test_without_a_channel_the_button_opens_the_segment(client, staff, store):
    client.force_login(staff(Role.MARKETER))
    answer = client.post(reverse("opportunity_draft", args=["at_risk"]))
    assert answer["Location"] == reverse("segment", args=[Segment.objects.get().pk])


def test_a_taken_name_gets_a_number(store):
    create_segment(
        name="At risk",
        rule={"op": "and", "children": [{"condition": "stage", "operator": "in", "values": ["lost"]}]},
        actor=SYSTEM,
    )
    assert ensure_segment(name="At risk", rule=AT_RISK, actor=SYSTEM).name == "At risk 2"


@pytest.mark.parametrize(("code", "channel"), [("nothing", "email"), ("at_risk", "wechat")])
def test_an_unknown_opportunity_or_channel_makes_nothing(client, staff, templates, code, channel):
    client.force_login(staff(Role.MARKETER))
    answer = client.post(reverse("opportunity_draft", args=[code]), {"channel": channel})
    assert answer.status_code == 404
    assert Segment.objects.count() == 0


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.ANALYST])
def test_other_roles_can_not_press_the_button(client, staff, templates, role):
    client.force_login(staff(role))
    assert client.post(reverse("opportunity_draft", args=["at_risk"]), {"channel": "email"}).status_code == 403
    assert Segment.objects.count() == 0


def test_drafts_and_the_next_days(client, staff, store, memory, now):
    segment = create_segment(name="Buyers", rule=AT_RISK, actor=SYSTEM)
    template = save_template(name="Offer", channel="memory", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
    today = shop_day(now)
    soon, far = today + timedelta(days=13), today + timedelta(days=14)
    for name, day in (("In time", soon), ("Too far", far)):
        planned = create_broadcast(
            name=name, segment=segment, template=template, actor=SYSTEM, send_on=day, send_time="10:00"
        )
        type(planned).objects.filter(pk=planned.pk).update(state="scheduled", starts_at=now)
    create_broadcast(name="A draft", segment=segment, template=template, actor=SYSTEM)
    create_journey(name="A plan", actor=SYSTEM)
    add_shop_day(name="Our day", month=soon.month, day=soon.day, by_lunar=False, year=None, actor=SYSTEM)
    client.force_login(staff(Role.MARKETER))
    page = client.get("/").content.decode()
    ahead = page[page.index('id="panel-ahead"') : page.index('id="panel-drafts"')]
    assert "In time" in ahead
    assert "Our day" in ahead
    assert "Too far" not in ahead
    drafts = page[page.index('id="panel-drafts"') :]
    assert "A draft" in drafts
    assert "A plan" in drafts
    assert "In time" not in drafts
