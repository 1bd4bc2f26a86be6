"""Timeline sources of crm: orders, refunds, notes, activity and the domain events of every app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

import structlog
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.events import bus as events
from core.events.models import DomainEvent
from core.security.models import User
from core.text.formatting import number
from crm.activity.models import ActivityEvent, ActivityKind
from crm.customers.labels import ACTIVITY
from crm.customers.models import Channel, ConsentDecision, Customer, IdentityKind, Note, Purpose
from crm.orders.models import Order, OrderState, Product, Refund, SpendAdjustment
from crm.timeline.registry import (
    EVENTS,
    FILTERS,
    FOLDS,
    LINKS,
    SOURCES,
    Before,
    Moment,
    TimelineFilter,
    TimelineSource,
    link_events,
)
from crm.timeline.selectors.timeline import older

log = structlog.get_logger("liuke.timeline")
ACTIVITY_ICONS = {
    "view": "eye",
    "search": "search",
    "cart": "shopping-cart-plus",
    "share": "share",
    "review": "star",
    "check_in": "map-pin",
}
ORDER_TITLES: dict[str, tuple[str | Promise, str]] = {
    OrderState.PLACED: (_("Order placed"), ""),
    OrderState.PAID: (_("Order paid"), ""),
    OrderState.CANCELLED: (_("Order cancelled"), "warn"),
}
FIELD_LABELS = {field.name: field.verbose_name for field in Customer._meta.fields}


def orders(customer: Customer, before: Before | None, limit: int, _chosen: TimelineFilter | None) -> list[Moment]:
    page_orders = older(Order.objects.filter(customer=customer), before, "placed_at")[:limit]
    return [
        Moment(
            at=order.placed_at,
            id=order.pk,
            title=ORDER_TITLES[order.state][0],
            icon="shopping-cart",
            detail=_items(order),
            url=reverse("order", args=[order.pk]),
            amount=order.total,
            currency=order.currency,
            tone=ORDER_TITLES[order.state][1],
        )
        for order in page_orders
    ]


def _items(order: Order) -> str:
    # A weight such as 2.5 takes the plural; ngettext needs a whole number.
    text = ngettext("No. %(number)s · %(items)s item", "No. %(number)s · %(items)s items", ceil(order.item_count))
    return text % {"number": order.number, "items": number(order.item_count)}


def refunds(customer: Customer, before: Before | None, limit: int, _chosen: TimelineFilter | None) -> list[Moment]:
    page_refunds = older(Refund.objects.filter(customer_id=customer.pk).select_related("order"), before, "refunded_at")[
        :limit
    ]
    return [
        Moment(
            at=refund.refunded_at,
            id=refund.pk,
            title=_("Refund"),
            icon="receipt-refund",
            detail=" · ".join(filter(None, [_t("Order %(number)s") % {"number": refund.order.number}, refund.reason])),
            url=reverse("order", args=[refund.order_id]),
            amount=-refund.amount,
            currency=refund.order.currency,
            tone="warn",
        )
        for refund in page_refunds
    ]


def adjustments(customer: Customer, before: Before | None, limit: int, _chosen: TimelineFilter | None) -> list[Moment]:
    rows = SpendAdjustment.objects.filter(customer_id=customer.pk).select_related("product")
    return [
        Moment(
            at=row.occurred_at,
            id=row.pk,
            title=_("Spend adjusted"),
            icon="adjustments",
            detail=" · ".join(filter(None, [row.reference, row.product.name if row.product else row.item])),
            url="",
            amount=row.amount,
            currency=row.currency,
            tone="warn",
        )
        for row in older(rows, before, "occurred_at")[:limit]
    ]


def notes(customer: Customer, before: Before | None, limit: int, _chosen: TimelineFilter | None) -> list[Moment]:
    page_notes = older(Note.objects.filter(customer=customer).select_related("author"), before, "created_at")[:limit]
    return [
        Moment(
            at=note.created_at,
            id=note.pk,
            title=_("Note"),
            icon="note",
            detail=note.text,
            actor=str(note.author) if note.author else "",
        )
        for note in page_notes
    ]


def activity(customer: Customer, before: Before | None, limit: int, _chosen: TimelineFilter | None) -> list[Moment]:
    page_rows = list(older(ActivityEvent.objects.filter(customer_id=customer.pk), before, "occurred_at")[:limit])
    products = dict(
        Product.objects.filter(pk__in={row.product_id for row in page_rows if row.product_id}).values_list("pk", "name")
    )
    custom = {row.kind for row in page_rows} - ACTIVITY.keys()
    labels = dict(ActivityKind.objects.filter(code__in=custom).values_list("code", "label")) if custom else {}
    result = []
    for row in page_rows:
        title = ACTIVITY.get(row.kind) or labels.get(row.kind) or row.kind
        icon = ACTIVITY_ICONS.get(row.kind, "click")
        fold = f"activity.{row.kind}"
        detail = products.get(row.product_id) or row.properties.get("query") or row.properties.get("text") or ""
        result.append(
            Moment(
                at=row.occurred_at,
                id=row.id,
                title=title,
                icon=icon,
                detail=str(detail)[:200],
                fold=fold if fold in FOLDS else "",
            )
        )
    return result


def domain_events(customer: Customer, before: Before | None, limit: int, chosen: TimelineFilter | None) -> list[Moment]:
    kinds = [
        kind
        for kind, declared in events.TYPES.items()
        if declared.on_timeline and (chosen is None or kind.startswith(chosen.events))
    ]
    matching = DomainEvent.objects.filter(subject_id=customer.pk, kind__in=kinds)
    page_events = list(older(matching, before, "occurred_at")[:limit])
    people = _people(row.actor for row in page_events)
    return [
        Moment(
            at=row.occurred_at,
            id=row.pk,
            title=events.TYPES[row.kind].label,
            icon=events.TYPES[row.kind].icon,
            detail=describe(row.kind, row.payload),
            actor=people.get(row.actor, ""),
            url=_address(customer, row),
            needs=LINKS[row.kind].permission if row.kind in LINKS else None,
            fold=row.kind if row.kind in FOLDS else "",
        )
        for row in page_events
    ]


def _address(customer: Customer, event: DomainEvent) -> str:
    """Return the page of the object that the event is about; nothing when an old payload does not name it."""
    known = LINKS.get(event.kind)
    if known is None:
        return ""
    try:
        return known.build(customer, event.payload)
    except (KeyError, TypeError, ValueError, NoReverseMatch):
        return ""


def describe(kind: str, payload: Mapping[str, Any]) -> str:
    """Describe a payload in one sentence in the viewer's language.

    Return nothing when an old payload no longer fits.
    """
    declared = events.TYPES[kind].describe
    explain = DESCRIPTIONS.get(kind, declared)
    if explain is None:
        return ""
    try:
        return explain(payload)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log.warning("event_not_described", kind=kind, error=str(error)[:200])
        return ""


def _people(actors: Iterable[str]) -> dict[str, str]:
    """Return names for the actors of events: staff by name, the storefront and the customer by their role."""
    unique = set(actors)
    ids = {
        int(pk) for kind, _colon, pk in (actor.partition(":") for actor in unique) if kind == "user" and pk.isdigit()
    }
    staff = {f"user:{user.pk}": str(user) for user in User.objects.filter(pk__in=ids)} if ids else {}
    others = {"key": _t("Storefront"), "member": _t("Customer")}
    return {actor: staff.get(actor) or others.get(actor.partition(":")[0], "") for actor in unique}


def _label(choices: Any, value: Any) -> str:
    return str(dict(choices).get(value, value))


def _fields(payload: Mapping[str, Any]) -> str:
    return _t(", ").join(str(FIELD_LABELS.get(name, name)) for name in payload.get("fields", []))


def _tags(payload: Mapping[str, Any]) -> str:
    added, removed = payload.get("added"), payload.get("removed")
    parts = [_t("added “%(tag)s”") % {"tag": added}] if added else []
    parts += [_t("removed “%(tag)s”") % {"tag": removed}] if removed else []
    return _t(", ").join(parts)


def _consent(payload: Mapping[str, Any]) -> str:
    channel, purpose = _label(Channel.choices, payload["channel"]), _label(Purpose.choices, payload["purpose"])
    return f"{channel} · {purpose} · {_label(ConsentDecision.choices, payload['decision'])}"


def _identity(payload: Mapping[str, Any]) -> str:
    return _label(IdentityKind.choices, payload["kind"])


DESCRIPTIONS = {
    "crm.customer_updated": _fields,
    "crm.tags_changed": _tags,
    "crm.consent_changed": _consent,
    "crm.identity_added": _identity,
    "crm.identity_moved": _identity,
    "crm.identity_verified": _identity,
    "crm.identity_removed": _identity,
    "crm.identity_unmasked": _identity,
    "crm.duplicate_suspected": lambda payload: _t("with customer %(number)s") % {"number": payload["number"]},
    "crm.duplicate_dismissed": lambda payload: _t("of customer %(number)s") % {"number": payload["number"]},
}
SOURCES.register("orders", TimelineSource(orders, "crm.view_order"))
SOURCES.register("refunds", TimelineSource(refunds, "crm.view_order"))
SOURCES.register("adjustments", TimelineSource(adjustments, "crm.view_order"))
SOURCES.register("notes", TimelineSource(notes, "crm.view_note"))
SOURCES.register("activity", TimelineSource(activity, "crm.view_customer", noisy=True))
SOURCES.register(EVENTS, TimelineSource(domain_events, noisy=True))
link_events(
    "crm.ticket_opened",
    "crm.ticket_replied",
    "crm.ticket_reopened",
    "crm.ticket_resolved",
    "crm.ticket_rated",
    build=lambda _customer, payload: reverse("ticket", args=[payload["number"]]),
    permission="crm.view_ticket",
)
link_events(
    "crm.duplicate_suspected",
    "crm.duplicate_dismissed",
    build=lambda _customer, payload: reverse("customer", args=[payload["number"]]),
    permission="crm.view_customer",
)


def _times(count: int, texts: str) -> str:
    return texts % {"count": number(count)}


FOLDS.register(
    "activity.view", lambda count: _times(count, ngettext("%(count)s page viewed", "%(count)s pages viewed", count))
)
FOLDS.register(
    "activity.search",
    lambda count: _times(count, ngettext("Searched %(count)s time", "Searched %(count)s times", count)),
)
FOLDS.register(
    "activity.cart",
    lambda count: _times(
        count, ngettext("%(count)s product put in the cart", "%(count)s products put in the cart", count)
    ),
)
FOLDS.register(
    "crm.identity_unmasked",
    lambda count: _times(
        count, ngettext("Contact details shown %(count)s time", "Contact details shown %(count)s times", count)
    ),
)
FILTERS.register("orders", TimelineFilter(_("Orders"), sources=("orders", "refunds")))
FILTERS.register("service", TimelineFilter(_("Service"), sources=("notes",), events=("crm.ticket_",)))
FILTERS.register("activity", TimelineFilter(_("Activity"), sources=("activity",)))
FILTERS.register(
    "profile",
    TimelineFilter(
        _("Profile"), events=("crm.customer_", "crm.identity_", "crm.consent_", "crm.tags_", "crm.duplicate_")
    ),
)
