"""Define ready-made journeys, in Chinese and English: one click makes a draft with templates, coupons and segments.

Names and texts are in the store's language and may be changed. Existing objects with the same name are reused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from analytics.conditions.rules.trees import Group, Node, leaf_of
from analytics.segments.models import Segment
from analytics.segments.services.segments import create_segment
from campaigns.care.services.presets import _COUPON_EN, _COUPON_ZH, _FOOT_EN, _FOOT_ZH
from campaigns.coupons.models import CodeMode, Coupon, DiscountKind
from campaigns.coupons.rules.discounts import zhe_of
from campaigns.coupons.services.coupons import create_coupon
from campaigns.journeys.models import Journey
from campaigns.journeys.rules import EventCondition, Goal, JourneyEntry, JourneyExit, Reentry, Step, step_of
from campaigns.journeys.services.events import ORDER
from campaigns.journeys.services.journeys import create_journey
from campaigns.templates.models import Template
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_name
from core.text.currencies import exponent
from crm.customers.models import Store


class Preset(TypedDict):
    """The settings and steps of a ready-made journey; a draft adds the defaults of the others."""

    entry: JourneyEntry
    reentry: Reentry
    exit: JourneyExit
    goal: NotRequired[Goal]
    holdout: NotRequired[int]
    steps: list[Step]


class Maker:
    """Number the steps, and create the objects that they use, or find them by name."""

    def __init__(self, store: Store, actor: Actor) -> None:
        self.store, self.actor = store, actor
        self.chinese = store.language.startswith("zh")
        self._made = 0

    def say(self, english: str, chinese: str) -> str:
        """Return the text in the preset's language."""
        return chinese if self.chinese else english

    def step(self, kind: str, **values: Any) -> Step:
        """Return a step with a new id."""
        self._made += 1
        return step_of(f"s{self._made}", kind, values)

    def wait(self, amount: int, unit: str = "days") -> Step:
        """Return a step that waits for some time."""
        return self.step("wait", amount=amount, unit=unit)

    def until(self, time: str = "10:00", days: int = 0) -> Step:
        """Return a step that waits until a time of the day."""
        return self.step("wait_until", days=days, time=time)

    def wait_event(
        self, event: str, amount: int, *, happened: Sequence[Step] = (), timeout: Sequence[Step] = ()
    ) -> Step:
        """Return a step that waits for an event, for at most `amount` days, with the steps of both outcomes."""
        arms = {"happened": list(happened), "timeout": list(timeout)}
        return self.step("wait_event", event=event, where=[], amount=amount, unit="days", arms=arms)

    def branch(
        self, condition: str, operator: str, *, yes: Sequence[Step] = (), no: Sequence[Step] = (), **values: Any
    ) -> Step:
        """Return a step that branches on one condition."""
        rule: Group = {"op": "and", "children": [leaf_of(condition, operator, values)]}
        return self.step("branch", rule=rule, arms={"yes": list(yes), "no": list(no)})

    def tag(self, english: str, chinese: str, action: str = "add") -> Step:
        """Return a step that adds or removes a tag."""
        return self.step("tag", action=action, tag=self.say(english, chinese))

    def message(
        self, name: tuple[str, str], subject: tuple[str, str], body: tuple[str, str], *, coupon: bool = False
    ) -> Step:
        """Return a step that sends an e-mail; create its template unless one has the name."""
        foot = (f"{_COUPON_EN if coupon else ''}{_FOOT_EN}", f"{_COUPON_ZH if coupon else ''}{_FOOT_ZH}")
        called = self.say(*name)
        template = Template.objects.filter(name=called).first() or save_template(
            name=called,
            channel="email",
            texts=[
                Text(
                    "en",
                    f"<p>Dear {{{{ customer.first_name | default: 'customer' }}}},</p>{body[0]}{foot[0]}",
                    subject[0],
                ),
                Text(
                    "zh-hans", f"<p>亲爱的{{{{ customer.name | default: '顾客' }}}}：</p>{body[1]}{foot[1]}", subject[1]
                ),
            ],
            actor=self.actor,
        )
        return self.step("message", template=str(template.pk))

    def coupon(self, name: tuple[str, str], kind: str, value: int, valid_days: int) -> Step:
        """Return a step that issues a code; create its coupon unless a usable one has the name."""
        called = self.say(*name)
        row = Coupon.objects.filter(
            name=called, mode=CodeMode.UNIQUE, active=True, ends_at=None
        ).first() or create_coupon(
            name=called,
            kind=kind,
            value=value if kind == DiscountKind.PERCENT else value * 10 ** exponent(self.store.currency),
            currency=self.store.currency,
            valid_days=valid_days,
            limit_per_customer=None,
            actor=self.actor,
        )
        return self.step("coupon", coupon=str(row.pk))

    def segment(self, name: tuple[str, str], *conditions: Node) -> int:
        """Return the id of the segment with this name; create it if there is none."""
        called = self.say(*name)
        row = Segment.objects.active().filter(name=called).first()
        if row is None:
            if Segment.objects.filter(name=called).exists():
                called = f"{called} 2"
            row = Segment.objects.active().filter(name=called).first() or create_segment(
                name=called, rule={"op": "and", "children": list(conditions)}, actor=self.actor
            )
        return row.pk


