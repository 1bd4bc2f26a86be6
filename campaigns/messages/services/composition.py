"""Compose a batch of messages: each customer's text, address, links and coupon, from a few queries for the batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection
from django.utils import translation

from campaigns.channels.registry import CHANNELS, Outgoing
from campaigns.messages.services import coupons as message_coupons
from campaigns.messages.services import gate, tracking
from campaigns.templates.models import MessageClass, Template
from campaigns.templates.services import contexts, products, templates
from campaigns.templates.services.templates import RenderFailed, Text
from campaigns.templates.services.uses import CODE
from core.base import zones
from core.security import crypto

log = structlog.get_logger("liuke.messages")


class Written(NamedTuple):
    """Hold the outcome of one message: `state` is `sending`, `sent` on a local channel, or `failed` with the error."""

    id: UUID
    state: str
    language: str = ""
    subject: str = ""
    body: str = ""
    error: str = ""


@dataclass
class Composed:
    """Hold `outgoing` messages by channel, and issued `coupons`, which are counted at the end of the transaction."""

    written: list[Written] = field(default_factory=list)
    outgoing: dict[str, list[Outgoing]] = field(default_factory=dict)
    coupons: message_coupons.Issued = field(default_factory=dict)


class _Facts:
    """Hold facts that are looked up once for the whole batch."""

    def __init__(self, rows: Sequence[dict[str, Any]], identities: Mapping[UUID, int | None]) -> None:
        self.contexts = contexts.Contexts((row["customer_id"] for row in rows), zones.known_zones())
        templates_used = Template.objects.filter(pk__in={row["template_id"] for row in rows})
        self.channel_of_template = dict(templates_used.values_list("pk", "channel"))
        self.identities = identities
        self.addresses = _addresses({identity for identity in identities.values() if identity})
        self.coupons: message_coupons.Issued = {}
        orders = [row["context"]["order_id"] for row in rows if "order_id" in row["context"]]
        self.orders = contexts.order_contexts(orders) if orders else {}
        store = self.contexts.store
        events = [row["context"]["activity"] for row in rows if "activity" in row["context"]]
        self.events = products.activity_contexts(events, store.currency if store else "") if events else {}
        self.track = gate.policy().track_messages


def compose(rows: Sequence[dict[str, Any]], identities: Mapping[UUID, int | None]) -> Composed:
    """Render allowed messages inside the claim's transaction. A message that can't be rendered fails alone.

    `identities` maps each message to the customer's address that the gate chose.
    """
    facts = _Facts(rows, identities)
    composed = Composed()
    texts: list[tuple[dict[str, Any], Text]] = []
    for row in rows:
        try:
            languages = facts.contexts.people[row["customer_id"]].languages
            text = templates.pick_text(row["template_id"], row["template_version"], languages)
            _check_fields(text)
            texts.append((row, text))
        except RenderFailed as error:
            composed.written.append(Written(row["id"], "failed", error=str(error)[:500]))
    facts.contexts.know_products({text.body for _row, text in texts if "products" in text.names})
    # A code that the text does not show would be used up unseen.
    facts.coupons = message_coupons.issue_for([row for row, text in texts if CODE in text.fields.shown])
    composed.coupons = facts.coupons
    # A change of language costs as much as a message, so change it once for all messages in that language.
    texts.sort(key=lambda pair: pair[1].language)
    for language, group in groupby(texts, key=lambda pair: pair[1].language):
        with translation.override(language):
            for row, text in group:
                _compose(row, text, facts, composed)
    return composed


def _check_fields(text: Text) -> None:
    """Raise RenderFailed for a text saved before unknown fields were refused; it would go out with a gap."""
    for fault in text.fields.faults:
        raise RenderFailed(f"{text.language}: there is no field “{fault.asked}”.")


def _check_coupon(text: Text, extra: Mapping[str, Any]) -> None:
    """Raise RenderFailed when a text always shows a coupon and the message has none."""
    if "coupon" not in extra and any(path.partition(".")[0] == "coupon" for path in text.fields.bare):
        raise RenderFailed(f"{text.language}: the text shows a coupon, and this message brings none.")


def _compose(row: dict[str, Any], text: Text, facts: _Facts, composed: Composed) -> None:
    channel = CHANNELS[row["channel"]]
    identity = facts.identities[row["id"]]
    address = facts.addresses.get(identity, "") if identity else ""
    if channel.address_kind and not address:
        error = "The address can't be read: its key is not configured."
        composed.written.append(Written(row["id"], "failed", error=error))
        return
    marketing = row["message_class"] == MessageClass.MARKETING
    # Signing costs more than the rest of a message, so sign only links that are used.
    signed = (marketing and not channel.local) or "unsubscribe" in text.names
    unsubscribe = contexts.unsubscribe_url(row["id"], row["customer_id"], row["channel"]) if signed else ""
    try:
        extra = _message_values(row, text, facts, unsubscribe)
        _check_coupon(text, extra)
        values = facts.contexts.of(row["customer_id"], text.language, extra, text.names)
        rendered = templates.render_text(text, channel=facts.channel_of_template[row["template_id"]], context=values)
    except (RenderFailed, TypeError, ValueError) as error:
        composed.written.append(Written(row["id"], "failed", error=str(error)[:500]))
        return
    if marketing and channel.html:
        rendered = templates.with_unsubscribe(rendered, unsubscribe, facts.contexts.shop_name)
    state = "sent" if channel.local else "sending"
    composed.written.append(Written(row["id"], state, rendered.language, rendered.subject, rendered.body))
    if channel.local:
        return
    # Keep the stored body as it was written: viewing it in the console must not count as an open.
    body = tracking.tracked(rendered.body, row["id"]) if facts.track and marketing and channel.html else rendered.body
    composed.outgoing.setdefault(row["channel"], []).append(
        Outgoing(
            row["id"], row["customer_id"], address, rendered.subject, body, rendered.language, row["message_class"],
            unsubscribe if marketing else "",
        )
    )  # fmt: skip


def _message_values(row: dict[str, Any], text: Text, facts: _Facts, unsubscribe: str) -> dict[str, Any]:
    """Return the values that the message itself brings, limited to the names in its text."""
    extra = dict(row["context"])
    if "links" in text.names:
        extra["links"] = {**extra.get("links", {}), "unsubscribe": unsubscribe}
        if "preferences" in text.names:
            extra["links"]["preferences"] = contexts.preferences_url(row["customer_id"])
        if "member_code" in text.names:
            extra["links"]["member_code"] = contexts.member_code_url(row["customer_id"])
    if row["id"] in facts.coupons and "coupon" in text.names:
        extra["coupon"] = contexts.coupon_context(*facts.coupons[row["id"]], text.language)
    if "order_id" in extra:
        extra["order"] = facts.orders.get(extra["order_id"], {})
    if "activity" in extra:
        extra["event"] = facts.events.get(extra["activity"]["id"])
    return extra


def _addresses(identity_ids: Collection[int]) -> dict[int, str]:
    """Return the addresses by identity.

    An address that can't be decrypted is left out, so that only its message fails.
    """
    addresses: dict[int, str] = {}
    if not identity_ids:
        return addresses
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, value FROM crm_identity WHERE id = ANY(%s)", [list(identity_ids)])
        for pk, value in cursor.fetchall():
            try:
                addresses[pk] = crypto.decrypt(bytes(value), "crm.identity.value")
            except crypto.Undecryptable:
                log.error("address_not_readable", identity=pk)
    return addresses
