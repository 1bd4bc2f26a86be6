"""Registrations of loyalty in the console shell.

They are its pages, figures on the home page, and a filter and a column of the customer list.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.console import home, kept, navigation, palette, settings_cards
from core.console.home import Card
from core.lists.declaration import Filter
from core.text.formatting import ago, number
from crm.customers.models import Customer
from crm.orders.console.listing import FILTERS as ORDER_FILTERS
from crm.orders.models import Order
from crm.profiles.console import listing
from loyalty.ledger.models import AdjustmentRequest, RequestState
from loyalty.ledger.selectors import figures
from loyalty.members.selectors import PERIOD_DAYS, buyers, orders_of_members
from loyalty.program.models import Member, Program
from loyalty.tiers.models import Tier
from loyalty.tiers.selectors import figures as tiers_figures

WEEK = "loyalty.week"
navigation.register(
    "loyalty",
    _("Points and tiers"),
    url="loyalty",
    icon="award",
    permission="loyalty.view_loyalty",
    section="loyalty",
    order=10,
)
navigation.register(
    "members",
    _("Members"),
    url="loyalty_members",
    icon="id-badge",
    permission="loyalty.view_member",
    section="loyalty",
    order=20,
)
navigation.register(
    "approvals",
    _("Approvals"),
    url="loyalty_approvals",
    icon="checks",
    permission="loyalty.approve_adjustment",
    section="loyalty",
    order=60,
    count=lambda _user: waiting_count(),
)
navigation.register(
    "giving_limits",
    _("Giving limits"),
    url="giving_limits",
    icon="shield",
    permission="loyalty.change_givinglimit",
    section="settings",
    order=20,
)
for _order, (_name, _label, _permission) in enumerate((
    ("earning_new", _("New earning rule"), "loyalty.add_earningrule"),
    ("reward_new", _("New reward"), "loyalty.add_reward"),
    ("task_new", _("New task"), "loyalty.add_task"),
    ("badge_new", _("New badge"), "loyalty.add_badge"),
)):  # fmt: skip
    palette.action(_name, _label, url=_name, permission=_permission, order=50 + _order)
settings_cards.register(
    "giving_limits",
    _("Giving limits"),
    _("How much each role may give by hand"),
    url="giving_limits",
    icon="shield",
    permission="loyalty.change_givinglimit",
    group="loyalty",
    order=60,
    palette=False,
)


def waiting_count() -> int:
    return AdjustmentRequest.objects.filter(state=RequestState.WAITING).count()


@home.card("approvals", place="needs", permission="loyalty.approve_adjustment", order=35)
def approvals(_request: HttpRequest) -> Card | None:
    count = waiting_count()
    if not count:
        return None
    return Card(_("Adjustments to approve"), number(count), url=reverse("loyalty_approvals"), tone="warn")


@home.card("ledger", place="needs", permission="loyalty.view_loyalty", order=40)
def ledger(_request: HttpRequest) -> Card | None:
    """Show a card only when the last reconciliation found differences."""
    last = figures.last_reconciliation()
    if last is None or not last.difference_count:
        return None
    return Card(
        _("Points accounts that differ"),
        number(last.difference_count),
        url=reverse("loyalty"),
        detail=_t("found %(time)s") % {"time": ago(last.ran_at)},
        tone="bad",
    )


@kept.figure(WEEK)
def week() -> dict[str, int]:
    """Count the moves of members between tiers, and the points of the last 7 days."""
    moves = tiers_figures.tier_moves()
    program = Program.objects.default()
    flow = figures.flow(program, 7) if program else None
    return {
        "up": moves.up,
        "down": moves.down,
        "earned": flow.earned if flow else 0,
        "spent": flow.spent if flow else 0,
        "expired": flow.expired if flow else 0,
    }


@home.card("tier_moves", place="changed", permission="loyalty.view_loyalty", order=20)
def tier_moves(request: HttpRequest) -> Card | None:
    moves = kept.of(request).get(WEEK)
    if not moves or not (moves["up"] or moves["down"]):
        return None
    return Card(
        _("Members up a tier in 7 days"),
        number(moves["up"]),
        url=f"{reverse('customers')}?tier_moved=up",
        detail=_t("%(count)s down") % {"count": number(moves["down"])},
    )


@home.card("points", place="changed", permission="loyalty.view_loyalty", order=30)
def points(request: HttpRequest) -> Card | None:
    flow = kept.of(request).get(WEEK)
    if not flow or not (flow["earned"] or flow["spent"] or flow["expired"]):
        return None
    return Card(
        _("Points earned in 7 days"),
        number(flow["earned"]),
        url=f"{reverse('customers')}?earned=7",
        detail=_t("%(spent)s redeemed, %(expired)s expired")
        % {"spent": number(flow["spent"]), "expired": number(flow["expired"])},
    )


@home.card("ledger_proved", place="numbers", permission="loyalty.view_loyalty", order=30)
def ledger_proved(_request: HttpRequest) -> Card | None:
    last = figures.last_reconciliation()
    if last is None or last.difference_count:
        return None
    return Card(
        _("Points ledger"),
        _t("agrees"),
        url=reverse("loyalty"),
        detail=_t("%(count)s accounts proved %(time)s")
        % {"count": number(last.account_count), "time": ago(last.ran_at)},
        tone="good",
    )


def _tiers(_request: HttpRequest) -> list[tuple[str, str]]:
    rows = Tier.objects.filter(program__is_default=True).order_by("-rank")
    return [*((tier.code, tier.label) for tier in rows), ("none", _t("No tier")), ("no", _t("Not a member"))]


def _in_tier(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    members = Member.objects.active().filter(customer=OuterRef("pk"), program__is_default=True)
    if value == "no":
        return customers.exclude(Exists(members))
    if value == "none":
        return customers.filter(Exists(members.filter(tier=None)))
    return customers.filter(Exists(members.filter(tier__code=value)))


def _tier_names(customers: Sequence[Customer]) -> dict[int, str]:
    rows = Member.objects.active().filter(customer__in=customers, program__is_default=True).select_related("tier")
    return {member.customer_id: member.tier.label if member.tier else _t("Member") for member in rows}


def _purchases(_request: HttpRequest) -> list[tuple[str, str]]:
    days = {"days": PERIOD_DAYS}
    return [
        ("once", _t("Members who bought in the last %(days)s days") % days),
        ("again", _t("Members who bought again in the last %(days)s days") % days),
    ]


def _who_bought(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    program = Program.objects.default()
    if program is None or value not in {"once", "again"}:
        return customers
    return customers.filter(pk__in=buyers(program, repeat=value == "again"))


def _orders_of_members(_request: HttpRequest, orders: QuerySet[Order], value: str) -> QuerySet[Order]:
    program = Program.objects.default()
    return orders_of_members(orders, program) if program is not None and value == "bought" else orders


def _directions(_request: HttpRequest) -> list[tuple[str, str]]:
    return [("up", _t("Up a tier in 7 days")), ("down", _t("Down a tier in 7 days"))]


def _moved(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    if value not in {"up", "down"}:
        return customers
    changes = tiers_figures.tier_changes().filter(subject_id=OuterRef("pk"), payload__up=value == "up")
    return customers.filter(Exists(changes))


def _earners(_request: HttpRequest) -> list[tuple[str, str]]:
    return [("7", _t("Earned points in the last %(days)s days") % {"days": 7})]


def _who_earned(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    program = Program.objects.default()
    return customers.filter(Exists(figures.earnings(program, 7))) if program and value == "7" else customers


ORDER_FILTERS.register(
    "members",
    Filter(
        "members",
        _("Members"),
        lambda _request: [("bought", _t("Bought by members in the last %(days)s days") % {"days": PERIOD_DAYS})],
        _orders_of_members,
        "loyalty.view_loyalty",
        quiet=True,
    ),
)
listing.FILTERS.register(
    "bought_as_member",
    listing.CustomerFilter(_("Purchases of members"), _purchases, _who_bought, "loyalty.view_loyalty", quiet=True),
)
listing.FILTERS.register(
    "tier_moved", listing.CustomerFilter(_("Tier change"), _directions, _moved, "loyalty.view_loyalty", quiet=True)
)
listing.FILTERS.register(
    "earned", listing.CustomerFilter(_("Points"), _earners, _who_earned, "loyalty.view_loyalty", quiet=True)
)
listing.FILTERS.register("tier", listing.CustomerFilter(_("Tier"), _tiers, _in_tier, "loyalty.view_member"))
listing.COLUMNS.register("tier", listing.CustomerColumn(_("Tier"), _tier_names, "loyalty.view_member"))