Build = Callable[[Maker], Preset]
ONCE: Reentry = {"policy": "never", "value": 0}
EVERY: Reentry = {"policy": "every", "value": 0}
BUYS: Goal = {"event": ORDER, "where": []}


@dataclass(frozen=True)
class JourneyPreset:
    """A journey that a shop can add with one click, with texts in English and Chinese."""

    code: str
    name: str
    name_zh: str
    text: str
    text_zh: str
    icon: str
    build: Build = field(compare=False)

    @property
    def label(self) -> str:
        """Return the name in the user's language."""
        return self.name_zh if _chinese() else self.name

    @property
    def about(self) -> str:
        """Return the description in the user's language."""
        return self.text_zh if _chinese() else self.text


def _chinese() -> bool:
    return (get_language() or "").startswith("zh")


def _event(event: str, *where: EventCondition) -> JourneyEntry:
    return {"kind": "event", "event": event, "where": list(where), "segment": None}


def _is(name: str, value: str, operator: Literal["eq", "lte"] = "eq") -> EventCondition:
    return {"field": name, "operator": operator, "value": value}


def _welcome(m: Maker) -> Preset:
    return {
        "entry": _event("loyalty.member_enrolled"),
        "goal": BUYS, "exit": {"policy": "goal"}, "reentry": ONCE,
        "steps": [
            m.step("points", points=50),
            m.message(("Welcome, new member", "新会员欢迎"), ("Welcome to {{ shop.name }}", "欢迎加入{{ shop.name }}"),
                      ("<p>good to have you. {{ member.points }} points wait for you.</p>",
                       "<p>很高兴认识您，您已有 {{ member.points }} 积分。</p>")),
            m.wait_event(ORDER, 7, timeout=[
                m.coupon(("Welcome coupon", "新人券"), DiscountKind.AMOUNT, 20, 14),
                m.message(("Welcome, a first offer", "新人专享优惠"),
                          ("Something for your first order", "送您一份首单好礼"),
                          ("<p>this is for your first order with us.</p>",
                           "<p>这份优惠送给您的第一单。</p>"), coupon=True),
            ]),
        ],
    }  # fmt: skip


def _first_purchase(m: Maker) -> Preset:
    return {
        "entry": _event(ORDER), "reentry": ONCE, "exit": {"policy": "never"},
        "steps": [
            m.wait(1),
            m.branch("order_count", "lte", value=1, yes=[
                m.message(("Thank you for your first order", "首单感谢"),
                          ("Thank you for your first order", "感谢您的第一单"),
                          ("<p>thank you for order {{ order.number }}, your first one with us.</p>",
                           "<p>感谢您的首个订单 {{ order.number }}。</p>")),
                m.wait_event(ORDER, 30, happened=[m.tag("second order", "已复购")], timeout=[
                    m.coupon(("Second order coupon", "复购券"), DiscountKind.PERCENT, 10, 21),
                    m.message(("An offer for the second order", "复购优惠"),
                              ("10% off your second order", "第二单九折"),
                              ("<p>come back: this is yours.</p>", "<p>欢迎再来，这份优惠是您的。</p>"), coupon=True),
                ]),
            ]),
        ],
    }  # fmt: skip


