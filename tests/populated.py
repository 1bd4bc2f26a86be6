"""A shop with a few rows of everything that the console and the API list, made through the services."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from analytics.features.services.scoring import start_preview
from analytics.segments.services.lists import add_to_list, create_list
from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.services.broadcasts import create_broadcast
from campaigns.calendar.services import add_shop_day
from campaigns.care.services.care import create_care_rule
from campaigns.coupons.models import CouponUse
from campaigns.coupons.services.codes import issue_coupon
from campaigns.coupons.services.coupons import create_coupon
from campaigns.experiments.services.experiments import Arm, create_experiment
from campaigns.journeys.services.entries import enter_by_call
from campaigns.journeys.services.journeys import create_journey, publish_journey
from campaigns.messages.services.messages import queue_message
from campaigns.messages.services.suppressions import suppress_customer
from campaigns.templates.services.templates import Text, save_template
from core.base import clock
from core.base.actor import SYSTEM, Actor, of_user
from core.jobs.services import create_job
from core.security.api_keys import create_api_key
from core.security.models import User
from core.webhooks.services import create_endpoint
from crm.customers.models import Customer, DuplicateCandidate, Tag
from crm.customers.services.attributes import create_attribute
from crm.customers.services.consents import record_consent
from crm.customers.services.customers import add_note, add_tag
from crm.customers.services.duplicates import suspect_duplicate
from crm.desk.models import Ticket, TicketRating
from crm.desk.services import open_ticket, reply_to_ticket
from crm.imports.services.running import create_import
from crm.orders.models import Order, Product
from loyalty.earning.services.rules import create_rule
from loyalty.growth.services.badges import create_badge
from loyalty.growth.services.tasks import Level, create_task
from loyalty.ledger.models import Account
from loyalty.ledger.services.adjustments import request_adjustment
from loyalty.program.models import PointType, Program
from loyalty.program.selectors import member_of
from loyalty.rewards.services.categories import create_category
from loyalty.rewards.services.redemptions import redeem_reward
from loyalty.rewards.services.rewards import create_reward
from loyalty.tiers.services import dry_runs
from loyalty.tiers.services.benefits import create_benefit
from loyalty.tiers.services.setup import create_tier
from loyalty.triggers import registry as triggers

ADDRESS = {"name": "Ann", "phone": "13800138000", "line": "1 High Street", "city": "Shanghai", "country": "CN"}
STAGES = {"new_days": 30, "active_days": 90, "at_risk_days": 180, "lapsed_days": 365}


class PopulatedShop:
    """Adds rows to a shop. `values` holds one value per placeholder of a route, keyed by the route's beginning."""

    def __init__(
        self,
        program: Program,
        user: User,
        clerk: User,
        make_customer: Callable[..., Customer],
        make_order: Callable[..., Order],
        directory: Path,
    ) -> None:
        self.program, self.user, self.clerk, self.directory = program, user, clerk, directory
        self.actor = of_user(user)
        self.make_customer, self.make_order = make_customer, make_order
        self.points = PointType.objects.get(program=program, spendable=True)
        self.values: dict[str, Any] = {"user": user}
        self.copies = 0
        self.first: Customer | None = None

    def add(self, copies: int) -> None:
        """Add `copies` of each object, and as many rows to those that have rows of their own."""
        for _copy in range(copies):
            self.copies += 1
            mark = f"{self.copies:02}"
            customer = self._customer(mark)
            order = self.make_order(customer, 50_000, number=f"A{mark}")
            # The detail pages show the first customer, whose lists grow with each copy.
            self.first = self.first or customer
            self.make_order(self.first, 20_000, number=f"B{mark}")
            self._service(mark, customer, order)
            self._system(mark)
            self._loyalty(mark)
            self._campaigns(mark, customer)

    def redeem(self) -> None:
        """Redeem a reward for each customer. Call it when the points of the orders have been delivered."""
        for customer in Customer.objects.order_by("pk"):
            member = member_of(customer)
            account = Account.objects.get(member=member, point_type=self.points)
            answer = redeem_reward(
                member=member,
                reward=self.values["reward"],
                key=uuid.uuid4().hex,
                actor=Actor("key", 1),
                address=ADDRESS,
            )
            self.values["redemption"] = answer["redemption"]
            request_adjustment(account=account, points=5, reason="goodwill", user=self.clerk, note="Late parcel")

    def _customer(self, mark: str) -> Customer:
        customer = self.make_customer(f"Ann {mark}", phone=f"138001380{mark}", email=f"ann{mark}@example.com")
        record_consent(
            customer=customer, channel="email", purpose="marketing", decision="granted", source="staff", actor=SYSTEM
        )
        add_tag(customer=customer, name=f"Tag {mark}", actor=SYSTEM)
        add_tag(customer=self.first or customer, name=f"First {mark}", actor=SYSTEM)
        add_note(customer=self.first or customer, text=f"Note {mark}", actor=self.actor)
        return customer

    def _service(self, mark: str, customer: Customer, order: Order) -> None:
        ticket = open_ticket(
            customer=customer, subject=f"Parcel {mark}", text="Where is it?", order=order, actor=SYSTEM
        )
        first = Ticket.objects.order_by("created_at").first() or ticket
        open_ticket(customer=first.customer, subject=f"Again {mark}", text="Where is it?", actor=SYSTEM)
        reply_to_ticket(ticket=first, text=f"Reply {mark}", actor=self.actor)
        TicketRating.objects.create(ticket=ticket, resolution=1, score=4)
        twin = self.make_customer(f"Ann {mark}")
        self.make_order(twin, 5_000, number=f"T{mark}")
        suspect_duplicate(customer=customer, other=twin, actor=SYSTEM)
        self.values |= {
            "ticket": first,
            "order": Order.objects.order_by("pk").first(),
            "product": Product.objects.order_by("pk").first(),
            "tag": Tag.objects.order_by("pk").first(),
            "duplicate": DuplicateCandidate.objects.order_by("pk").first(),
            "field": create_attribute(code=f"field_{mark}", label=f"Field {mark}", type="text", actor=SYSTEM),
        }
        path = self.directory / f"orders{mark}.csv"
        path.write_text(
            f"number,placed_at,customer,sku,quantity,unit_price\nI{mark},2026-01-0{1 + self.copies % 9},x,y,1,5\n"
        )
        self.values["import"] = create_import(kind="orders", source=f"shop{mark}", path=str(path), actor=self.actor)

    def _system(self, mark: str) -> None:
        self.values["job"] = create_job(kind="crm.tag_customers", label=f"Job {mark}", created_by=self.user)
        create_api_key(name=f"Key {mark}", scopes=["orders:read"])
        endpoint, _secret = create_endpoint(url=f"https://93.184.216.34/{mark}", event_types=["order.paid"])
        self.values.setdefault("webhook", endpoint)

    def _loyalty(self, mark: str) -> None:
        made = self.values
        tier = create_tier(
            program=self.program,
            name=f"Tier {mark}",
            rank=10 + self.copies,
            threshold=10**9 + self.copies,
            actor=SYSTEM,
        )
        made.setdefault("tier", tier)
        made["benefit"] = create_benefit(
            tier=made["tier"], kind="points_birthday", settings={"points": 10}, actor=SYSTEM
        )
        made["earning"] = create_rule(
            program=self.program, point_type=self.points, name=f"Rule {mark}", terms={"per_amount": 1}, actor=SYSTEM
        )
        reward = create_reward(program=self.program, kind="gift", name=f"Gift {mark}", points=1, actor=SYSTEM)
        made.setdefault("reward", reward)
        made["category"] = create_category(program=self.program, name=f"Category {mark}", actor=SYSTEM)
        made["dry_run"] = dry_runs.start(program=self.program, what="tier", values={}, tier=made["tier"])
        made["badge"] = create_badge(program=self.program, name=f"Badge {mark}", icon="heart", actor=SYSTEM)
        made["task"] = create_task(
            program=self.program,
            name=f"Task {mark}",
            trigger="order",
            levels=[Level(1, points=1)],
            starts_at=clock.now() - timedelta(days=1),
            actor=SYSTEM,
        )
        # A test is one transaction, so no on_commit hook makes the handlers read the new rule and task.
        triggers.forget()

    def _campaigns(self, mark: str, customer: Customer) -> None:
        made, first = self.values, self.first or customer
        rule = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]}
        segment = create_segment(name=f"Segment {mark}", rule=rule, actor=SYSTEM)
        made.setdefault("segment", segment)
        made["preview"] = start_preview(values=STAGES, user=self.user)
        people = create_list(name=f"List {mark}", actor=SYSTEM)
        add_to_list(segment=made.setdefault("list", people), customer_ids=[customer.pk], actor=SYSTEM)
        template = save_template(
            name=f"Hello {mark}", channel="email", texts=[Text("en", "<p>Hi</p>", "Hello")], actor=SYSTEM
        )
        made.setdefault("template", template)
        coupon = create_coupon(name=f"Coupon {mark}", kind="amount", value=500, actor=SYSTEM)
        made.setdefault("coupon", coupon)
        issue_coupon(customer=customer, coupon=made["coupon"], cause=f"page-{mark}", actor=self.actor)
        code = issue_coupon(customer=first, coupon=coupon, cause=f"first-{mark}", actor=self.actor)
        CouponUse.objects.create(
            coupon=coupon, code=code, customer=first, cart_amount=5_000, discount=500, expires_at=clock.now()
        )
        made["care"] = create_care_rule(
            name=f"Care {mark}", trigger="no_order", days=30, template=template, actor=SYSTEM
        )
        broadcast = create_broadcast(name=f"News {mark}", segment=segment, template=template, actor=self.actor)
        made.setdefault("broadcast", broadcast)
        self._journey(mark, customer)
        arms = [Arm("As it is"), Arm("Shorter")]
        made["experiment"] = create_experiment(actor=SYSTEM, arms=arms, name=f"Test {mark}", effect=Decimal("0.05"))
        made["message"] = queue_message(customer=first, template=template, origin="care:1", occurrence=mark)
        queue_message(
            customer=customer, template=made["template"], origin=f"broadcast:{made['broadcast'].pk}", occurrence=mark
        )
        suppress_customer(customer=customer, channel="email", reason="manual", actor=self.actor)
        made["day"] = add_shop_day(name=f"Day {mark}", month=1 + self.copies % 12, day=3, actor=SYSTEM)

    def _journey(self, mark: str, customer: Customer) -> None:
        steps = [{"id": "s1", "kind": "wait", "amount": 1, "unit": "days"}]
        journey = create_journey(name=f"Journey {mark}", draft={"entry": {"kind": "api"}, "steps": steps}, actor=SYSTEM)
        publish_journey(journey=journey, actor=SYSTEM)
        journey.refresh_from_db()
        self.values.setdefault("journey", journey)
        key = f"page-{mark}"
        _state, run = enter_by_call(journey=self.values["journey"], customer=customer, key=key)
        self.values.setdefault("run", run)
