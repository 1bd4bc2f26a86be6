"""The service desk of the demo shop: tickets with conversations and ratings, goodwill, duplicates, an import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from config.demo.world import World
from core.base.actor import SYSTEM, Actor, of_user
from core.base.errors import DomainError
from core.embedded import places
from core.security.models import User
from core.security.roles import Role
from crm.customers.models import Identity, IdentityKind
from crm.customers.services.identities import GivenIdentity, resolve_customer
from crm.desk.models import Ticket, TicketStatus
from crm.desk.services import (
    close_ticket,
    open_ticket,
    rate_ticket,
    rating_token,
    reply_to_ticket,
    resolve_ticket,
    save_draft,
)
from crm.imports.models import ImportKind, ImportMode
from crm.imports.services.running import create_import, run_import
from crm.orders.models import Order
from crm.simulation.services.history import Purchase
from loyalty.ledger.models import Account, AdjustmentRequest
from loyalty.ledger.rules.limits import Limits
from loyalty.ledger.services.adjustments import adjust_points, request_adjustment, reverse_adjustment
from loyalty.ledger.services.limits import set_limits

TICKETS = 200
OPEN_TICKETS = 14
DUPLICATES = 12
RATED_SHARE = 0.62
# Scores of a rating are drawn with these shares, from 5 down to 1; slow answers lose one point.
SCORES = ((5, 0.46), (4, 0.28), (3, 0.12), (2, 0.08), (1, 0.06))


@dataclass(frozen=True)
class Topic:
    """One kind of question, with its answer, in English and Chinese."""

    subject: tuple[str, str]
    text: tuple[str, str]
    answer: tuple[str, str]
    priority: int = 2


TOPICS = (
    Topic(
        ("Parcel {number} has not arrived", "订单 {number} 还没有收到"),
        ("I ordered {product} five days ago and tracking has not moved since.",
         "五天前买的{product}，物流一直没有更新，请帮忙查一下。"),
        ("The parcel was held at the depot; it goes out again today.", "包裹在网点滞留，今天会重新派送，请您留意。"), 3,
    ),
    Topic(
        ("Bag of {product} was open", "{product}包装破损"),
        ("The bag in order {number} came open. Could I have another one?",
         "订单 {number} 里的{product}收到时包装破了，想换一份。"),
        ("We are sorry. A new one is on its way to you.", "非常抱歉，已为您补发一份，今天寄出。"), 3,
    ),
    Topic(
        ("Points of {number} are missing", "订单 {number} 积分未到账"),
        ("I paid order {number} last week and can't see the points yet.", "订单 {number} 上周付的款，积分还没有到账。"),
        ("Points become available when the return window has passed, a week after the order.",
         "积分会在退货期结束后到账，即下单 7 天后。"),
    ),
    Topic(
        ("Invoice for {number}", "订单 {number} 开发票"),
        ("Please issue the invoice of {number} to my company.", "麻烦把订单 {number} 的发票抬头改成公司名称，谢谢。"),
        ("Done: the new invoice is in your mailbox.", "已重新开具，请查收邮箱。"), 1,
    ),
    Topic(
        ("How do I brew {product}?", "{product}怎么冲泡？"),
        ("Which water temperature do you suggest for {product}?", "{product}用多少度的水比较合适？"),
        ("We brew it at 92 °C, one to sixteen, in about two and a half minutes.",
         "建议 92℃，粉水比 1:16，两分半左右。"), 1,
    ),
    Topic(
        ("Gift wrapping for the next order", "下一单想要礼品包装"),
        ("Could {product} be wrapped as a present next time?", "下次买{product}可以做礼品包装吗？"),
        ("With pleasure: add a note to the order and we wrap it.", "可以的，下单时备注即可，我们会为您包好。"), 1,
    ),
    Topic(
        ("Wrong product in {number}", "订单 {number} 发错货"),
        ("I ordered {product} and found something else in the parcel.", "我买的是{product}，收到的不是这个。"),
        ("Our mistake. Keep the wrong one; the right one leaves today.",
         "是我们的失误，发错的请留用，正确的今天补发。"), 3,
    ),
    Topic(
        ("Change my birthday", "修改生日"),
        ("My birthday was entered wrongly when I signed up. Can you change it?", "注册时生日填错了，可以修改吗？"),
        ("It is changed now.", "已为您修改。"), 1,
    ),
)  # fmt: skip
FOLLOW_UPS = (
    ("Thank you, that was quick.", "好的，谢谢，很快。"),
    ("It has arrived, thank you!", "收到了，谢谢！"),
    ("All right.", "好的。"),
)
COMMENTS = {
    5: ("Friendly and quick.", "回复很快，态度很好。"),
    4: ("Good, thank you.", "不错，谢谢。"),
    3: ("It took a while.", "等得有点久。"),
    2: ("I had to ask twice.", "问了两次才解决。"),
    1: ("Nobody could help me.", "没有解决问题。"),
}


class ServiceDesk:
    """Plan the tickets of the whole history on the agenda; ask `plan` when the purchases are drawn."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.agents: list[User] = []

    def plan(self) -> None:
        """Spread the tickets over the history; the last ones stay open."""
        world = self.world
        self.agents = list(User.objects.filter(groups__name=Role.AGENT.value).order_by("pk"))
        purchases = [one for one in world.history.purchases if one.at < world.end - timedelta(hours=30)]
        count = min(TICKETS, len(purchases) // 4)
        for place, purchase in enumerate(_spread(purchases, count)):
            later = timedelta(hours=4 + 60 * world.chance("asks after", place))
            at = min(purchase.at + later, world.end - timedelta(hours=1 + place % 20))
            stays_open = place >= count - min(OPEN_TICKETS, count // 4)
            world.agenda.add(at, lambda p=purchase, n=place, o=stays_open: self._ask(p, n, stays_open=o))
        world.agenda.add(world.end - timedelta(days=2), self._goodwill)
        for number in range(min(DUPLICATES, len(world.history.ids) // 20)):
            world.agenda.add(world.before_end(60 - 4 * number), lambda number=number: self._duplicate(number))
        world.agenda.add(world.before_end(21), self._import)
        world.truth["tickets"] = {"count": count, "rated_share": RATED_SHARE, "scores": dict(SCORES)}

    def _ask(self, purchase: Purchase, place: int, *, stays_open: bool) -> None:
        world = self.world
        order = Order.objects.select_related("customer").filter(pk=purchase.order_id).first()
        if order is None or order.customer is None or not self.agents:
            return
        words = 1 if world.language.startswith("zh") else 0
        topic = TOPICS[int(world.chance("topic", place) * len(TOPICS))]
        line = order.lines.select_related("product").order_by("position").first()
        product = (line.product.name_zh if words else line.product.name) if line and line.product else ""
        values = {"number": order.number, "product": product or (line.name if line else "")}
        agent = self.agents[place % len(self.agents)]
        ticket = open_ticket(
            customer=order.customer,
            subject=topic.subject[words].format(**values),
            text=topic.text[words].format(**values),
            actor=SYSTEM,
            order=order,
            priority=topic.priority,
            origin="api" if place % 3 else "staff",
            assignee=None if stays_open and place % 2 else agent,
        )
        wait = timedelta(hours=0.2 + 9 * world.chance("answered after", place) ** 2)
        answered = world.clock.now + wait
        if stays_open and place % 3 != 0:
            if place % 3 == 1:
                save_draft(ticket=ticket, user=agent, text=topic.answer[words][:18])
            return
        world.agenda.add(answered, lambda: self._answer(ticket, agent, topic.answer[words]))
        if stays_open:
            return
        back = answered + timedelta(hours=1 + 10 * world.chance("back after", place))
        if world.chance("says thanks", place) < 0.6:
            text = FOLLOW_UPS[place % len(FOLLOW_UPS)][words]
            world.agenda.add(back, lambda: self._thank(ticket, text))
        world.agenda.add(back + timedelta(hours=1), lambda: self._resolve(ticket, agent))
        rated = back + timedelta(hours=3 + 20 * world.chance("rated after", place))
        if world.chance("rates", place) < RATED_SHARE:
            world.agenda.add(rated, lambda: self._rate(ticket, place, words, slow=wait > timedelta(hours=6)))
        world.agenda.add(rated + timedelta(days=5), lambda: self._close(ticket, agent))

    def _answer(self, ticket: Ticket, agent: User, text: str) -> None:
        reply_to_ticket(ticket=ticket, text=text, actor=of_user(agent))

    def _thank(self, ticket: Ticket, text: str) -> None:
        reply_to_ticket(ticket=ticket, text=text, actor=Actor("member", ticket.customer_id), from_customer=True)

    def _resolve(self, ticket: Ticket, agent: User) -> None:
        resolve_ticket(ticket=ticket, actor=of_user(agent))

    def _close(self, ticket: Ticket, agent: User) -> None:
        fresh = Ticket.objects.get(pk=ticket.pk)
        if fresh.status == TicketStatus.RESOLVED:
            close_ticket(ticket=fresh, actor=of_user(agent))

    def _rate(self, ticket: Ticket, place: int, words: int, *, slow: bool) -> None:
        score = _score(self.world.chance("score", place))
        score = max(1, score - 1) if slow else score
        fresh = Ticket.objects.get(pk=ticket.pk)
        try:
            rate_ticket(
                token=rating_token(fresh),
                score=score,
                comment=COMMENTS[score][words] if place % 2 else "",
                actor=Actor("member", ticket.customer_id),
            )
        except DomainError:
            # The ticket was never resolved because the customer wrote again.
            return

    def _goodwill(self) -> None:
        """Change a giving limit, give points for tickets, reverse some of them, and leave one request pending."""
        admin = User.objects.filter(is_superuser=True).order_by("pk").first()
        set_limits(role=Role.AGENT.value, limits=Limits(300, 1_500, 10), actor=of_user(admin) if admin else SYSTEM)
        agent = self.agents[0] if self.agents else None
        tickets = Ticket.objects.filter(customer__memberships__isnull=False).order_by("-pk").distinct()[:3]
        say = self.world.say
        notes = (say("Parcel delayed", "包裹延误"), say("Given to the wrong customer", "误发给其他客户"))
        for place, ticket in enumerate(tickets if agent else ()):
            account = (
                Account.objects.filter(member__customer_id=ticket.customer_id, point_type__spendable=True)
                .select_related("member__program")
                .first()
            )
            if account is None or agent is None:
                continue
            if place == 2:
                request_adjustment(
                    account=account, points=800, reason="goodwill", user=agent, ticket=ticket,
                    note=say("Missing twice, very unhappy", "两次未到账，客户很不满"),
                )  # fmt: skip
                continue
            adjust_points(
                account=account, points=200 - 80 * place, reason="goodwill", note=notes[place], ticket=ticket,
                key=f"demo-goodwill-{ticket.pk}", actor=of_user(agent),
            )  # fmt: skip
        wrong = AdjustmentRequest.objects.filter(points=120).first()
        if wrong and agent:
            reverse_adjustment(request=wrong, user=agent, note=say("Mistake", "操作失误"))

    def _duplicate(self, number: int) -> None:
        """Let a customer sign in with a new account and the phone number of their old one, which proposes a merge."""
        phones = Identity.objects.filter(kind=IdentityKind.PHONE).select_related("customer").order_by("pk")
        phone = phones[number * 7 : number * 7 + 1].first()
        if phone is None:
            return
        given = [
            GivenIdentity("storefront", f"u9{number:05d}"),
            GivenIdentity("email", f"second{number}@example.com", verified=True),
        ]
        name = phone.customer.name
        store = self.world.store
        resolve_customer(given, actor=SYSTEM, source="app", country=store.country, defaults={"name": name})
        again = [given[0], GivenIdentity("phone", phone.value)]
        resolve_customer(again, actor=SYSTEM, source="app", country=store.country)

    def _import(self) -> None:
        """Import a file of the branch's orders, in which three rows are wrong and refused."""
        path = places.locations().directory / "simulation" / "branch-orders.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_orders(path, self.world.clock.now)
        run = create_import(
            kind=ImportKind.ORDERS, source="branch", path=str(path), actor=SYSTEM, mode=ImportMode.SILENT
        )
        run_import(run=run)


def _score(chance: float) -> int:
    """Return the score for a number from 0 to 1."""
    for score, share in SCORES:
        if chance < share:
            return score
        chance -= share
    return SCORES[-1][0]


def _write_orders(path: Path, now: datetime) -> None:
    rows = ["order_number,placed_at,state,sku,product_name,quantity,unit_price,customer_name,phone"]
    for number in range(1, 41):
        at = f"{now - timedelta(days=number % 9 + 1):%Y-%m-%d %H:%M}"
        price, quantity = "68.00", "1"
        if number == 7:
            at = "2025-13-40 10:00"
        elif number == 19:
            quantity = "-2"
        elif number == 33:
            price = "sixty"
        rows.append(f"B{number:04d},{at},paid,CF-01,云南日晒200g,{quantity},{price},,")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _spread(purchases: Sequence[Purchase], count: int) -> list[Purchase]:
    """Return `count` purchases, evenly spread, but more of the latest, which a desk sees most of."""
    if not count:
        return []
    last = len(purchases) - 1
    return [purchases[round(last * (place / max(count - 1, 1)) ** 0.8)] for place in range(count)]