def _after_purchase(m: Maker) -> Preset:
    return {
        "entry": _event(ORDER), "reentry": {"policy": "days", "value": 30}, "exit": {"policy": "never"},
        "steps": [
            m.wait(3), m.until("10:00"),
            m.message(("How is your order?", "购后关怀"),
                      ("Is everything fine with order {{ order.number }}?", "订单 {{ order.number }} 还满意吗？"),
                      ("<p>we hope that all is as you wished. Answer this mail if not.</p>",
                       "<p>希望一切如您所愿，如有问题请直接回复。</p>")),
            m.wait_event("activity:review", 7, happened=[m.step("points", points=20)], timeout=[
                m.message(("A request for a review", "评价邀请"),
                          ("Would you tell others about it?", "欢迎写下您的评价"),
                          ("<p>a review takes a minute and helps a lot.</p>"
                           "<ul>{% for item in order.items limit: 5 %}<li>{{ item.name }}</li>{% endfor %}</ul>",
                           "<p>一分钟写下评价，对其他顾客很有帮助。</p>"
                           "<ul>{% for item in order.items limit: 5 %}<li>{{ item.name }}</li>{% endfor %}</ul>")),
            ]),
        ],
    }  # fmt: skip


def _birthday(m: Maker) -> Preset:
    return {
        "entry": {"kind": "date", "date": "birthday", "days": 7, "time": "09:30", "segment": None},
        "reentry": EVERY, "exit": {"policy": "never"},
        "steps": [
            m.coupon(("Birthday coupon", "生日券"), DiscountKind.AMOUNT, 30, 30),
            m.message(("Birthday is near", "生日预热"), ("Your birthday is near", "您的生日快到了"),
                      ("<p>a small present before the day itself.</p>",
                       "<p>提前为您准备了一份小礼物。</p>"), coupon=True),
            m.until("09:30", 7),
            m.step("points", points=100),
            m.message(("Happy birthday", "生日快乐"), ("Happy birthday!", "生日快乐！"),
                      ("<p>all of us at {{ shop.name }} wish you a happy birthday. 100 points are yours.</p>",
                       "<p>{{ shop.name }}全体伙伴祝您生日快乐，送您 100 积分。</p>")),
        ],
    }  # fmt: skip


def _member_day(m: Maker) -> Preset:
    return {
        "entry": {"kind": "date", "date": "member_day", "days": 0, "time": "10:00", "segment": None},
        "reentry": EVERY, "exit": {"policy": "never"},
        "steps": [
            m.step("points", points=88),
            m.message(("Another year together", "会员周年"), ("Another year together", "感谢又一年的陪伴"),
                      ("<p>a year ago today you joined us, or more. 88 points say thank you.</p>",
                       "<p>今天是您的会员周年日，送上 88 积分表示感谢。</p>")),
        ],
    }  # fmt: skip


def _expiring(m: Maker) -> Preset:
    body = ("<p>{{ expiring.points }} of your {{ member.points }} points can be spent until {{ expiring.on }}.</p>",
            "<p>您的 {{ member.points }} 积分中有 {{ expiring.points }} 积分将于 "
            "{{ expiring.on }} 过期。</p>")  # fmt: skip
    return {
        "entry": _event("loyalty.points_expiring"), "reentry": EVERY,
        "goal": {"event": "loyalty.points_redeemed", "where": []}, "exit": {"policy": "goal"},
        "steps": [
            m.until("10:00"),
            m.message(("Points expire soon", "积分即将过期"),
                      ("{{ expiring.points }} of your points expire on {{ expiring.on }}",
                       "您有 {{ expiring.points }} 积分将于 {{ expiring.on }} 过期"), body),
            m.wait(7),
            m.message(("Last call for points", "积分过期最后提醒"),
                      ("Last call: your points expire on {{ expiring.on }}",
                       "最后提醒：积分将于 {{ expiring.on }} 过期"), body),
        ],
    }  # fmt: skip


