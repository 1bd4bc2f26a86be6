"""Define starter templates and rules, in Chinese and English.

Rules are drafts: nothing is sent until they are activated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from django.db import transaction

from analytics.segments.models import Segment
from campaigns.care.models import CareRule, CareTrigger
from campaigns.care.services.care import activate_care_rule, create_care_rule
from campaigns.channels.registry import CHANNELS
from campaigns.coupons.models import CodeMode, Coupon, DiscountKind
from campaigns.coupons.services.coupons import create_coupon
from campaigns.templates.models import Template
from campaigns.templates.services.presets import REPLY, SURVEY, reply_template, survey_template
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.db.locks import lock_name
from core.text.currencies import exponent
from crm.customers.models import Store

_FOOT_EN = (
    '<p style="color:#666;font-size:12px"><a href="{{ links.unsubscribe }}">Unsubscribe</a> · {{ shop.name }}</p>'
)
_FOOT_ZH = '<p style="color:#666;font-size:12px"><a href="{{ links.unsubscribe }}">退订</a> · {{ shop.name }}</p>'
_COUPON_EN = """{% if coupon.code %}<p>Your code, worth {{ coupon.value }}\
{% if coupon.minimum_spend != "" %} from {{ coupon.minimum_spend }}{% endif %}:
<strong>{{ coupon.code }}</strong>\
{% if coupon.expires != "" %}, good until {{ coupon.expires }}{% endif %}.</p>{% endif %}"""
_COUPON_ZH = """{% if coupon.code %}<p>您的专属券码（{{ coupon.value }}\
{% if coupon.minimum_spend != "" %}，满 {{ coupon.minimum_spend }} 可用{% endif %}）：
<strong>{{ coupon.code }}</strong>\
{% if coupon.expires != "" %}，有效期至 {{ coupon.expires }}{% endif %}。</p>{% endif %}"""


@dataclass(frozen=True)
class CarePreset:
    """A care rule that a shop can add with one click, with texts in English and Chinese."""

    code: str
    name: str
    name_zh: str
    trigger: str
    subject_en: str
    body_en: str
    subject_zh: str
    body_zh: str
    days: int = 0
    send_at: time | None = time(10, 0)
    channel: str = "email"
    coupon: tuple[str, int, int] | None = None
    holdout_percent: int = 0


PRESETS = (
    CarePreset(
        "birthday", "Birthday wishes with a coupon", "生日祝福与优惠券", CareTrigger.BIRTHDAY,
        "Happy birthday, {{ customer.first_name | default: 'friend' }}!",
        "<p>Dear {{ customer.first_name | default: 'friend' }},</p>"
        "<p>all of us at {{ shop.name }} wish you a happy birthday.</p>"
        + _COUPON_EN + _FOOT_EN,
        "{{ customer.name | default: '亲爱的顾客' }}，生日快乐！",
        "<p>亲爱的{{ customer.name | default: '顾客' }}：</p>"
        "<p>{{ shop.name }}全体伙伴祝您生日快乐。</p>" + _COUPON_ZH + _FOOT_ZH,
        send_at=time(9, 30), coupon=(DiscountKind.AMOUNT, 20, 30),
    ),
    CarePreset(
        "thanks", "Thank you and a request for a review", "购后感谢与评价邀请", CareTrigger.AFTER_PURCHASE,
        "How do you like your order {{ order.number }}?",
        "<p>Dear {{ customer.first_name | default: 'customer' }},</p>"
        "<p>thank you for your order {{ order.number }}:</p>"
        "<ul>{% for item in order.items limit: 5 %}<li>{{ item.name }}</li>{% endfor %}</ul>"
        "<p>Would you tell others how you like it? A review takes a minute and helps a lot.</p>" + _FOOT_EN,
        "订单 {{ order.number }} 用得怎么样？",
        "<p>亲爱的{{ customer.name | default: '顾客' }}：</p><p>感谢您的订单 {{ order.number }}：</p>"
        "<ul>{% for item in order.items limit: 5 %}<li>{{ item.name }}</li>{% endfor %}</ul>"
        "<p>欢迎写下您的使用感受，一分钟就好，对其他顾客很有帮助。</p>" + _FOOT_ZH,
        days=7,
    ),
    CarePreset(
        "winback", "We miss you, with a coupon", "沉睡客户召回", CareTrigger.NO_ORDER,
        "We have missed you, {{ customer.first_name | default: 'friend' }}",
        "<p>Dear {{ customer.first_name | default: 'customer' }},</p><p>it has been a while since your last order. "
        "{% if member.points > 0 %}You still have {{ member.points }} points.{% endif %}</p>" + _COUPON_EN + _FOOT_EN,
        "{{ customer.name | default: '亲爱的顾客' }}，好久不见",
        "<p>亲爱的{{ customer.name | default: '顾客' }}：</p><p>距离您上次光临已有一段时间。"
        "{% if member.points > 0 %}您还有 {{ member.points }} 积分可用。{% endif %}</p>" + _COUPON_ZH + _FOOT_ZH,
        days=90, coupon=(DiscountKind.PERCENT, 10, 14), holdout_percent=10,
    ),
    CarePreset(
        "welcome", "Welcome to a segment", "进入分群欢迎", CareTrigger.SEGMENT_ENTERED,
        "Welcome, {{ customer.first_name | default: 'friend' }}",
        "Dear {{ customer.first_name | default: 'customer' }}, you now belong to “{{ segment.name }}” "
        "at {{ shop.name }}. {% if member.tier != '' %}Your tier is {{ member.tier }}.{% endif %}",
        "欢迎您，{{ customer.name | default: '亲爱的顾客' }}",
        "亲爱的{{ customer.name | default: '顾客' }}，您已成为{{ shop.name }}的“{{ segment.name }}”。"
        "{% if member.tier != '' %}您当前的等级是{{ member.tier }}。{% endif %}",
        send_at=None, channel="inbox",
    ),
    CarePreset(
        "expiring", "Points about to expire", "积分即将过期提醒", CareTrigger.POINTS_EXPIRING,
        "{{ expiring.points }} of your points expire on {{ expiring.on }}",
        "<p>Dear {{ customer.first_name | default: 'customer' }},</p>"
        "<p>{{ expiring.points }} of your {{ member.points }} points "
        "can be spent until {{ expiring.on }}. <a href=\"{{ shop.url }}\">Use them at {{ shop.name }}</a>.</p>"
        + _FOOT_EN,
        "您有 {{ expiring.points }} 积分将于 {{ expiring.on }} 过期",
        "<p>亲爱的{{ customer.name | default: '顾客' }}：</p>"
        "<p>您的 {{ member.points }} 积分中有 {{ expiring.points }} 积分将于 "
        "{{ expiring.on }} 过期，<a href=\"{{ shop.url }}\">快来{{ shop.name }}使用吧</a>。</p>" + _FOOT_ZH,
        days=14,
    ),
)  # fmt: skip


def ensure_presets(
    store: Store, *, active: tuple[str, ...] = (), segment: Segment | None = None
) -> dict[str, CareRule]:
    """Create missing presets, by name in the store's language. Rules are drafts unless listed in `active`.

    The welcome rule needs a segment and is left out without one. Return the rules by code.
    """
    rules = {}
    with transaction.atomic():
        lock_name("campaigns.presets")
        for preset in PRESETS:
            if preset.trigger == CareTrigger.SEGMENT_ENTERED and segment is None:
                continue
            name = preset.name_zh if store.language.startswith("zh") else preset.name
            rule = CareRule.objects.filter(name=name).first()
            if rule is None:
                rule = create_care_rule(
                    name=name,
                    trigger=preset.trigger,
                    template=_template(name, preset),
                    actor=SYSTEM,
                    days=preset.days,
                    segment=segment if preset.trigger == CareTrigger.SEGMENT_ENTERED else None,
                    coupon=_coupon(name, preset, store),
                    send_at=preset.send_at,
                    holdout_percent=preset.holdout_percent,
                )
            if preset.code in active:
                rule = activate_care_rule(rule=rule, actor=SYSTEM)
            rules[preset.code] = rule
        for channel in SURVEY:
            if CHANNELS[channel].ready():
                survey_template(channel)
        for channel in REPLY:
            reply_template(channel)
    return rules


def _template(name: str, preset: CarePreset) -> Template:
    template = Template.objects.filter(name=name).first()
    return template or save_template(
        name=name,
        channel=preset.channel,
        texts=[
            Text("en", preset.body_en, preset.subject_en),
            Text("zh-hans", preset.body_zh, preset.subject_zh),
        ],
        actor=SYSTEM,
    )


def _coupon(name: str, preset: CarePreset, store: Store) -> Coupon | None:
    if preset.coupon is None:
        return None
    kind, value, valid_days = preset.coupon
    coupon = Coupon.objects.filter(name=name, mode=CodeMode.UNIQUE).first()
    return coupon or create_coupon(
        name=name,
        kind=kind,
        value=value if kind == DiscountKind.PERCENT else value * 10 ** exponent(store.currency),
        currency=store.currency,
        valid_days=valid_days,
        limit_per_customer=None,
        actor=SYSTEM,
    )
