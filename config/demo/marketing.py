"""Marketing of the demo shop: segments, coupons, care rules, broadcasts, experiments, journeys, next month's plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from analytics.segments.models import Segment
from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.services.broadcasts import create_broadcast, schedule_broadcast
from campaigns.broadcasts.services.runs import run_broadcasts
from campaigns.calendar.services import add_shop_day
from campaigns.care.services.presets import ensure_presets
from campaigns.coupons.models import Coupon, DiscountKind
from campaigns.coupons.services.coupons import create_coupon
from campaigns.experiments.models import Experiment, ExperimentMetric, ExperimentScope
from campaigns.experiments.services.experiments import Arm, create_experiment, end_experiment, start_experiment
from campaigns.journeys.models import Journey
from campaigns.journeys.services.journeys import publish_journey, save_draft
from campaigns.journeys.services.presets import draft_from_preset
from campaigns.templates.models import Template
from campaigns.templates.services import designs
from campaigns.templates.services.templates import Text, save_template
from config.demo.catalogue import KINDS
from config.demo.reactions import PlantedEffect, Reactions
from config.demo.world import World
from core.base.actor import SYSTEM
from loyalty.program.selectors import default_program
from loyalty.program.services.settings import update_program

Pair = tuple[str, str]
# (code, English, Chinese, English description, Chinese description, condition)
SEGMENTS: tuple[tuple[str, str, str, str, str, dict[str, Any]], ...] = (
    ("new", "New customers", "新客户", "First order in the last 30 days", "30 天内首次下单",
     {"condition": "stage", "operator": "in", "values": ["new"]}),
    ("active", "Active members", "活跃会员", "Bought in the last 90 days", "90 天内有购买",
     {"condition": "last_order", "operator": "within", "days": 90}),
    ("risk", "At risk", "流失风险", "No order for 90 to 180 days", "90 至 180 天未下单",
     {"condition": "stage", "operator": "in", "values": ["at_risk"]}),
    ("lapsed", "Lapsed", "沉睡客户", "No order for 180 to 365 days", "180 至 365 天未下单",
     {"condition": "stage", "operator": "in", "values": ["lapsed"]}),
    ("vip", "VIP", "高价值会员", "Gold or above", "金卡及以上",
     {"condition": "tier_rank", "operator": "gte", "value": 3}),
    ("birthday", "Birthday soon", "本月生日", "Birthday in the next 30 days", "30 天内生日",
     {"condition": "birthday", "operator": "has", "days": 30}),
    ("once", "One-time buyers", "只买一次", "Exactly one order", "只下过一单",
     {"condition": "order_count", "operator": "eq", "value": 1}),
    ("coffee", "Coffee lovers", "咖啡爱好者", "Bought beans at least twice in a year", "一年内至少两次购买咖啡豆",
     {"condition": "bought_category", "operator": "has", "values": [], "times": 2, "days": 365}),
    ("subscribers", "E-mail subscribers", "邮件订阅者", "Agreed to marketing by e-mail", "同意接收营销邮件",
     {"condition": "consent", "operator": "has", "channel": "email", "purpose": "marketing"}),
    ("buyers", "All buyers", "全部买家", "At least one order", "至少下过一单",
     {"condition": "order_count", "operator": "gte", "value": 1}),
)  # fmt: skip


@dataclass(frozen=True)
class PlannedBroadcast:
    """A broadcast of the past: when it was sent, to which segment, and what it caused."""

    code: str
    name: Pair
    segment: str
    days_ago: float
    subject: Pair
    body: Pair
    effect: PlantedEffect
    coupon: str = ""
    experiment: str = ""
    holdout_percent: int = 20
    channel: str = "email"


BROADCASTS = (
    PlannedBroadcast(
        "harvest", ("New harvest from Yunnan", "云南新豆上市"), "subscribers", 400,
        ("The new harvest is here", "云南新产季咖啡豆到店"),
        ("this year's beans from Yunnan taste of plum and honey.", "今年的云南豆有李子和蜂蜜的味道，欢迎尝鲜。"),
        PlantedEffect(opens=0.44, clicks=0.22, orders=0.05, amount=13_000),
    ),
    PlannedBroadcast(
        "spring", ("Spring tea, first picking", "明前春茶预售"), "buyers", 300,
        ("The first tea of the year", "明前龙井开始预售"),
        ("the first picking is small: reserve your tin now.", "头采数量有限，现在预订即可锁定。"),
        PlantedEffect(opens=0.4, clicks=0.18, orders=0.03, amount=16_000),
    ),
    PlannedBroadcast(
        "back", ("Come back, ¥20 off", "老客回归立减 20 元"), "risk", 210,
        ("¥20 for your next order", "送您 20 元回归券"),
        ("we saved a voucher for you.", "为您准备了一张回归券。"),
        PlantedEffect(opens=0.34, clicks=0.24, orders=0.08, amount=15_000), coupon="back",
    ),
    PlannedBroadcast(
        "subject", ("Summer cold brew", "夏日冷萃季"), "subscribers", 140,
        ("Cold brew for hot days", "夏天就喝冷萃"),
        ("three beans that we like best over ice.", "三款最适合冰饮的咖啡豆。"),
        PlantedEffect(opens=0.38, clicks=0.18, orders=0.03, amount=12_000), experiment="subject",
    ),
    PlannedBroadcast(
        "button", ("Autumn tasting box", "秋日品鉴礼盒"), "subscribers", 70,
        ("A box for autumn", "秋日品鉴礼盒上新"),
        ("six small tins, made for sharing.", "六款小罐装，适合与朋友分享。"),
        PlantedEffect(opens=0.4, clicks=0.2, orders=0.04, amount=20_000), experiment="button",
    ),
    PlannedBroadcast(
        "members", ("Members' week: 10% off", "会员周 9 折"), "active", 16,
        ("10% off for members, this week only", "会员专享 9 折，仅限本周"),
        ("your code is below.", "您的专属券码如下。"),
        PlantedEffect(opens=0.48, clicks=0.26, orders=0.09, amount=15_000), coupon="members",
    ),
)  # fmt: skip
COUPONS: dict[str, tuple[Pair, str, int, int, int]] = {
    # name, kind, value, minimum spend, valid days; the minimums are near the median order.
    "back": (("¥20 off your return", "回归立减 20 元"), DiscountKind.AMOUNT, 20_00, 99_00, 21),
    "members": (("Members' week 10%", "会员周 9 折券"), DiscountKind.PERCENT, 10, 0, 14),
    "exchange": (("¥10 for points", "积分兑换 10 元券"), DiscountKind.AMOUNT, 10_00, 59_00, 60),
    "next": (("Next month 8% off", "下月 92 折券"), DiscountKind.PERCENT, 8, 129_00, 30),
}
# Experiments: name, days before the end of its conclusion, share of orders of (control, variant).
EXPERIMENTS: dict[str, tuple[Pair, tuple[float, float], Pair, Pair, Pair]] = {
    "subject": (
        ("Subject line with the product", "标题写明产品是否更好"), (0.02, 0.12),
        ("Your cold brew, ready in 12 hours", "12 小时，一杯属于您的冷萃"),
        ("Plain subject", "普通标题"), ("Subject with the product", "写明产品的标题"),
    ),
    "button": (
        ("One link or two", "正文一个链接还是两个"), (0.04, 0.04),
        ("A box for autumn, two ways to order", "秋日礼盒上新，两种下单方式"),
        ("One link", "一个链接"), ("Two links", "两个链接"),
    ),
}  # fmt: skip
JOURNEYS: tuple[tuple[str, float, PlantedEffect], ...] = (
    ("welcome", 80, PlantedEffect(opens=0.55, clicks=0.3, orders=0.06, amount=11_000)),
    ("first_purchase", 85, PlantedEffect(opens=0.5, clicks=0.22, orders=0.05, amount=12_000)),
    ("winback", 60, PlantedEffect(opens=0.3, clicks=0.15, orders=0.035, amount=14_000)),
    ("cart", 50, PlantedEffect(opens=0.45, clicks=0.32, orders=0.07, amount=13_000)),
)
JOURNEY_HOLDOUT = 20
GLOBAL_HOLDOUT_DAYS, GLOBAL_HOLDOUT_PERCENT = 240, 5
CARE_DAYS = 88
CARE_EFFECTS = {
    "birthday": PlantedEffect(opens=0.6, clicks=0.25, orders=0.1, amount=12_000),
    "thanks": PlantedEffect(opens=0.5, clicks=0.12, orders=0.01, amount=10_000),
    "expiring": PlantedEffect(opens=0.45, clicks=0.3, orders=0.04, amount=10_000),
}


class Marketing:
    """Plan the marketing of the whole history on the agenda. `busy_days` are the days of its broadcasts."""

    def __init__(self, world: World, reactions: Reactions) -> None:
        self.world, self.reactions = world, reactions
        self.segments: dict[str, Segment] = {}
        self.coupons: dict[str, Coupon] = {}
        self.experiments: dict[str, Experiment] = {}
        self.busy_days: set[datetime] = set()

    def plan(self) -> None:
        """Create what exists from the first day on, and plan the rest."""
        world = self.world
        for code, name, name_zh, text, text_zh, condition in SEGMENTS:
            leaf = {**condition, "values": [world.say(*KINDS["CF"][0])]} if code == "coffee" else condition
            self.segments[code] = create_segment(
                name=world.say(name, name_zh),
                description=world.say(text, text_zh),
                rule={"op": "and", "children": [leaf]},
                actor=SYSTEM,
            )
        for code in COUPONS:
            self._coupon(code)
        self._at(world.before_end(GLOBAL_HOLDOUT_DAYS, hour=8), self._hold_out)
        self._at(world.before_end(CARE_DAYS, hour=8), self._care)
        for broadcast in BROADCASTS:
            at = world.before_end(broadcast.days_ago, hour=10)
            self.busy_days.add(at)
            self._at(at, lambda broadcast=broadcast: self._send(broadcast))
            if broadcast.experiment:
                self._at(at + timedelta(days=24), lambda code=broadcast.experiment: self._conclude(code))
        for code, days_ago, effect in JOURNEYS:
            self._at(world.before_end(days_ago, hour=9.5), lambda code=code, effect=effect: self._publish(code, effect))

    def plan_next_month(self) -> None:
        """Fill the calendar of the coming weeks: two planned broadcasts, a day of the shop, a coupon campaign."""
        world = self.world
        today = world.end.astimezone(world.zone).date()
        for name, days, segment, coupon, design in (
            (("Winter menu", "冬季菜单预告"), 9, "active", "", "flash_sale"),
            (("Thank-you coupon", "年末感恩券"), 20, "buyers", "next", "festival"),
        ):
            template = self._designed(name, design)
            planned = create_broadcast(
                name=world.say(*name),
                segment=self.segments[segment],
                template=template,
                actor=SYSTEM,
                send_on=today + timedelta(days=days),
                send_time=datetime.min.time().replace(hour=10),
                coupon=self.coupons[coupon] if coupon else None,
                holdout_percent=10,
            )
            schedule_broadcast(broadcast=planned, actor=SYSTEM)
        update_program(program=default_program(), member_day_kind="day", member_day_number=8, actor=SYSTEM)
        day = today + timedelta(days=14)
        add_shop_day(
            name=world.say("Tea house birthday", "店庆日"), month=day.month, day=day.day, year=day.year, actor=SYSTEM
        )

    def _at(self, moment: datetime, action: Callable[[], object]) -> None:
        self.world.agenda.add(max(moment, self.world.history.first_day + timedelta(days=8)), action)

    def _coupon(self, code: str) -> None:
        name, kind, value, minimum, days = COUPONS[code]
        self.coupons[code] = create_coupon(
            name=self.world.say(*name), kind=kind, value=value, minimum_spend=minimum, valid_days=days,
            limit_per_customer=None, actor=SYSTEM,
        )  # fmt: skip

    def _template(self, name: Pair, subject: Pair, body: Pair, *, coupon: bool = False) -> Template:
        code_en = "<p>Your code: <strong>{{ coupon.code }}</strong></p>" if coupon else ""
        code_zh = "<p>专属券码：<strong>{{ coupon.code }}</strong></p>" if coupon else ""
        return save_template(
            name=self.world.say(*name),
            channel="email",
            actor=SYSTEM,
            texts=[
                Text(
                    "en",
                    f"<p>Dear {{{{ customer.first_name | default: 'customer' }}}},</p><p>{body[0]}</p>{code_en}"
                    '<p><a href="{{ shop.url }}">{{ shop.name }}</a> · '
                    '<a href="{{ links.unsubscribe }}">Unsubscribe</a></p>',
                    subject[0],
                ),
                Text(
                    "zh-hans",
                    f"<p>亲爱的{{{{ customer.name | default: '顾客' }}}}：</p><p>{body[1]}</p>{code_zh}"
                    '<p><a href="{{ shop.url }}">{{ shop.name }}</a> · <a href="{{ links.unsubscribe }}">退订</a></p>',
                    subject[1],
                ),
            ],
        )

    def _designed(self, name: Pair, design: str) -> Template:
        """Return a new template of blocks, made of a ready design."""
        draft = designs.start_draft(design=design, actor=SYSTEM)
        draft = designs.save_draft(
            draft=draft,
            revision=draft.revision,
            name=self.world.say(*name),
            message_class=draft.message_class,
            subjects={"en": name[0], "zh-hans": name[1]},
            document=draft.document,
            actor=SYSTEM,
        )
        return designs.publish_draft(draft=draft, actor=SYSTEM)

    def _hold_out(self) -> None:
        experiment = create_experiment(
            actor=SYSTEM,
            name=self.world.say("Global holdout", "全局对照组"),
            scope=ExperimentScope.EVERYTHING,
            metric=ExperimentMetric.REVENUE,
            effect=Decimal(500),
            window_days=90,
            arms=[
                Arm(self.world.say("No marketing", "不营销"), GLOBAL_HOLDOUT_PERCENT),
                Arm(self.world.say("Marketing", "正常营销"), 100 - GLOBAL_HOLDOUT_PERCENT),
            ],
        )
        self._seed(experiment, "everything")
        start_experiment(experiment=experiment, actor=SYSTEM)
        self.world.truth["global_holdout_percent"] = GLOBAL_HOLDOUT_PERCENT

    def _seed(self, experiment: Experiment, code: str) -> None:
        """Draw the arms by the seed of the shop, so that equal seeds make equal shops."""
        digest = blake2b(f"{self.world.history.seed}:{code}".encode(), digest_size=16)
        experiment.salt = digest.hexdigest()
        Experiment.objects.filter(pk=experiment.pk).update(salt=experiment.salt)

    def _care(self) -> None:
        rules = ensure_presets(self.world.store, active=tuple(CARE_EFFECTS))
        for code, effect in CARE_EFFECTS.items():
            self.reactions.expect(f"care:{rules[code].pk}", f"care {code}", effect)

    def _experiment(self, planned: PlannedBroadcast) -> Experiment:
        name, shares, subject, plain, other = EXPERIMENTS[planned.experiment]
        control = self._template((f"{planned.name[0]} A", f"{planned.name[1]} A"), planned.subject, planned.body)
        variant = self._template((f"{planned.name[0]} B", f"{planned.name[1]} B"), subject, planned.body)
        experiment = create_experiment(
            actor=SYSTEM,
            name=self.world.say(*name),
            metric=ExperimentMetric.ORDERED,
            effect=Decimal("0.05"),
            window_days=14,
            any_time=False,
            segment=self.segments[planned.segment],
            arms=[Arm(self.world.say(*plain), 1, control), Arm(self.world.say(*other), 1, variant)],
        )
        self._seed(experiment, planned.experiment)
        start_experiment(experiment=experiment, actor=SYSTEM)
        for template, orders in zip((control, variant), shares, strict=True):
            self.reactions.expect_arm(template.pk, replace(planned.effect, orders=orders))
        self.world.truth.setdefault("experiments", {})[planned.experiment] = {
            "name": experiment.name, "metric": "ordered", "control": shares[0], "variant": shares[1],
            "true_difference_of_delivered": shares[1] - shares[0],
        }  # fmt: skip
        self.experiments[planned.experiment] = experiment
        return experiment

    def _send(self, planned: PlannedBroadcast) -> None:
        template = self._template(planned.name, planned.subject, planned.body, coupon=bool(planned.coupon))
        experiment = self._experiment(planned) if planned.experiment else None
        broadcast = create_broadcast(
            name=self.world.say(*planned.name),
            segment=self.segments[planned.segment],
            template=template,
            actor=SYSTEM,
            coupon=self.coupons[planned.coupon] if planned.coupon else None,
            holdout_percent=planned.holdout_percent,
            experiment=experiment,
        )
        self.reactions.expect(broadcast.origin, f"broadcast {planned.code}", planned.effect)
        schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
        run_broadcasts()

    def _conclude(self, code: str) -> None:
        experiment = self.experiments[code]
        arms = list(experiment.arms.all())
        control, variant = EXPERIMENTS[code][1]
        end_experiment(
            experiment=experiment,
            actor=SYSTEM,
            winner=arms[1] if variant > control else arms[0],
            conclusion=self.world.say(
                "The variant sells more; it is used from now on." if variant > control else "No difference was found.",
                "实验组下单率更高，今后采用。" if variant > control else "未发现差异，沿用原版本。",
            ),
        )

    def _publish(self, code: str, effect: PlantedEffect) -> None:
        journey: Journey = draft_from_preset(code=code, store=self.world.store, actor=SYSTEM)
        save_draft(journey=journey, actor=SYSTEM, draft={**journey.draft, "holdout": JOURNEY_HOLDOUT})
        publish_journey(journey=journey, actor=SYSTEM)
        self.reactions.expect(f"journey:{journey.pk}", f"journey {code}", effect)