def _tier_up(m: Maker) -> Preset:
    return {
        "entry": _event("loyalty.tier_changed", _is("up", "true")), "reentry": EVERY, "exit": {"policy": "never"},
        "steps": [
            m.message(("Welcome to your tier", "升级祝贺"),
                      ("You are {{ member.tier }} now", "恭喜升级为{{ member.tier }}"),
                      ("<p>welcome to {{ member.tier }}: enjoy what comes with it.</p>",
                       "<p>恭喜您成为{{ member.tier }}，尽情享受专属权益吧。</p>")),
            m.wait(14),
            m.branch("orders_90", "gte", value=1, no=[
                m.step("ticket", subject=m.say("Greet a new high-tier member", "问候新晋高等级会员"),
                       text=m.say("They moved up and have not bought since. Ask whether they know their benefits.",
                                  "客户升级后还没有下单，请联系并介绍其权益。"), priority="2"),
            ]),
        ],
    }  # fmt: skip


def _near_tier(m: Maker) -> Preset:
    near = m.segment(("Near the next tier", "即将升级的会员"),
                     leaf_of("next_tier_share", "gte", {"value": 80}),
                     leaf_of("next_tier_share", "lte", {"value": 99}))  # fmt: skip
    return {
        "entry": {"kind": "segment", "segment": near, "members": True}, "reentry": {"policy": "days", "value": 60},
        "goal": {"event": "loyalty.tier_changed", "where": [_is("up", "true")]}, "exit": {"policy": "both"},
        "steps": [
            m.until("10:00"),
            m.message(("Nearly at the next tier", "即将升级提醒"), ("You are nearly there", "再进一步即可升级"),
                      ("<p>only a little is missing to your next tier.</p>", "<p>您距离下一等级只差一点点了。</p>")),
            m.wait(10),
            m.coupon(("Tier push coupon", "冲级券"), DiscountKind.PERCENT, 8, 14),
            m.message(("A push to the next tier", "升级助力"), ("A little help to the next tier", "助您一臂之力"),
                      ("<p>this may help with the rest of the way.</p>",
                       "<p>这张券助您完成最后一步。</p>"), coupon=True),
        ],
    }  # fmt: skip


def _tier_at_risk(m: Maker) -> Preset:
    short = m.segment(("Tier about to be lost", "即将降级的会员"), leaf_of("tier_short", "yes", {}))
    return {
        "entry": {"kind": "segment", "segment": short, "members": True}, "reentry": {"policy": "days", "value": 90},
        "goal": BUYS, "exit": {"policy": "both"},
        "steps": [
            m.until("10:00"),
            m.message(("Keep your tier", "保级提醒"), ("Keep {{ member.tier }}", "保住您的{{ member.tier }}"),
                      ("<p>what you bought lately is not enough to stay {{ member.tier }}. There is still time.</p>",
                       "<p>近期消费尚不足以保留{{ member.tier }}，现在还来得及。</p>")),
            m.wait(14),
            m.coupon(("Keep your tier coupon", "保级券"), DiscountKind.PERCENT, 10, 21),
            m.message(("Keep your tier, an offer", "保级优惠"), ("10% to stay {{ member.tier }}", "九折助您保级"),
                      ("<p>an order with this keeps you nearer to it.</p>",
                       "<p>用这张券下单，保级更轻松。</p>"), coupon=True),
        ],
    }  # fmt: skip


_CART_ITEMS = (
    "{% if event.items.size > 0 %}<ul>{% for item in event.items limit: 5 %}<li>"
    '{% if item.url != "" %}<a href="{{ item.url }}">{{ item.name }}</a>{% else %}{{ item.name }}{% endif %}'
    " {{ item.price }}</li>{% endfor %}</ul>{% endif %}"
)


