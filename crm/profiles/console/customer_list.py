"""The customer list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.console.list_columns import Cell
from core.console.views import may
from core.db.paging import Count
from core.lists.declaration import BulkAction, Column, Empty, Filter, ObjectList, RowAction, TopAction, register
from core.text.formatting import country_name, day, money, number
from crm.customers.models import Customer
from crm.profiles import selectors
from crm.profiles.console import listing


@dataclass(frozen=True)
class CustomerListRow:
    """A row of the list. `values` are the texts of the registered columns by their name."""

    item: Customer
    details: selectors.CustomerRow
    values: Mapping[str, str]


def _rows(request: HttpRequest, customers: Sequence[Customer]) -> list[CustomerListRow]:
    details = selectors.rows(customers)
    loaded = {
        name: column.load(customers) for name, column in listing.COLUMNS.items() if may(request.user, column.permission)
    }
    return [
        CustomerListRow(
            customer, details[customer.pk], {name: values.get(customer.pk, "") for name, values in loaded.items()}
        )
        for customer in customers
    ]


def _registered(_request: HttpRequest) -> list[Column]:
    def shown(name: str, column: listing.CustomerColumn) -> Column:
        return Column(name, column.label, lambda row: row.values[name], permission=column.permission, on_cards=False)

    contact = Column(
        "contact",
        _("Contact"),
        lambda row: Cell(row.details.phone or row.details.email, row.details.email if row.details.phone else ""),
        permission="crm.view_identity",
        on_cards=False,
    )
    return [contact, *(shown(name, column) for name, column in listing.COLUMNS.items())]


def _filters() -> list[Filter]:
    def made(name: str, item: listing.CustomerFilter) -> Filter:
        return Filter(
            name, item.label, item.choices, lambda _request, rows, value: item.apply(rows, value), item.permission,
            item.quiet,
        )  # fmt: skip

    return [made(name, item) for name, item in listing.FILTERS.items()]


def _bulk(_request: HttpRequest) -> list[BulkAction]:
    tag = BulkAction(
        "tag",
        _("Add tag"),
        "tag",
        permission="crm.add_customertag",
        entry="text",
        entry_label=_("Tag"),
        url=reverse("customers_tag"),
        key="t",
    )
    added = [
        BulkAction(
            item.field, item.label, item.icon, permission=item.permission, entry="choice",
            entry_label=item.field_label, choices=item.choices, url=reverse(item.url),
        )
        for item in listing.ACTIONS
    ]  # fmt: skip
    return [tag, *added]


def _count(count: Count) -> str:
    if not count.exact:
        return _t("About %(shown)s customers") % {"shown": number(count.value)}
    text = ngettext("%(shown)s customer", "%(shown)s customers", count.value)
    return text % {"shown": number(count.value)}


def _spent(row: CustomerListRow) -> str:
    return format_html_join(" · ", "{}", ((money(item.amount, item.currency),) for item in row.details.spending))


def _last_order(row: CustomerListRow) -> Cell:
    return Cell(at=row.details.spending[0].last_at if row.details.spending else None)


CUSTOMERS = register(
    ObjectList(
        name="customers",
        title=_("Customers"),
        route="customers",
        model=Customer,
        permission="crm.view_customer",
        select=lambda _request: Customer.objects.active(),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda customer: reverse("customer", args=[customer.number]),
        columns=[
            Column(
                "name",
                _("Customer"),
                lambda row: row.item.name,
                template="crm/profiles/list_name.html",
            ),
            Column("tags", _("Tags"), lambda _row: "", template="crm/profiles/list_tags.html", on_cards=False),
            Column(
                "orders",
                _("Orders"),
                lambda row: number(row.details.orders),
                number=True,
                permission="crm.view_order",
            ),
            Column("spent", _("Spent"), _spent, number=True, permission="crm.view_order"),
            Column("last_order", _("Last order"), _last_order, permission="crm.view_order"),
            Column("country", _("Country"), lambda row: country_name(row.item.country), shown=False),
            Column("region", _("Region"), lambda row: row.item.region, shown=False),
            Column("known", _("Known since"), lambda row: day(row.item.created_at), sort="created_at"),
        ],
        more_columns=_registered,
        # The search finds customers by indexes of its own and starts from the active ones too.
        search=lambda _rows, words: selectors.search(words),
        placeholder=_("Name or pinyin, phone or its last four digits, e-mail, order or customer number"),
        filters=_filters,
        bulk_actions=_bulk,
        row_actions=[
            RowAction(
                _("Edit"),
                "pencil",
                lambda customer: reverse("customer_edit", args=[customer.number]),
                permission="crm.change_customer",
            ),
            RowAction(
                _("New ticket"),
                "message-plus",
                lambda customer: f"{reverse('ticket_new')}?customer={customer.number}",
                permission="crm.add_ticket",
            ),
        ],
        top_actions=[
            TopAction(
                _("Possible duplicates"),
                "copy",
                lambda: reverse("duplicates"),
                permission="crm.change_duplicatecandidate",
                primary=False,
            ),
            TopAction(_("New customer"), "user-plus", lambda: reverse("customer_new"), permission="crm.add_customer"),
        ],
        export="crm.export_customer",
        export_route="customers_export",
        key="customer",
        key_field="number",
        size=30,
        reach=(1_000, 20_000),
        search_reach=(1_200,),
        count=_count,
        counted=False,
        empty=Empty(
            "users",
            _("No customers yet"),
            _("Customers appear here when the storefront sends orders or when you import a file."),
            filtered=_("No customers match"),
            hint=_("Check the spelling, try the last four digits of the phone number, or clear the filters."),
        ),
    )
)
