"""Ready designs for the usual occasions, in both languages. A new e-mail begins as a copy of one.

To add a design, add a `ReadyDesign` to `READY`; its blocks are those of `BLOCKS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Pair = tuple[str, str]
Made = dict[str, Any]
LANGUAGES = ("en", "zh-hans")
NAME = "{{ customer.first_name | default: 'there' }}"
NAME_ZH = "{{ customer.name | default: '朋友' }}"
SHOP_NOW: Pair = ("Go to the shop", "去逛逛")


@dataclass(frozen=True)
class ReadyDesign:
    """One design: its name in the list, the subjects, the preview texts and the blocks between header and footer."""

    name: str | Promise
    about: str | Promise
    subject: Pair
    preheader: Pair
    blocks: Sequence[Made]

    @property
    def subjects(self) -> dict[str, str]:
        """Return the subject by language."""
        return dict(zip(LANGUAGES, self.subject, strict=True))

    def document(self) -> dict[str, Any]:
        """Return a document of its own, with ids for the editor."""
        blocks = [_block("header"), *self.blocks, _block("footer", note=("", ""))]
        return {
            "settings": {},
            "preheader": dict(zip(LANGUAGES, self.preheader, strict=True)),
            "blocks": [{"id": f"b{place}", **block} for place, block in enumerate(blocks, 1)],
        }


def _block(kind: str, values: Made | None = None, **texts: Pair) -> Made:
    return {
        "kind": kind,
        "values": values or {},
        "texts": {
            language: {name: pair[place] for name, pair in texts.items()} for place, language in enumerate(LANGUAGES)
        },
    }


def _heading(english: str, chinese: str) -> Made:
    return _block("heading", {"align": "center"}, text=(english, chinese))


def _text(english: str, chinese: str) -> Made:
    return _block("text", text=(english, chinese))


def _button(english: str, chinese: str, link: str = "{{ shop.url }}") -> Made:
    return _block("button", {"link": link}, label=(english, chinese))


def _products(english: str, chinese: str, source: str = "best_sellers", count: int = 4) -> Made:
    return _block("products", {"source": source, "count": count}, title=(english, chinese), button=("See it", "查看"))


def _coupon(english: str, chinese: str) -> Made:
    return _block("coupon", title=(english, chinese), button=("Use it now", "立即使用"))


_POINTS = _block("points", title=("Your membership", "您的会员权益"))
READY: dict[str, ReadyDesign] = {
    "welcome": ReadyDesign(
        _("Welcome"), _("The first message to a new customer or member"),
        ("Welcome to {{ shop.name }}", "欢迎来到{{ shop.name }}"),
        ("Good to have you with us.", "很高兴认识您。"),
        [
            _heading("Welcome!", "欢迎您！"),
            _text(f"<p>Dear {NAME},</p><p>good to have you with us. Here is what our customers like best; "
                  "take your time.</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>很高兴您来到我们店。先看看大家最喜欢的好物，慢慢逛。</p>"),
            _coupon("A small gift to begin with", "一份见面礼"),
            _products("What others love", "大家都爱买"),
            _POINTS,
        ],
    ),
    "birthday": ReadyDesign(
        _("Birthday"), _("On a customer's birthday, with a coupon if there is one"),
        (f"Happy birthday, {NAME}!", f"{NAME_ZH}，生日快乐！"),
        ("A little something from us.", "我们为您准备了一份小礼物。"),
        [
            _heading("Happy birthday! 🎂", "生日快乐！🎂"),
            _text(f"<p>Dear {NAME},</p><p>today is your day. We wish you a wonderful year.</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>今天是您的生日，祝您新的一岁平安喜乐。</p>"),
            _coupon("Your birthday gift", "您的生日礼"),
            _button("Choose something nice", "挑一件喜欢的"),
        ],
    ),
    "win_back": ReadyDesign(
        _("Win-back"), _("To customers who have not bought for a while"),
        (f"We miss you, {NAME}", f"{NAME_ZH}，好久不见"),
        ("A lot is new since your last visit.", "您上次光临之后，店里上新了不少。"),
        [
            _heading("It has been a while", "好久不见"),
            _text(f"<p>Dear {NAME},</p><p>a lot is new since your last visit. Maybe one of these is for you:</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>您上次光临之后，店里上新了不少，也许有您喜欢的：</p>"),
            _products("Chosen for you", "为您挑选", "recommended"),
            _coupon("For your return", "回归礼券"),
        ],
    ),
    "after_purchase": ReadyDesign(
        _("After a purchase"), _("Thanks and care, some days after an order"),
        ("Thank you for your order", "感谢您的订购"),
        ("We hope that you like it.", "希望您喜欢。"),
        [
            _heading("Thank you!", "谢谢您！"),
            _text(f"<p>Dear {NAME},</p><p>thank you for your order. We hope that everything is as you wished. "
                  "If something is not, just answer this e-mail.</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>感谢您的订购，希望一切都合您心意。如有任何问题，直接回复本邮件即可。</p>"),
            _products("This goes well with it", "搭配推荐", "recommended"),
            _POINTS,
        ],
    ),
    "review": ReadyDesign(
        _("Request for a review"), _("Some days after delivery"),
        ("How do you like it?", "您还满意吗？"),
        ("Two minutes of yours help others to choose.", "您的两分钟，帮助更多人选择。"),
        [
            _heading("How do you like it?", "您还满意吗？"),
            _text(f"<p>Dear {NAME},</p><p>your opinion helps others to choose, and helps us to do better. "
                  "It takes two minutes.</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>您的评价能帮助更多人选择，也让我们做得更好，只需两分钟。</p>"),
            _button("Write a review", "写评价"),
        ],
    ),
    "cart": ReadyDesign(
        _("Left in the cart"), _("For a journey that begins with something put into the cart"),
        ("You left something behind", "您的购物车还有宝贝"),
        ("Your cart is still there.", "您的购物车还在等您。"),
        [
            _heading("Still thinking about it?", "还在考虑吗？"),
            _text(f"<p>Dear {NAME},</p><p>you left something in your cart. We have kept it for you:</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>您的购物车里还有没带走的宝贝，我们替您留着：</p>"),
            _products("In your cart", "购物车中的商品", "event"),
            _button("Back to the cart", "回到购物车"),
        ],
    ),
    "tier_up": ReadyDesign(
        _("Higher tier"), _("When a member reaches a tier"),
        ("You are {{ member.tier }} now", "恭喜您升级为{{ member.tier }}"),
        ("New benefits are waiting for you.", "新的会员权益等您来享。"),
        [
            _heading("Congratulations!", "恭喜升级！"),
            _text(f"<p>Dear {NAME},</p><p>you have reached <strong>{{{{ member.tier }}}}</strong>. "
                  "From today you enjoy its benefits.</p>",
                  f"<p>亲爱的{NAME_ZH}：</p>"
                  "<p>恭喜您升级为<strong>{{ member.tier }}</strong>，即日起享受全部权益。</p>"),
            _POINTS,
            _button("See your benefits", "查看权益"),
        ],
    ),
    "points_expiring": ReadyDesign(
        _("Points expire soon"), _("For the care rule of expiring points"),
        ("{{ expiring.points }} points expire on {{ expiring.on }}",
         "您有 {{ expiring.points }} 积分将于{{ expiring.on }}过期"),
        ("Use them while they last.", "别让积分白白过期。"),
        [
            _heading("Your points expire soon", "积分即将过期"),
            _text(f"<p>Dear {NAME},</p><p><strong>{{{{ expiring.points }}}} points</strong> expire on "
                  "{{ expiring.on }}. Use them for a reward before that day.</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>您有<strong> {{{{ expiring.points }}}} 积分</strong>将于"
                  "{{ expiring.on }}过期，快来兑换好礼。</p>"),
            _POINTS,
            _button("Use points", "去兑换"),
        ],
    ),
    "festival": ReadyDesign(
        _("Festival"), _("Greetings and offers for a holiday"),
        ("Happy holidays from {{ shop.name }}", "{{ shop.name }}祝您节日快乐"),
        ("Gifts for everyone you like.", "为您爱的人挑一份礼物。"),
        [
            _heading("Happy holidays", "节日快乐"),
            _text(f"<p>Dear {NAME},</p><p>we wish you and your family happy holidays. These make good gifts:</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>祝您和家人节日快乐！这些很适合送礼：</p>"),
            _products("Gift ideas", "送礼推荐"),
            _coupon("Our gift to you", "节日礼券"),
        ],
    ),
    "flash_sale": ReadyDesign(
        _("Flash sale"), _("An offer of a few hours or days"),
        ("Only for a short time", "限时抢购，先到先得"),
        ("First come, first served.", "数量有限，售完即止。"),
        [
            _heading("Only for a short time ⚡", "限时抢购 ⚡"),
            _text("<p>Good prices, small numbers: first come, first served.</p>", "<p>好价有限，先到先得。</p>"),
            _products("On sale", "抢购商品", count=6),
            _button(*SHOP_NOW),
        ],
    ),
    "new_arrivals": ReadyDesign(
        _("New arrivals"), _("What is new in the shop"),
        ("New in the shop", "新品上架"),
        ("Be the first to see them.", "抢先看新品。"),
        [
            _heading("New arrivals", "新品上架"),
            _text(f"<p>Dear {NAME},</p><p>fresh from the box, and already on the shelf:</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>新品已上架，抢先看看吧：</p>"),
            _products("Just arrived", "新品推荐", "fixed"),
            _button(*SHOP_NOW),
        ],
    ),
    "member_day": ReadyDesign(
        _("Member day"), _("For the shop's monthly day of members"),
        ("It is member day", "会员日到啦"),
        ("Only today, only for members.", "仅限今天，会员专享。"),
        [
            _heading("Member day", "会员日"),
            _text(f"<p>Dear {NAME},</p><p>today is yours: show this code in the shop, or order online.</p>",
                  f"<p>亲爱的{NAME_ZH}：</p><p>今天是会员专属日：到店出示会员码，或在线下单均可享受。</p>"),
            _POINTS,
            _coupon("For members only", "会员专享券"),
            _block("member_code", title=("Your member code", "您的会员码")),
        ],
    ),
}  # fmt: skip
