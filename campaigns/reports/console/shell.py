"""Add campaigns to the shell: pages, search, figures on the home page, a tab of the timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.broadcasts import labels as broadcasts_labels
from campaigns.broadcasts.models import Broadcast
from campaigns.care import labels as words
from campaigns.care.models import CareRule
from campaigns.coupons import selectors as coupons_selectors
from campaigns.coupons.models import Coupon, CouponCode
from campaigns.coupons.rules import codes
from campaigns.journeys.models import Journey, JourneyState
from campaigns.messages.selectors import deliverability
from campaigns.messages.selectors import messages as queries
from campaigns.templates.models import Template
from core.console import home, kept, navigation, palette
from core.console.home import Card
from core.console.palette import SearchResult
from core.text.formatting import ago, money, number
from crm.timeline import registry as timeline

for _name, _label, _icon, _permission, _order in (
    ("broadcasts", _("Broadcasts"), "speakerphone", "campaigns.view_broadcast", 16),
    ("calendar", _("Calendar"), "calendar-event", "campaigns.view_broadcast", 18),
    ("care", _("Care rules"), "heart", "campaigns.view_carerule", 20),
    ("experiments", _("Experiments"), "flask", "campaigns.view_experiment", 25),
    ("journeys", _("Journeys"), "route", "campaigns.view_journey", 15),
    ("coupons", _("Coupons"), "ticket", "campaigns.view_coupon", 30),
    ("templates", _("Templates"), "template", "campaigns.view_template", 40),
    ("messages", _("Messages"), "send", "campaigns.view_message", 50),
    ("sending", _("Sending limits"), "clock-pause", "campaigns.view_sendingpolicy", 60),
    ("channels", _("Channels"), "plug", "campaigns.view_channelaccount", 70),
    ("campaign_compare", _("Compare campaigns"), "chart-bar", "campaigns.view_broadcast", 28),
    ("deliverability", _("Deliverability"), "ribbon-health", "campaigns.view_domainday", 52),
    ("suppressions", _("Suppression list"), "mail-off", "campaigns.view_suppression", 54),
):
    navigation.register(
        _name, _label, url=_name, icon=_icon, permission=_permission, section="marketing", order=_order
    )  # fmt: skip
for _order, (_name, _label, _permission) in enumerate((
    ("broadcast_new", _("New broadcast"), "campaigns.add_broadcast"),
    ("journey_new", _("New journey"), "campaigns.add_journey"),
    ("coupon_new", _("New coupon"), "campaigns.add_coupon"),
    ("care_new", _("New care rule"), "campaigns.add_carerule"),
    ("experiment_new", _("New experiment"), "campaigns.add_experiment"),
    ("design_choose", _("New e-mail"), "campaigns.add_template"),
    ("template_new", _("New template"), "campaigns.add_template"),
)):  # fmt: skip
    palette.action(_name, _label, url=_name, permission=_permission, order=20 + _order)
timeline.FILTERS.register(
    "campaigns", timeline.TimelineFilter(_("Messages and coupons"), sources=("journeys",), events=("campaigns.",))
)


@palette.source("care", label=_("Care rules"), permission="campaigns.view_carerule")
def find_rules(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    return [
        SearchResult(rule.name, reverse("care_rule", args=[rule.pk]), "heart", str(words.RULE_STATES[rule.state]))
        for rule in CareRule.objects.filter(name__icontains=query)[:limit]
    ]


@palette.source("broadcasts", label=_("Broadcasts"), permission="campaigns.view_broadcast")
def find_broadcasts(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    return [
        SearchResult(
            row.name,
            reverse("broadcast", args=[row.pk]),
            "speakerphone",
            str(broadcasts_labels.BROADCAST_STATES[row.state]),
        )
        for row in Broadcast.objects.filter(name__icontains=query).order_by("-created_at")[:limit]
    ]


@palette.source("journeys", label=_("Journeys"), permission="campaigns.view_journey")
def find_journeys(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    return [
        SearchResult(
            journey.name, reverse("journey", args=[journey.pk]), "route", str(JourneyState(journey.state).label)
        )
        for journey in Journey.objects.filter(name__icontains=query)[:limit]
    ]


@palette.source("templates", label=_("Templates"), permission="campaigns.view_template")
def find_templates(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    return [
        SearchResult(template.name, reverse("template", args=[template.pk]), "template")
        for template in Template.objects.filter(name__icontains=query)[:limit]
    ]


@palette.source("coupons", label=_("Coupons"), permission="campaigns.view_coupon")
def find_coupons(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    """Find coupons by name, and by a code as shown to the customer."""
    results = [
        SearchResult(coupon.name, reverse("coupon", args=[coupon.pk]), "ticket")
        for coupon in Coupon.objects.filter(name__icontains=query).order_by("-created_at")[:limit]
    ]
    normal = codes.normalise(query)
    if len(normal) >= 4 and (code := CouponCode.objects.filter(code=normal).select_related("coupon").first()):
        shown = codes.shown(code.code)
        results.insert(0, SearchResult(shown, f"{reverse('coupons')}?code={shown}", "ticket", code.coupon.name))
    return results[:limit]


LATELY = "campaigns.lately"
KEPT_DAYS = 7


@kept.figure(LATELY)
def lately() -> dict[str, Any]:
    """Count the messages and coupons of the last days, and the trouble with them."""
    trouble = queries.trouble()
    sent, not_sent = queries.made_lately(KEPT_DAYS)
    bounced = [row for row in deliverability.by_domain(KEPT_DAYS) if row.domain and row.bounces_much]
    return {
        "failed": trouble.failed,
        "uncertain": trouble.uncertain,
        "oldest": trouble.oldest.isoformat() if trouble.oldest else None,
        "held": queries.held_count(),
        "sent": sent,
        "not_sent": not_sent,
        "domains": [row.domain for row in bounced],
        "coupons": coupons_selectors.redeemed_lately(KEPT_DAYS),
    }


@home.card("message_trouble", place="needs", permission="campaigns.change_message", order=15)
def message_trouble(request: HttpRequest) -> Card | None:
    row = kept.of(request).get(LATELY)
    if row is None or not (row["failed"] or row["uncertain"]):
        return None
    parts = []
    if row["uncertain"]:
        parts.append(_t("%(count)s uncertain") % {"count": number(row["uncertain"])})
    parts.append(_t("oldest %(time)s") % {"time": ago(datetime.fromisoformat(row["oldest"]))})
    return Card(
        _("Failed or uncertain messages"),
        number(row["failed"] + row["uncertain"]),
        url=f"{reverse('messages')}?state={queries.TROUBLE}&days=30",
        detail=" · ".join(parts),
        tone="bad" if row["failed"] else "warn",
    )


@home.card("messages_held", place="needs", permission="campaigns.change_message", order=16)
def messages_held(request: HttpRequest) -> Card | None:
    """Show the messages that the gate holds, for example until quiet hours are over."""
    row = kept.of(request).get(LATELY)
    if row is None or not row["held"]:
        return None
    return Card(
        _("Held messages"),
        number(row["held"]),
        url=f"{reverse('messages')}?state=held&days=all",
        detail=_("by quiet hours, limits or a pause"),
    )


@home.card("bouncing_domains", place="needs", permission="campaigns.view_domainday", order=17)
def bouncing_domains(request: HttpRequest) -> Card | None:
    row = kept.of(request).get(LATELY)
    if row is None or not row["domains"]:
        return None
    return Card(
        _("Domains that refuse mail"),
        number(len(row["domains"])),
        url=f"{reverse('deliverability')}?days={KEPT_DAYS}&refusing=yes",
        detail=_t(", ").join(row["domains"][:3]),
        tone="warn",
    )


@home.card("messages_sent", place="changed", permission="campaigns.view_message", order=60)
def messages_sent(request: HttpRequest) -> Card | None:
    row = kept.of(request).get(LATELY)
    if row is None or not (row["sent"] or row["not_sent"]):
        return None
    return Card(
        _("Messages sent in 7 days"),
        number(row["sent"]),
        url=f"{reverse('messages')}?state=sent&days=7",
        detail=_t("%(count)s not sent because of rules or consent") % {"count": number(row["not_sent"])},
    )


@home.card("coupons_redeemed", place="changed", permission="campaigns.view_couponuse", order=70)
def coupons_redeemed(request: HttpRequest) -> Card | None:
    row = kept.of(request).get(LATELY)
    if row is None or not row["coupons"]:
        return None
    uses = sum(count for _currency, count, _given in row["coupons"])
    amounts = " · ".join(money(amount, currency) for currency, _count, amount in row["coupons"])
    text = ngettext("%(amount)s of discount", "%(amount)s of discount", uses)
    return Card(
        _("Coupons redeemed in 7 days"),
        number(uses),
        url=f"{reverse('coupon_uses')}?days={KEPT_DAYS}",
        detail=text % {"amount": amounts},
    )
