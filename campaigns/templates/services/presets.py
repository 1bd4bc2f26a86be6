"""Ready-made templates of templates."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from campaigns.templates.models import MessageClass, Template
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.db.locks import lock_name

SURVEY = {
    "email": (
        Text(
            "en",
            "<p>Dear {{ customer.first_name | default: 'customer' }},</p>"
            "<p>we have resolved your request {{ ticket.number }} "
            '(“{{ ticket.subject }}”). How did we do?</p><p><a href="{{ links.rating }}">Answer with one click</a></p>',
            "How did we do? ({{ ticket.number }})",
        ),
        Text(
            "zh-hans",
            "<p>亲爱的{{ customer.name | default: '顾客' }}：</p>"
            "<p>您的工单 {{ ticket.number }}（“{{ ticket.subject }}”）已解决。"
            '您对这次服务满意吗？</p><p><a href="{{ links.rating }}">一键评价</a></p>',
            "请为我们的服务打分（{{ ticket.number }}）",
        ),
    ),
    "sms": (
        Text(
            "en",
            "{{ shop.name }}: we have resolved your request {{ ticket.number }}. How did we do? {{ links.rating }}",
        ),
        Text("zh-hans", "{{ shop.name }}：您的工单 {{ ticket.number }} 已解决，请为我们的服务打分：{{ links.rating }}"),
    ),
    "inbox": (
        Text(
            "en",
            "We have resolved your request {{ ticket.number }}. How did we do? {{ links.rating }}",
            "How did we do?",
        ),
        Text(
            "zh-hans",
            "您的工单 {{ ticket.number }} 已解决，请为我们的服务打分：{{ links.rating }}",
            "请为我们的服务打分",
        ),
    ),
}
_REPLY_EN = "Re: {{ ticket.subject }} ({{ ticket.number }})"
_REPLY_ZH = "回复：{{ ticket.subject }}（{{ ticket.number }}）"
_REPLY_TEXT = (
    Text("en", "{{ ticket.reply }}\n\n{{ shop.name }} · {{ ticket.number }}", _REPLY_EN),
    Text("zh-hans", "{{ ticket.reply }}\n\n{{ shop.name }} · 工单 {{ ticket.number }}", _REPLY_ZH),
)
REPLY = {
    "email": (
        Text(
            "en",
            "<p>Dear {{ customer.first_name | default: 'customer' }},</p><p>{{ ticket.reply | newline_to_br }}</p>"
            '<p style="color:#666;font-size:12px">{{ shop.name }} · your request {{ ticket.number }}</p>',
            _REPLY_EN,
        ),
        Text(
            "zh-hans",
            "<p>{{ customer.name | default: '尊敬的顾客' }}，您好：</p><p>{{ ticket.reply | newline_to_br }}</p>"
            '<p style="color:#666;font-size:12px">{{ shop.name }} · 工单 {{ ticket.number }}</p>',
            _REPLY_ZH,
        ),
    ),
    "sms": (
        Text("en", "{{ ticket.reply }} ({{ shop.name }} {{ ticket.number }})"),
        Text("zh-hans", "{{ ticket.reply }}（{{ shop.name }} 工单 {{ ticket.number }}）"),
    ),
    "wechat": _REPLY_TEXT,
    "inbox": _REPLY_TEXT,
}


def survey_template(channel: str) -> Template:
    """Return the template of the satisfaction question, created on first use; the shop may change its texts."""
    return _own_template(f"Satisfaction question ({channel})", channel, SURVEY[channel])


def reply_template(channel: str) -> Template:
    """Return the template around a ticket reply, created on first use; the shop may change its texts."""
    texts = REPLY.get(channel, _REPLY_TEXT)
    return _own_template(f"Ticket reply ({channel})", channel, texts)


def _own_template(name: str, channel: str, texts: Sequence[Text]) -> Template:
    template = Template.objects.filter(name=name).first()
    if template:
        return template
    with transaction.atomic():
        lock_name("campaigns.template", name)
        return Template.objects.filter(name=name).first() or save_template(
            name=name, channel=channel, texts=list(texts), message_class=MessageClass.TRANSACTIONAL, actor=SYSTEM
        )
