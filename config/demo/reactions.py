"""Reactions of customers to messages: opens, clicks, orders, bounces, complaints, unsubscribes, at planted rates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from campaigns.channels.registry import Receipt, Status
from campaigns.coupons.models import CouponCode
from campaigns.coupons.services.uses import redeem_coupon, reserve_coupon
from campaigns.messages.models import Message, MessageState
from campaigns.messages.services.feedback import record_mail_event, record_receipts
from campaigns.messages.services.tracking import TrackedLink, record_click, record_open
from campaigns.preferences.services.unsubscribing import unsubscribe
from campaigns.templates.models import MessageClass
from campaigns.templates.services.contexts import unsubscribe_url
from config.demo.world import World
from core.base.actor import SYSTEM
from core.base.errors import DomainError
from crm.customers.models import Customer, Identity, IdentityKind
from crm.simulation.services.history import Purchase

LOOKS_AT = timedelta(days=90)
SHOP = "https://shop.example"


@dataclass(frozen=True)
class PlantedEffect:
    """The true reaction to the messages of a campaign, as shares of the delivered messages.

    `clicks` is a share of the opened ones. `orders` is the share of customers who order because of the message, and
    `amount` the mean of those orders in minor units. `recent` and `lapsed` multiply the opens of customers who bought
    within 90 days, and of the others.
    """

    opens: float = 0.42
    clicks: float = 0.2
    orders: float = 0.02
    amount: int = 14_000
    bounces: float = 0.012
    complaints: float = 0.002
    unsubscribes: float = 0.006
    recent: float = 1.2
    lapsed: float = 0.75


DEFAULT = PlantedEffect()


class Reactions:
    """Plan the reactions to each message that was sent. `effects` names the campaigns by the origin of messages."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.effects: dict[str, PlantedEffect] = {}
        self.arms: dict[int, PlantedEffect] = {}
        self.names: dict[str, str] = {}
        self._seen: datetime = world.history.first_day

    def expect(self, origin: str, name: str, effect: PlantedEffect) -> None:
        """State the effect of a campaign; it is written to the truth under its name."""
        self.effects[origin] = effect
        self.names[origin] = name
        self.world.truth.setdefault("campaigns", {})[name] = {"origin": origin, **asdict(effect)}

    def expect_arm(self, arm_template: int, effect: PlantedEffect) -> None:
        """State the effect of one arm of an experiment, by its template."""
        self.arms[arm_template] = effect

    def plan(self) -> int:
        """Plan the reactions to the messages that were sent since the last call. Return how many messages."""
        rows = Message.objects.filter(
            sent_at__gt=self._seen, state=MessageState.SENT, message_class=MessageClass.MARKETING
        )
        values = list(
            rows.order_by("sent_at", "customer_id", "origin").values_list(
                "pk", "customer_id", "channel", "origin", "step", "occurrence", "template_id", "sent_at"
            )
        )
        delivered: dict[str, list[Receipt]] = {}
        for pk, customer, channel, origin, step, occurrence, template, sent in values:
            sent_at = sent or self.world.clock.now
            effect = self.arms.get(template) or self.effects.get(origin, DEFAULT)
            key = (customer, self.names.get(origin, origin), step, occurrence)
            if channel == "email" and self._bounces(pk, customer, effect, key, sent_at):
                continue
            if channel != "inbox":
                delivered.setdefault(channel, []).append(Receipt(pk, Status.DELIVERED))
            self._react(pk, customer, channel, effect, key, sent_at)
        for channel, receipts in delivered.items():
            record_receipts(channel=channel, receipts=receipts)
        self._seen = max(self._seen, self.world.clock.now)
        return len(values)

    def _bounces(self, pk: UUID, customer: int, effect: PlantedEffect, key: tuple, sent_at: datetime) -> bool:
        if self.world.chance("bounce", *key) >= effect.bounces:
            return False
        later = sent_at + timedelta(minutes=2)
        self.world.agenda.add(later, lambda: self._bounce(pk, customer))
        return True

    def _react(
        self, pk: UUID, customer: int, channel: str, effect: PlantedEffect, key: tuple, sent_at: datetime
    ) -> None:
        world = self.world
        owner = world.owner_of.get(customer)
        if owner is None:
            return
        bought = world.last_bought.get(owner)
        factor = effect.recent if bought and sent_at - bought <= LOOKS_AT else effect.lapsed
        opens = world.chance("open", *key) < effect.opens * factor
        opened = sent_at + timedelta(hours=0.05 + 20 * world.chance("open after", *key) ** 3)
        clicks = opens and world.chance("click", *key) < effect.clicks
        clicked = opened + timedelta(minutes=0.5 + 6 * world.chance("click after", *key))
        if channel == "email" and opens:
            world.agenda.add(opened, lambda: record_open(message_id=pk))
            if clicks:
                link = TrackedLink(pk, f"{SHOP}/products/")
                world.agenda.add(clicked, lambda: record_click(link=link))
            if world.chance("unsubscribe", *key) < effect.unsubscribes / effect.opens:
                leaves = opened + timedelta(minutes=1)
                world.agenda.add(leaves, lambda: unsubscribe(token=_token(pk, customer, channel)))
            elif world.chance("complaint", *key) < effect.complaints / effect.opens:
                world.agenda.add(opened + timedelta(minutes=2), lambda: self._complain(customer))
        if world.chance("order", *key) < effect.orders:
            begins = clicked if opens else sent_at + timedelta(hours=3)
            at = begins + timedelta(days=3 * world.chance("order after", *key) ** 2)
            if at < world.end:
                world.agenda.add(at, lambda: self._order(owner, at, effect, key, pk))

    def _order(self, owner: int, at: datetime, effect: PlantedEffect, key: tuple, message: UUID) -> None:
        world = self.world
        amount = round(effect.amount * (0.5 + world.chance("amount", *key)))
        purchase = world.history.purchase(owner=owner, at=at, amount=amount, cause=str(key[1]))
        self._use_coupon(purchase, world.history.ids[owner])
        world.place([purchase])

    def _use_coupon(self, purchase: Purchase, customer: int) -> None:
        """Use the customer's newest valid code, if there is one; a cart below its minimum is paid in full."""
        world = self.world
        codes = CouponCode.objects.filter(customer_id=customer, redeemed_count=0, reserved_count=0)
        code = codes.filter(coupon__active=True).order_by("-created_at", "-pk").first()
        if code is None:
            return
        number = world.writer.number(purchase)
        try:
            reservation = reserve_coupon(
                code=code.code,
                cart_amount=purchase.subtotal,
                currency=world.store.currency,
                key=f"demo-reserve-{number}",
                actor=SYSTEM,
                customer=Customer.objects.get(pk=customer),
                reference=number,
            )
            redeem_coupon(reservation=UUID(reservation["reservation"]), key=f"demo-redeem-{number}", actor=SYSTEM)
        except DomainError:
            return
        purchase.discount = reservation["discount"]

    def _bounce(self, message: UUID, customer: int) -> None:
        record_mail_event(
            kind="bounced", message_id=message, address=_address(customer), error="550 5.1.1 User unknown"
        )

    def _complain(self, customer: int) -> None:
        record_mail_event(kind="complained", message_id=None, address=_address(customer))


def _address(customer: int) -> str:
    identity = Identity.objects.filter(customer_id=customer, kind=IdentityKind.EMAIL).order_by("pk").first()
    return identity.value if identity else ""


def _token(message: UUID, customer: int, channel: str) -> str:
    return unsubscribe_url(message, customer, channel).rstrip("/").rsplit("/", 1)[-1]
