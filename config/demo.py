"""The demo shop: a simulated shop that behaves like a real one, with logins and a key for trials."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
from django.contrib.auth.models import Group
from django.db import connection, transaction

from analytics.features.services import features
from analytics.segments.models import Segment
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from campaigns.care.services.presets import ensure_presets
from campaigns.messages.models import Message
from campaigns.messages.services.feedback import record_mail_event
from campaigns.messages.services.messages import send_due
from campaigns.messages.services.suppressions import suppress_customer
from campaigns.transactional.rules import REPLY_ORIGIN
from config import env
from core.base import clock
from core.base.actor import SYSTEM, of_user
from core.embedded import places
from core.events.outbox import deliver_all
from core.security.api_keys import create_api_key
from core.security.models import ApiKey, User
from core.security.roles import LABELS, Role, synchronise_groups
from core.security.scopes import SCOPES
from crm.customers.models import IdentityKind, Store
from crm.customers.services.setup import ensure_store
from crm.desk.models import Ticket
from crm.desk.services import open_ticket, reply_to_ticket, resolve_ticket, save_draft
from crm.orders.models import Order
from crm.simulation.services import Simulated, simulate_shop
from loyalty.earning.services.setup import ensure_default_program, ensure_example_benefits
from loyalty.growth.services.badges import create_badge
from loyalty.growth.services.progress import advance_tasks
from loyalty.growth.services.tasks import Level, create_task
from loyalty.ledger.models import Account, AdjustmentRequest
from loyalty.ledger.rules.limits import Limits
from loyalty.ledger.services.adjustments import adjust_points, request_adjustment, reverse_adjustment
from loyalty.ledger.services.limits import set_limits
from loyalty.ledger.services.redemption import redeem_points
from loyalty.ledger.services.snapshots import take_snapshot
from loyalty.ledger.services.sweeps import sweep_lots
from loyalty.program.models import Member, Program
from loyalty.tiers.services.evaluation import evaluate_tiers

PRESERVED_TABLES = {"django_migrations", "django_content_type", "auth_permission", "crm_activitykind"}
LOGINS = {
    Role.AGENT: "agent",
    Role.LEAD: "lead",
    Role.MARKETER: "marketer",
    Role.ANALYST: "analyst",
    Role.ADMINISTRATOR: "admin",
}
SEGMENTS: dict[str, tuple[str, dict]] = {
    "新客户 · New customers": (
        "First order in the last 30 days",
        {"condition": "stage", "operator": "in", "values": ["new"]},
    ),
    "活跃会员 · Active members": (
        "Bought in the last 90 days",
        {"condition": "last_order", "operator": "within", "days": 90},
    ),
    "流失风险 · At risk": (
        "No order for 90 to 180 days",
        {"condition": "stage", "operator": "in", "values": ["at_risk"]},
    ),
    "沉睡客户 · Lapsed": (
        "No order for 180 to 365 days",
        {"condition": "stage", "operator": "in", "values": ["lapsed"]},
    ),
    "高价值 · VIP": (
        "Gold or above",
        {"condition": "tier_rank", "operator": "gte", "value": 3},
    ),
    "本月生日 · Birthday soon": (
        "Birthday in the next 30 days",
        {"condition": "birthday", "operator": "has", "days": 30},
    ),
    "只买一次 · One-time buyers": ("Exactly one order", {"condition": "order_count", "operator": "eq", "value": 1}),
    "咖啡爱好者 · Coffee lovers": (
        "Bought beans at least twice in a year",
        {"condition": "bought_category", "operator": "has", "values": ["咖啡/咖啡豆"], "times": 2, "days": 365},
    ),
}

LEADERBOARD = (
    "山茶花",
    "Bean hunter",
    "早安拿铁",
    "小熊不加糖",
    "Slow drip",
    "手冲阿明",
    "Fox",
    "深烘爱好者",
    "Mocha",
    "猫与咖啡",
)


def demo_password() -> str:
    """Return the common password of all demo logins, generated once for this machine."""
    return "liuke-" + env.generated_secret("DEMO_PASSWORD", 6)


def demo_key_file() -> Path:
    return places.locations().directory / "demo-key"


def empty_shop() -> None:
    """Delete all rows except those that migrations wrote. Only a reset may also delete the ledger."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL liuke.reset = 'yes'")
        cursor.execute(
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""
        )
        tables = [row[0] for row in cursor.fetchall() if row[0] not in PRESERVED_TABLES]
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
    synchronise_groups()


