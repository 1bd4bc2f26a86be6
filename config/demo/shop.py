"""Load the demo shop: 18 months replayed through the simulated clock, or a large shop by COPY without marketing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction

from analytics.features.services import features
from analytics.segments.services import runs as segment_runs
from campaigns.calendar.rules.festivals import festivals_of
from campaigns.channels.kinds.email import Email
from campaigns.channels.services.accounts import save_account
from config.demo import replay
from config.demo.catalogue import fill_catalogue
from config.demo.club import Club, set_thresholds
from config.demo.loop import Loop
from config.demo.marketing import Marketing
from config.demo.reactions import Reactions
from config.demo.service import ServiceDesk
from config.demo.world import World
from core.base import clock
from core.base.actor import SYSTEM
from core.embedded import places
from core.events.outbox import deliver_all
from core.security.models import User
from core.security.roles import synchronise_groups
from crm.activity.services.activity import make_partitions
from crm.customers.models import Store
from crm.customers.services.setup import ensure_store
from crm.simulation.rules.seasons import SaleFestival
from crm.simulation.services.history import draw_history
from crm.simulation.services.shop import simulate_shop
from crm.simulation.services.steps import ShopWriter
from loyalty.earning.services.setup import ensure_default_program, ensure_example_benefits
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.snapshots import take_snapshot
from loyalty.ledger.services.sweeps import sweep_lots
from loyalty.program.models import Program
from loyalty.tiers.services.evaluation import evaluate_tiers

PRESERVED_TABLES = {"django_migrations", "django_content_type", "auth_permission", "crm_activitykind"}
SEED = 20260101
MONTHS = 18
# Above this number of customers the history is written by COPY, without campaigns, tickets and redemptions.
MOST_REPLAYED = 10_000
DROPPED_AT_ONCE = 500
NAMES = {"zh": ("山茶咖啡", "山茶会"), "en": ("Camellia Coffee", "Camellia Club")}
# Festivals with a sale: share of earlier buyers who order because of it, days before the day itself, discount.
SALES = {
    "mid_year_sale": (0.1, 3, 10),
    "mid_autumn": (0.07, 8, 0),
    "singles": (0.16, 4, 15),
    "double_twelve": (0.05, 1, 10),
    "christmas": (0.06, 6, 0),
    "spring_eve": (0.1, 12, 5),
    "qixi": (0.04, 3, 0),
}


def empty_shop() -> None:
    """Delete all rows except those that migrations wrote. Only a reset may also delete the ledger."""
    replay.restore()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL liuke.reset = 'yes'")
        cursor.execute(
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""
        )
        tables = [row[0] for row in cursor.fetchall() if row[0] not in PRESERVED_TABLES]
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
    cache.clear()
    synchronise_groups()


def load_demo_shop(
    *,
    customers: int,
    seed: int = SEED,
    language: str = "zh-hans",
    months: int = MONTHS,
    end: datetime | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, float]:
    """Create the shop with its history until `end` (default: now). Return the seconds that each part took.

    A shop that was interrupted is left empty, so that the next load starts from the beginning.
    """
    began = time.monotonic()
    end = (end or clock.now()).replace(microsecond=0)
    first_day = end - timedelta(days=months * 365 // 12)
    try:
        if customers > MOST_REPLAYED:
            _load_large(customers=customers, seed=seed, language=language, say=say)
            return {"all": time.monotonic() - began}
        seconds = _replay(customers, seed, language, first_day, end, say)
    except BaseException:
        empty_shop()
        raise
    seconds["all"] = time.monotonic() - began
    for part, value in sorted(seconds.items(), key=lambda item: -item[1]):
        say(f"  {value:5.1f} s  {part}")
    return seconds


def _replay(
    customers: int, seed: int, language: str, first_day: datetime, end: datetime, say: Callable[[str], None]
) -> dict[str, float]:
    days = (end - first_day).days
    make_partitions(first=(first_day - timedelta(days=31)).date(), months=days // 30 + 5)
    with replay.replayed(first_day) as moving, _no_mail():
        began = time.monotonic()
        store, program = _set_up(language)
        User.objects.update(date_joined=first_day)
        fill_catalogue(language, with_pictures=True)
        history = draw_history(
            customers=customers,
            seed=seed,
            first_day=first_day,
            end=end,
            festivals=festivals(first_day, end),
            zone=store.time_zone,
        )
        thresholds = set_thresholds(program, history.purchases)
        world = World(
            store,
            program,
            history,
            ShopWriter(store, history),
            moving,
            replay.Agenda(moving),
            language,
            dict(history.truth),
        )
        world.truth["tiers"] = thresholds
        reactions = Reactions(world)
        marketing = Marketing(world, reactions)
        marketing.plan()
        club = Club(world, coupon_id=marketing.coupons["exchange"].pk)
        club.plan()
        ServiceDesk(world).plan()
        _channels()
        loop = Loop(world, reactions, busy_days=marketing.busy_days, spend=club.spend_points, say=say)
        loop.seconds["setting up"] = time.monotonic() - began
        loop.run()
        marketing.plan_next_month()
        features.refresh_everything()
        segment_runs.compute_segments()
        take_snapshot(program=program)
        reconcile_points()
        deliver_all()
    _write_truth(world)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return dict(loop.seconds)


def festivals(first_day: datetime, end: datetime) -> list[SaleFestival]:
    """Return the festivals with a sale within the history."""
    rows = []
    for year in range(first_day.year, end.year + 1):
        for festival in festivals_of(year):
            if festival.code in SALES and first_day.date() + timedelta(days=14) < festival.on < end.date():
                rate, before, discount = SALES[festival.code]
                first = festival.on - timedelta(days=before)
                rows.append(SaleFestival(festival.code, first, before + 1, rate, discount))
    return rows


def _set_up(language: str) -> tuple[Store, Program]:
    name, club = NAMES["zh" if language.startswith("zh") else "en"]
    store = ensure_store(name=name, currency="CNY", time_zone="Asia/Shanghai", country="CN", language=language)
    program = ensure_default_program()
    if program is None:
        raise RuntimeError("a store exists, so a program does")
    Program.objects.filter(pk=program.pk).update(name=club, return_window_days=7, expiry_policy="month", expiry_count=9)
    program.refresh_from_db()
    ensure_example_benefits(program)
    return store, program


def _channels() -> None:
    """Open trial accounts of SMS and WeChat, which deliver nothing."""
    for provider in ("trial_sms", "trial_wechat"):
        save_account(provider=provider, values={}, actor=SYSTEM)


@contextmanager
def _no_mail() -> Iterator[None]:
    """Drop the e-mails of the replay: nothing of the past may leave the machine.

    None of them can be uncertain after a crash, so many are handed over at once.
    """
    before = settings.EMAIL_BACKEND, Email.batch
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    Email.batch = DROPPED_AT_ONCE
    try:
        yield
    finally:
        settings.EMAIL_BACKEND, Email.batch = before


def _write_truth(world: World) -> None:
    directory = places.locations().directory / "simulation"
    directory.mkdir(parents=True, exist_ok=True)
    history = world.history
    stated = {"seed": history.seed, "customers": len(history.ids), "days": world.days, **world.truth}
    (directory / "truth.json").write_text(json.dumps(stated, ensure_ascii=False, indent=1), encoding="utf-8")
    np.savez_compressed(directory / "truth.npz", customer_id=np.array(history.ids), **history.arrays)


def _load_large(*, customers: int, seed: int, language: str, say: Callable[[str], None]) -> None:
    store, program = _set_up(language)
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
    evaluate_tiers(program=program, downgrade=True)
    take_snapshot(program=program)
    say("computing figures and segments")
    features.refresh_everything()
    segment_runs.compute_segments()
    deliver_all()