def _cart(m: Maker) -> Preset:
    return {
        "entry": _event("activity:cart"), "reentry": {"policy": "days", "value": 7},
        "goal": BUYS, "exit": {"policy": "goal"},
        "steps": [
            m.wait(2, "hours"),
            m.message(("Something is in your cart", "购物车提醒"), ("You left something behind", "您的购物车还有商品"),
                      ("<p>your cart is kept for you at <a href=\"{{ shop.url }}\">{{ shop.name }}</a>.</p>"
                       + _CART_ITEMS,
                       "<p>购物车已为您保留，<a href=\"{{ shop.url }}\">回到{{ shop.name }}</a>继续购买。</p>"
                       + _CART_ITEMS)),
            m.wait(1),
            m.coupon(("Cart coupon", "加购券"), DiscountKind.PERCENT, 5, 3),
            m.message(("Your cart, with an offer", "购物车优惠"), ("5% off what is in your cart", "购物车商品 9.5 折"),
                      ("<p>for three days this is yours.</p>" + _CART_ITEMS, "<p>三天内有效。</p>" + _CART_ITEMS),
                      coupon=True),
        ],
    }  # fmt: skip


def _winback(m: Maker) -> Preset:
    lapsed = m.segment(("No order for 90 days", "90 天未下单"),
                       leaf_of("last_order", "before", {"days": 90}))  # fmt: skip
    waves = []
    for number, (percent, days) in enumerate(((5, 14), (10, 14), (20, 30)), 1):
        waves += [
            m.coupon((f"Win-back {percent}%", f"召回 {zhe_of(percent)} 折券"), DiscountKind.PERCENT, percent, days),
            m.message((f"Win-back, wave {number}", f"召回第 {number} 波"),
                      (("We miss you", "好久不见"), ("Something more for you", "更多优惠等您"),
                       ("Our best offer", "我们的最大诚意"))[number - 1],
                      (f"<p>it has been a while. {percent}% off is waiting for you.</p>",
                       f"<p>好久不见，为您准备了 {zhe_of(percent)} 折优惠。</p>"), coupon=True),
            *([m.wait(14)] if number < 3 else []),
        ]  # fmt: skip
    return {
        "entry": {"kind": "segment", "segment": lapsed, "members": True}, "reentry": {"policy": "days", "value": 180},
        "goal": BUYS, "exit": {"policy": "goal"}, "holdout": 10, "steps": [m.until("10:00"), *waves],
    }  # fmt: skip


def _sunset(m: Maker) -> Preset:
    segment = m.segment(("Lapsed for good", "长期流失"), leaf_of("last_order", "before", {"days": 365}))
    return {
        "entry": {"kind": "segment", "segment": segment, "members": True}, "reentry": ONCE,
        "goal": BUYS, "exit": {"policy": "goal"},
        "steps": [
            m.message(("Shall we keep writing?", "是否继续接收消息"),
                      ("Shall we keep writing to you?", "还想收到我们的消息吗？"),
                      ("<p>we have not seen you for a year. Come by, or leave our list with the link below.</p>",
                       "<p>已一年未见，欢迎回来看看，也可点击下方链接退订。</p>")),
            m.wait(30),
            m.tag("sunset", "停止触达"),
            m.step("exit"),
        ],
    }  # fmt: skip


def _unhappy(m: Maker) -> Preset:
    return {
        "entry": _event("crm.ticket_rated", _is("score", "2", "lte")), "reentry": {"policy": "days", "value": 30},
        "exit": {"policy": "never"},
        "steps": [
            m.step("ticket", subject=m.say("Low satisfaction: call back", "低满意度回访"),
                   text=m.say("They rated our service 1 or 2 of 5. Call within a day and put it right.",
                              "客户对服务评分为 1 或 2 分，请在一天内回访并解决。"), priority="3"),
            m.tag("unhappy", "不满意"),
            m.wait(3),
            m.message(("We want to do better", "致歉关怀"), ("We want to do better", "我们想做得更好"),
                      ("<p>you were not content with our service, and we are sorry. Someone will be in touch.</p>",
                       "<p>很抱歉这次服务未能让您满意，我们会尽快与您联系。</p>")),
            m.wait(30),
            m.tag("unhappy", "不满意", "remove"),
        ],
    }  # fmt: skip


