"""Add campaigns to the shell: pages, search, figures on the home page, a tab of the timeline."""

from __future__ import annotations

from django.core.cache import cache
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
from campaigns.messages.selectors import messages as queries
from campaigns.templates.models import Template
from core.console import home, navigation, palette
from core.console.home import Card
from core.console.palette import SearchResult
from core.text.formatting import ago, money, number
from crm.timeline import registry as timeline

CACHED_SECONDS = 300
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


@home.card("message_trouble", place="needs", permission="campaigns.change_message", order=15)
def message_trouble(_request: HttpRequest) -> Card | None:
    trouble = cache.get_or_set("campaigns.trouble", queries.trouble, 60)
    if trouble is None or not (trouble.failed or trouble.uncertain):
        return None
    parts = []
    if trouble.uncertain:
        parts.append(_t("%(count)s uncertain") % {"count": number(trouble.uncertain)})
    parts.append(_t("oldest %(time)s") % {"time": ago(trouble.oldest)})
    return Card(
        _("Failed or uncertain messages"),
        number(trouble.failed + trouble.uncertain),
        url=f"{reverse('messages')}?state={queries.TROUBLE}&days=30",
        detail=" · ".join(parts),
        tone="bad" if trouble.failed else "warn",
    )


@home.card("messages_sent", place="changed", permission="campaigns.view_message", order=60)
def messages_sent(_request: HttpRequest) -> Card | None:
    sent, not_sent = cache.get_or_set("campaigns.made-lately", queries.made_lately, CACHED_SECONDS) or (0, 0)
    if not sent and not not_sent:
        return None
    return Card(
        _("Messages sent in 7 days"),
        number(sent),
        url=f"{reverse('messages')}?state=sent&days=7",
        detail=_t("%(count)s not sent because of rules or consent") % {"count": number(not_sent)},
    )


@home.card("coupons_redeemed", place="changed", permission="campaigns.view_couponuse", order=70)
def coupons_redeemed(_request: HttpRequest) -> Card | None:
    totals = cache.get_or_set("campaigns.redeemed-lately", coupons_selectors.redeemed_lately, CACHED_SECONDS)
    if not totals:
        return None
    uses = sum(count for _currency, count, _given in totals)
    amounts = " · ".join(money(amount, currency) for currency, _count, amount in totals)
    text = ngettext("%(amount)s of discount", "%(amount)s of discount", uses)
    return Card(
        _("Coupons redeemed in 7 days"), number(uses), url=reverse("coupons"), detail=text % {"amount": amounts}
    )  # fmt: skip