def ensure_logins() -> dict[str, str]:
    """Create one login per role. Return {username: role}. Existing accounts and their passwords stay unchanged."""
    synchronise_groups()
    password = demo_password()
    for role, name in LOGINS.items():
        user, created = User.objects.get_or_create(
            username=name,
            defaults={
                "first_name": str(LABELS[role]),
                "is_staff": role in {Role.ADMINISTRATOR, Role.MARKETER},
                "is_superuser": role is Role.ADMINISTRATOR,
            },
        )
        if created:
            user.set_password(password)
            user.save()
            user.groups.add(Group.objects.get(name=role.value))
    return {name: role.value for role, name in LOGINS.items()}


def ensure_key() -> str:
    """Return the secret of a server key with all scopes for the README's examples. It is stored in var/demo-key."""
    path = demo_key_file()
    if path.exists() and ApiKey.objects.active().filter(name="Demo storefront").exists():
        return path.read_text().strip()
    with transaction.atomic():
        ApiKey.objects.filter(name="Demo storefront").delete()
        _key, secret = create_api_key(name="Demo storefront", scopes=SCOPES.names())
        path.touch(mode=0o600)
        path.write_text(secret + "\n")
    return secret


def load_demo_shop(*, customers: int, seed: int, say: Callable[[str], None] = lambda text: None) -> Simulated:
    """Create the shop and run all its parts: points, tiers, figures, segments, care, tickets."""
    started = time.monotonic()
    store = ensure_store(
        name="山茶咖啡 Camellia", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="zh-hans"
    )
    program = ensure_default_program()
    if program is None:
        raise RuntimeError("a store exists, so a program does")
    type(program).objects.filter(pk=program.pk).update(
        name="山茶会 Camellia Club", return_window_days=7, expiry_policy="year", expiry_count=1
    )
    simulated = simulate_shop(
        store=store,
        customers=customers,
        seed=seed,
        truth_directory=places.locations().directory / "simulation",
        progress=lambda done: say(f"{done:,} of {customers:,} customers"),
    )
    say(f"{simulated.orders:,} orders, {simulated.activity:,} events; awarding points")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    deliver_all()
    sweep_lots()
    _growth(program)
    _redemptions(seed)
    ensure_example_benefits(program)
    evaluate_tiers(program=program, downgrade=True)
    take_snapshot(program=program)
    say("computing figures and segments")
    features.refresh_everything()
    for name, (description, leaf) in SEGMENTS.items():
        if not Segment.objects.filter(name=name).exists():
            segments.create_segment(
                name=name, description=description, rule={"op": "and", "children": [leaf]}, actor=SYSTEM
            )
    segment_runs.compute_segments()
    _tickets(store)
    _care(store)
    deliver_all()
    say(f"the shop is ready after {time.monotonic() - started:.0f} s")
    return simulated