PRESETS = (
    JourneyPreset("welcome", "Welcome", "新会员欢迎旅程",
                  "New members get points, and an offer if they have not bought within a week.",
                  "新会员入会送积分，一周内未下单再送新人券。", "users-plus", _welcome),
    JourneyPreset("first_purchase", "First purchase", "首购培育",
                  "Thanks customers after the first order, and sends an offer for the second.",
                  "首单后致谢，30 天未复购送复购券。", "shopping-bag", _first_purchase),
    JourneyPreset("after_purchase", "After-purchase follow-up and review", "购后关怀与评价邀请",
                  "Asks about the order, then for a review that earns points.",
                  "购后关怀，邀请评价并奖励积分。", "message-check", _after_purchase),
    JourneyPreset("birthday", "Birthday with presents", "生日关怀旅程",
                  "A coupon a week before the birthday, points on the day.",
                  "生日前一周送券，当天送积分。", "cake", _birthday),
    JourneyPreset("member_day", "Member anniversary", "会员周年",
                  "Points and thanks on the anniversary of enrolment.",
                  "入会周年当天送积分致谢。", "calendar-event", _member_day),
    JourneyPreset("points_expiring", "Points expiring", "积分过期提醒旅程",
                  "Reminds members of expiring points, and again a week later.",
                  "提醒即将过期的积分，一周后再次提醒。", "hourglass", _expiring),
    JourneyPreset("tier_up", "Tier up", "会员升级祝贺",
                  "Congratulates members, and opens a ticket for those who do not buy.",
                  "祝贺会员升级；之后未下单的，创建工单由客服跟进。", "trophy", _tier_up),
    JourneyPreset("near_tier", "Near the next tier", "临近升级激励",
                  "A reminder and a small coupon for members who reach 80% of the next tier.",
                  "达到下一等级 80% 的会员，提醒并送券助力。", "trending-up", _near_tier),
    JourneyPreset("tier_at_risk", "Tier about to be lost", "保级提醒旅程",
                  "Reminds members who are about to lose their tier, and sends an offer two weeks later.",
                  "提醒即将降级的会员，两周后送保级券。", "trending-down", _tier_at_risk),
    JourneyPreset("cart", "Cart abandoned", "购物车挽回",
                  "A reminder after two hours, an offer a day later; customers who buy leave the journey.",
                  "两小时后提醒，一天后送券，下单即退出。", "shopping-cart", _cart),
    JourneyPreset("winback", "Win-back in three waves", "三波流失召回",
                  "Offers of 5, 10 and 20%, two weeks apart; 10% of customers are held out to measure the effect.",
                  "9.5 折、9 折、8 折三波优惠，每波间隔两周；留出 10% 对照组以衡量效果。", "rotate", _winback),
    JourneyPreset("sunset", "Lapsed for good", "长期流失停止触达",
                  "A last e-mail to customers without an order for a year, then a tag.",
                  "一年未下单的客户收到最后一封邮件，然后打上“停止触达”标签。", "sun", _sunset),
    JourneyPreset("unhappy", "Low satisfaction", "低满意度挽回",
                  "An immediate ticket to call back, and an e-mail some days later.",
                  "立即创建回访工单，数日后发送致歉邮件。", "mood-sad", _unhappy),
)  # fmt: skip


def offered() -> tuple[JourneyPreset, ...]:
    """Return all journey presets."""
    return PRESETS


def draft_from_preset(*, code: str, store: Store, actor: Actor) -> Journey:
    """Make a draft of a ready-made journey, with the objects it uses. A name in use gets a number. Raises Invalid."""
    preset = next((item for item in PRESETS if item.code == code), None)
    if preset is None:
        raise Invalid(_("There is no ready-made journey with this code."), code="unknown_preset", field="preset")
    with transaction.atomic():
        lock_name("campaigns.journey-presets")
        draft = preset.build(Maker(store, actor))
        name = preset.name_zh if store.language.startswith("zh") else preset.name
        used_names = set(Journey.objects.filter(name__startswith=name).values_list("name", flat=True))
        free = next(
            label for label in (name, *(f"{name} {number}" for number in range(2, 1000))) if label not in used_names
        )
        return create_journey(name=free, draft=draft, actor=actor, preset=code)
