"""Serve the suppression list: search, adding, lifting, export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.messages.labels import reason_label
from campaigns.messages.models import Suppression
from campaigns.messages.selectors.suppressions import SHOWN_REASONS, SuppressionFilter, addresses_of, masked
from campaigns.messages.services import suppressions as services
from core.base import clock
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.views import may, page
from core.db import paging
from core.text.formatting import local
from core.text.spreadsheets import BYTE_ORDER_MARK, csv_line

PAGE = 50
ORDER = ["-created_at", "-id"]
EXPORT_LIMIT = 100_000
EXPORT_CHUNK = 1000


@dataclass(frozen=True)
class ListedSuppression:
    """`address` is masked; `gone`: no customer has the address any more, so that only its hash is known."""

    suppression: Suppression
    channel: str
    address: str
    gone: bool
    reason: str
    by: str


def _filter(request: HttpRequest) -> SuppressionFilter:
    channel, reason = request.GET.get("channel", ""), request.GET.get("reason", "")
    return SuppressionFilter(
        channel if channel in CHANNELS.names() else "",
        reason if reason in {*SHOWN_REASONS, "other"} else "",
        request.GET.get("address", "").replace("\x00", "").strip()[:200],
        request.GET.get("state") == "lifted",
    )


def _rows(suppressions: list[Suppression]) -> list[ListedSuppression]:
    addresses = addresses_of(suppressions)
    rows = []
    for row in suppressions:
        address = masked(row, addresses)
        rows.append(
            ListedSuppression(
                row,
                channel_label(row.channel),
                address,
                row.address_index is not None and not address,
                reason_label(row.reason),
                str(row.created_by) if row.created_by else _t("Automatically"),
            )
        )
    return rows


@page("campaigns.view_suppression")
def index(request: HttpRequest) -> HttpResponse:
    return _list(request)


def _list(request: HttpRequest, values: dict[str, str] | None = None, error: DomainError | None = None) -> HttpResponse:
    wanted = _filter(request)
    rows = wanted.rows()
    suppressions_page = paging.keyset(rows, ORDER, request.GET.get("cursor"), PAGE)
    context = {
        "page": suppressions_page,
        "rows": _rows(suppressions_page.items),
        "wanted": wanted,
        "count": paging.count(rows),
        "channels": [(name, channel_label(name)) for name in CHANNELS.names()],
        "reasons": [*((name, reason_label(name)) for name in SHOWN_REASONS), ("other", _t("Other"))],
        "address_channels": [
            (channel.name, channel_label(channel.name)) for channel in CHANNELS if channel.address_kind
        ],
        "filtered": bool(wanted.channel or wanted.reason or wanted.address),
        "may_add": may(request.user, "campaigns.add_suppression"),
        "may_lift": may(request.user, "campaigns.change_suppression"),
        "values": values or {},
        "errors": {error.field or "address": str(error.message)} if error else {},
    }
    return render(request, "campaigns/messages/suppressions.html", context, status=422 if error else 200)


@page("campaigns.add_suppression", methods=("POST",))
def add(request: HttpRequest) -> HttpResponse:
    values = {name: request.POST.get(name, "").replace("\x00", "")[:200] for name in ("channel", "address", "reason")}
    try:
        suppression = services.suppress_address(**values, actor=of_user(request.user))
    except DomainError as error:
        return _list(request, values, error)
    text = _t("This address gets no more messages by %(channel)s.")
    messages.success(request, text % {"channel": channel_label(suppression.channel)})
    return redirect("suppressions")


@page("campaigns.view_suppression")
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Export the filtered list as CSV. Addresses are in full only for staff who may see contacts in full."""
    rows = _filter(request).rows()
    full = may(request.user, "crm.unmask_customer")
    services.record_export(rows=rows.order_by()[:EXPORT_LIMIT].count(), full=full, actor=of_user(request.user))
    response = StreamingHttpResponse(_csv(rows, full=full), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="suppressions-{local(clock.now()):%Y%m%d}.csv"'
    return response


def _csv(rows: QuerySet[Suppression], *, full: bool) -> Iterator[str]:
    yield BYTE_ORDER_MARK
    yield csv_line(
        [_t("Channel"), _t("Address"), _t("Customer number"), _t("Reason"), _t("Since"), _t("Lifted"), _t("By")]
    )
    cursor: str | None = None
    for _chunk in range(EXPORT_LIMIT // EXPORT_CHUNK):
        part = paging.keyset(rows, ORDER, cursor, EXPORT_CHUNK)
        addresses = addresses_of(part.items) if full else {}
        for row in _rows(part.items):
            index = bytes(row.suppression.address_index or b"")
            yield csv_line(
                [
                    row.channel,
                    addresses[index][1] if index in addresses else row.address,
                    row.suppression.customer.number if row.suppression.customer else "",
                    row.reason,
                    local(row.suppression.created_at).isoformat(timespec="seconds"),
                    local(row.suppression.lifted_at).isoformat(timespec="seconds") if row.suppression.lifted_at else "",
                    row.by,
                ]
            )
        cursor = part.next
        if not cursor:
            return