def _growth(program: Program) -> None:
    """Create three tasks and three badges, counted over the last 30 days, and put some members on the leaderboard."""
    starts_at = clock.now() - timedelta(days=30)
    regular, gourmet, explorer = (
        create_badge(
            program=program,
            code=code,
            name=name,
            name_zh=name_zh,
            description=text,
            description_zh=text_zh,
            icon=icon,
            actor=SYSTEM,
        )
        for code, name, name_zh, text, text_zh, icon in (
            ("regular", "Regular", "常客", "Ordered three times in a month", "一个月内下单三次", "heart"),
            ("gourmet", "Gourmet", "品味家", "Spent ¥500 in a season", "一个赛季消费满 500 元", "crown"),
            ("explorer", "Explorer", "探店达人", "Looked around on three days in a row", "连续三天来逛", "rocket"),
        )
    )
    create_task(
        program=program, code="monthly-orders", name="Orders of the month", name_zh="每月下单", icon="shopping-bag",
        description="Order twice or three times in a month.", description_zh="一个月内下单两次、三次，逐级有奖。",
        trigger="order", period="month", starts_at=starts_at, position=1, actor=SYSTEM,
        levels=[Level(1, growth=5), Level(2, points=50, growth=10), Level(3, points=100, growth=20, badge=regular)],
    )  # fmt: skip
    create_task(
        program=program, code="autumn-beans", name="Autumn tasting", name_zh="秋日品鉴", icon="crown",
        season="秋季 · Autumn", description="Spend ¥200 or ¥500 before the season ends.",
        description_zh="赛季结束前消费满 200 元、500 元。",
        trigger="order", measure="amount", starts_at=starts_at, ends_at=starts_at + timedelta(days=60), position=2,
        levels=[Level(200_00, points=50, growth=20), Level(500_00, points=200, growth=60, badge=gourmet)], actor=SYSTEM,
    )  # fmt: skip
    create_task(
        program=program, code="come-by", name="Come by three days in a row", name_zh="连续三天来逛",
        icon="calendar-event", description="Look at our coffee on three days in a row.",
        description_zh="连续三天来看看我们的咖啡。",
        trigger="activity", event_kind="view", measure="days", starts_at=starts_at, position=3, actor=SYSTEM,
        levels=[Level(2, points=5), Level(3, points=10, growth=5, badge=explorer)],
    )  # fmt: skip
    buyers = list(Member.objects.filter(program=program).values_list("customer_id", flat=True))
    for days in (20, 10, 0):
        # Count at several past moments, so that the members did not reach everything at once.
        advance_tasks(program=program, customer_ids=buyers, at=clock.now() - timedelta(days=days))
    leaders = Member.objects.filter(program=program).order_by("-qualifying", "pk").values_list("pk", flat=True)
    for pk, name in zip(leaders, LEADERBOARD, strict=False):
        Member.objects.filter(pk=pk).update(leaderboard_name=name)


def _redemptions(seed: int) -> None:
    """Let one member in twelve spend some points."""
    dice = np.random.default_rng(seed)
    rich = Account.objects.filter(available__gte=200, point_type__spendable=True).select_related("member__program")
    for account in rich.order_by("pk"):
        if dice.random() < 1 / 12:
            points = 100 * int(dice.integers(1, account.available // 100 + 1))
            redeem_points(
                account=account,
                points=points,
                key=f"demo-{seed}-{account.pk}",
                actor=SYSTEM,
                reference=f"D{account.pk}",
            )


def _tickets(store: Store) -> None:
    """Create tickets at several stages."""
    texts = (
        ("包裹还没有收到", "下单已经五天了，物流一直没有更新，请帮忙查一下。"),
        ("咖啡豆受潮", "收到的豆子包装破了，想换一包。"),
        ("Points missing", "I ordered last week and can't see my points yet."),
        ("修改生日", "注册时生日填错了，可以改吗？"),
        ("Gift wrapping", "Could my next order be wrapped as a gift?"),
        ("发票抬头", "麻烦把发票抬头改成公司名称，谢谢。"),
    )
    agent = User.objects.filter(username="agent").first()
    actor = of_user(agent) if agent else SYSTEM
    orders = list(
        Order.objects.filter(customer__isnull=False, customer__identities__kind=IdentityKind.EMAIL)
        .distinct()
        .select_related("customer")
        .order_by("-placed_at")[: len(texts)]
    )
    tickets = []
    for position, (order, (subject, text)) in enumerate(zip(orders, texts, strict=False)):
        if order.customer is None:
            continue
        ticket = open_ticket(
            customer=order.customer,
            subject=subject,
            text=text,
            actor=SYSTEM,
            order=order,
            priority=2 + position % 3,
            origin="api" if position < 3 else "staff",
            assignee=agent if position % 2 else None,
        )
        tickets.append(ticket)
        # Backdate the tickets, so that the customers seem to have waited for hours.
        asked_at = clock.now() - timedelta(hours=3 + 5 * position)
        type(ticket).objects.filter(pk=ticket.pk).update(created_at=asked_at, waiting_since=asked_at)
        ticket.messages.update(created_at=asked_at)
        if position == len(texts) - 1:
            for channel in ("email", "inbox"):
                suppress_customer(customer=order.customer, channel=channel, reason="manual", actor=SYSTEM)
        if position >= 2:
            reply_to_ticket(ticket=ticket, text="您好，已经在为您处理。We are on it.", actor=actor)
    _replies()
    for ticket in tickets[4:]:
        resolve_ticket(ticket=ticket, actor=actor)
    if agent and tickets:
        save_draft(ticket=tickets[0], user=agent, text="您好，已联系物流，")
        _goodwill(agent, tickets)


def _replies() -> None:
    """Send the replies: one in the app, one delivered by e-mail, one that bounced, one that reaches no address."""
    deliver_all()
    send_due(seconds=10)
    mails = Message.objects.filter(origin=REPLY_ORIGIN, channel="email", state="sent").order_by("created_at")
    for message, kind in zip(mails, ("delivered", "bounced"), strict=False):
        record_mail_event(kind=kind, message_id=message.pk, address="", error="550 no such user")


def _goodwill(agent: User, tickets: list[Ticket]) -> None:
    """Change a giving limit, give points for tickets, reverse some of them, and leave one request pending."""
    admin = User.objects.filter(is_superuser=True).order_by("pk").first()
    set_limits(role=Role.AGENT.value, limits=Limits(300, 1_500, 10), actor=of_user(admin) if admin else SYSTEM)
    accounts = {}
    for ticket in tickets[:3]:
        own = Account.objects.filter(member__customer=ticket.customer, point_type__spendable=True)
        accounts[ticket.pk] = own.select_related("member__program").first()
    for ticket, points, note in zip(tickets, (200, 120), ("包裹延误", "Given to the wrong customer"), strict=False):
        if account := accounts[ticket.pk]:
            adjust_points(
                account=account, points=points, reason="goodwill", note=note, ticket=ticket,
                key=f"demo-goodwill-{ticket.pk}", actor=of_user(agent),
            )  # fmt: skip
    wrong = AdjustmentRequest.objects.filter(points=120).first()
    if wrong:
        reverse_adjustment(request=wrong, user=agent, note="Mistake")
    if len(tickets) > 2 and (account := accounts[tickets[2].pk]):
        request_adjustment(
            account=account, points=800, reason="goodwill", user=agent, ticket=tickets[2], note="两次未到账，客户很不满"
        )


def _care(store: Store) -> None:
    ensure_presets(store)


def print_welcome(url: str) -> None:
    """Print the address, the logins and the key file."""
    out = sys.stdout
    out.write(f"\n  Liuke runs at {url}\n\n")
    names = set(User.objects.filter(username__in=LOGINS.values()).values_list("username", flat=True))
    if names:
        out.write(f"  Logins (password {demo_password()}):\n")
        for role, name in LOGINS.items():
            if name in names:
                out.write(f"    {name:<10} {LABELS[role]}\n")
    if demo_key_file().exists():
        out.write(f"\n  API docs {url}/api/docs/, server key in {demo_key_file()}\n")
    out.write("  Ctrl-C stops everything.\n\n")
    out.flush()
