"""Models of orders."""

from collections.abc import Mapping
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, OpClass
from django.db import models
from django.db.models.functions import Lower, Now, Reverse, Upper
from django.utils.translation import gettext_lazy as _

from core.text.formatting import in_language
from crm.orders.rules.products import MOST_TAG_LETTERS


class ProductQuerySet(models.QuerySet["Product"]):
    def of_sku(self, sku: str) -> Self:
        """Return the product with this SKU; case is ignored."""
        return self.alias(_key=Lower("sku")).filter(_key=sku.lower())


class Product(models.Model):
    """Something the shop sells. Fees and postage are order lines of another kind, never products.

    SKUs that differ only in case are one product; it keeps the case in which it was first written.
    """

    sku = models.CharField(_("SKU"), max_length=64)
    name = models.CharField(_("name"), max_length=300, blank=True, default="")
    name_zh = models.CharField(_("name in Chinese"), max_length=300, blank=True, db_default="")
    description = models.TextField(_("description"), blank=True, db_default="")
    description_zh = models.TextField(_("description in Chinese"), blank=True, db_default="")
    category = models.CharField(
        _("category"), max_length=200, blank=True, default="", help_text=_("A path such as Coffee/Beans.")
    )
    brand = models.CharField(_("brand"), max_length=120, blank=True, default="")
    price = models.BigIntegerField(_("price"), null=True, blank=True, help_text=_("In minor units."))
    cost = models.BigIntegerField(_("cost"), null=True, blank=True, help_text=_("In minor units."))
    tags = ArrayField(models.CharField(max_length=MOST_TAG_LETTERS), verbose_name=_("tags"), blank=True, db_default=[])
    tags_zh = ArrayField(
        models.CharField(max_length=MOST_TAG_LETTERS), verbose_name=_("tags in Chinese"), blank=True, db_default=[]
    )
    url = models.CharField(
        _("link"), max_length=500, blank=True, db_default="", help_text=_("The page of the product in the storefront.")
    )
    picture = models.FileField(_("picture"), upload_to="products/", blank=True, db_default="")
    picture_url = models.CharField(
        _("address of a picture"), max_length=500, blank=True, db_default="", help_text=_("A picture of another site.")
    )
    active = models.BooleanField(_("on sale"), default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = ProductQuerySet.as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.UniqueConstraint(
                Lower("sku"),
                name="crm_product_sku_once",
                violation_error_code="unique",
                violation_error_message=_("There is a product with this SKU, perhaps in other letter case."),
            ),
            models.CheckConstraint(
                condition=models.Q(cost=None) | models.Q(cost__gte=0),
                name="crm_product_cost_not_negative",
                violation_error_message=_("The cost can't be negative."),
            ),
        ]
        indexes = [
            models.Index(fields=["category"], name="crm_product_category"),
            # the catalogue in the order of its SKUs
            models.Index(fields=["sku"], name="crm_product_sku"),
        ]

    def __str__(self) -> str:
        return self.label or self.sku

    @property
    def label(self) -> str:
        """Return the name in the viewer's language."""
        return in_language(self.name, self.name_zh)

    @property
    def description_label(self) -> str:
        """Return the description in the viewer's language."""
        return in_language(self.description, self.description_zh)


class OrderState(models.TextChoices):
    PLACED = "placed", _("Placed")
    PAID = "paid", _("Paid")
    CANCELLED = "cancelled", _("Cancelled")


class OrderEffect(models.TextChoices):
    """The effect of an order today: at its own time, as if it were paid when recorded, or only as history (I3)."""

    LIVE = "live", _("At its own time")
    NOW = "now", _("As if it happened now")
    SILENT = "silent", _("Points and tiers, no messages")
    REMEMBER = "remember", _("Only recorded")


class OrderQuerySet(models.QuerySet["Order"]):
    def paid(self) -> Self:
        return self.filter(state=OrderState.PAID)

    def imported(self, payload: Mapping[str, Any]) -> Self:
        """Return the orders that an `orders_imported` event covers: of its run, with the effects that it names."""
        return self.filter(import_run_id=payload["run"], effect__in=payload.get("effects", list(OrderEffect.values)))

    def bought(self) -> Self:
        """Return the orders that count as bought: paid and not fully returned."""
        counts = models.Func(
            "state", "refunded", "total", function="crm_order_counts", output_field=models.BooleanField()
        )
        return self.filter(counts)


class Order(models.Model):
    """An order of one store. All amounts are minor units of `currency`; `total` is the part that is paid in money.

    total = subtotal - discount - points_amount + shipping + tax + fees, checked by the database.
    """

    store = models.ForeignKey("crm.Store", models.PROTECT, related_name="orders", db_index=False)
    source = models.CharField(_("source"), max_length=40, default="storefront")
    number = models.CharField(_("order number"), max_length=64)
    customer = models.ForeignKey("crm.Customer", models.PROTECT, null=True, related_name="orders", db_index=False)
    state = models.CharField(_("state"), max_length=10, choices=OrderState.choices, default=OrderState.PAID)
    channel = models.CharField(_("sales channel"), max_length=40, blank=True, default="")
    currency = models.CharField(_("currency"), max_length=3)
    subtotal = models.BigIntegerField(_("goods"), default=0)
    discount = models.BigIntegerField(_("discount"), default=0)
    points_amount = models.BigIntegerField(_("paid with points"), default=0)
    shipping = models.BigIntegerField(_("shipping"), default=0)
    tax = models.BigIntegerField(_("tax"), default=0)
    fees = models.BigIntegerField(_("fees"), default=0)
    total = models.BigIntegerField(_("total"))
    refunded = models.BigIntegerField(_("refunded"), default=0)
    item_count = models.DecimalField(_("items"), max_digits=14, decimal_places=3, default=0)
    placed_at = models.DateTimeField(_("placed at"))
    paid_at = models.DateTimeField(_("paid at"), null=True)
    import_run = models.ForeignKey("crm.ImportRun", models.SET_NULL, null=True, related_name="+", db_index=False)
    recorded_at = models.DateTimeField(db_default=Now())
    effect = models.CharField(
        _("effect"),
        max_length=8,
        choices=OrderEffect.choices,
        default=OrderEffect.LIVE,
        db_default=OrderEffect.LIVE.value,
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["source", "number"], name="crm_order_number_once_per_source"),
            models.CheckConstraint(
                condition=models.Q(
                    total=models.F("subtotal")
                    - models.F("discount")
                    - models.F("points_amount")
                    + models.F("shipping")
                    + models.F("tax")
                    + models.F("fees")
                ),
                name="crm_order_total_is_the_sum",
            ),
            models.CheckConstraint(
                condition=models.Q(refunded__gte=0, refunded__lte=models.F("total")),
                name="crm_order_refunded_within_total",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="paid") | models.Q(paid_at__isnull=False), name="crm_order_paid_has_time"
            ),
        ]
        indexes = [
            # feature rows and the customer page: paid orders of one customer by time
            models.Index(
                fields=["customer", "paid_at"],
                include=["total", "refunded", "item_count", "discount", "channel"],
                condition=models.Q(state="paid"),
                name="crm_order_paid_of_customer",
            ),
            models.Index(fields=["customer", "-placed_at"], name="crm_order_of_customer"),
            # revenue of the last days, and lists by time
            models.Index(
                fields=["-paid_at"],
                include=["total", "refunded", "currency"],
                condition=models.Q(state="paid"),
                name="crm_order_paid_recent",
            ),
            models.Index(fields=["-placed_at", "-id"], name="crm_order_placed_recent"),
            # the few orders that do not count as bought: queries on lines exclude them
            models.Index(
                fields=["id"],
                condition=~models.Q(state="paid") | (models.Q(refunded__gte=models.F("total")) & ~models.Q(total=0)),
                name="crm_order_not_bought",
            ),
            # an order by its number or by its last characters, case-insensitive
            models.Index(OpClass(Reverse(Upper("number")), name="text_pattern_ops"), name="crm_order_number_tail"),
            # Orders of one import are stored together, so BRIN finds them and costs a hundredth of a B-tree index.
            BrinIndex(fields=["import_run"], autosummarize=True, pages_per_range=32, name="crm_order_import_run"),
        ]

    def __str__(self) -> str:
        return self.number


class LineKind(models.TextChoices):
    PRODUCT = "product", _("Product")
    SHIPPING = "shipping", _("Shipping")
    FEE = "fee", _("Fee")
    DISCOUNT = "discount", _("Discount")


class OrderLine(models.Model):
    """A line of an order. `amount` is minor units after the line's discount; `unit_price` may be finer than a cent."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="lines", db_index=False)
    customer_id = models.BigIntegerField(null=True)
    position = models.PositiveIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=8, choices=LineKind.choices, default=LineKind.PRODUCT)
    product = models.ForeignKey("crm.Product", models.PROTECT, null=True, related_name="+", db_index=False)
    name = models.CharField(_("name"), max_length=300, blank=True, default="")
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3)
    unit_price = models.DecimalField(_("unit price"), max_digits=16, decimal_places=4)
    discount = models.BigIntegerField(_("discount"), default=0)
    amount = models.BigIntegerField(_("amount"))
    refunded_quantity = models.DecimalField(max_digits=12, decimal_places=3, default=0)
    refunded_amount = models.BigIntegerField(default=0)
    bought_at = models.DateTimeField(_("bought at"))

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="crm_orderline_position_once"),
            models.CheckConstraint(
                condition=models.Q(refunded_quantity__gte=0, refunded_quantity__lte=models.F("quantity"))
                | models.Q(quantity__lt=0),
                name="crm_orderline_refunded_within_quantity",
            ),
        ]
        indexes = [
            # "bought X since", and its amount: lines of one customer are far apart on disk, so the index alone must
            # answer
            models.Index(
                fields=["customer_id", "bought_at"],
                include=["order", "product", "amount", "refunded_amount", "quantity", "refunded_quantity"],
                name="crm_orderline_of_customer",
            ),
            # "who bought X since": answered by the index alone
            models.Index(
                fields=["product", "bought_at"],
                include=["customer_id", "order"],
                condition=models.Q(customer_id__isnull=False, refunded_quantity__lt=models.F("quantity")),
                name="crm_orderline_who_bought",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"


class Payment(models.Model):
    order = models.ForeignKey(Order, models.PROTECT, related_name="payments", db_index=False)
    method = models.CharField(_("method"), max_length=40)
    amount = models.BigIntegerField(_("amount"))
    reference = models.CharField(_("reference"), max_length=120, blank=True, default="")
    paid_at = models.DateTimeField(_("paid at"))

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        indexes = [models.Index(fields=["order"], name="crm_payment_of_order")]

    def __str__(self) -> str:
        return f"{self.method} {self.amount}"


class Refund(models.Model):
    """Money that was given back for an order, in whole or in part."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds", db_index=False)
    customer_id = models.BigIntegerField(null=True)
    source = models.CharField(_("source"), max_length=40, default="storefront")
    number = models.CharField(_("refund number"), max_length=64)
    amount = models.BigIntegerField(_("amount"))
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    refunded_at = models.DateTimeField(_("refunded at"))
    import_run = models.ForeignKey("crm.ImportRun", models.SET_NULL, null=True, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.UniqueConstraint(fields=["source", "number", "order"], name="crm_refund_number_once_per_order"),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="crm_refund_not_negative"),
        ]
        indexes = [
            models.Index(fields=["customer_id", "refunded_at"], include=["amount"], name="crm_refund_of_customer"),
            models.Index(fields=["order"], name="crm_refund_of_order"),
        ]

    def __str__(self) -> str:
        return self.number


class RefundLine(models.Model):
    refund = models.ForeignKey(Refund, models.PROTECT, related_name="lines", db_index=False)
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="refund_lines")
    quantity = models.DecimalField(_("quantity"), max_digits=12, decimal_places=3)
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("refund line")
        verbose_name_plural = _("refund lines")
        constraints = [models.UniqueConstraint(fields=["refund", "line"], name="crm_refundline_once")]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.line_id}"


class SpendAdjustment(models.Model):
    """Money that belongs to no known order and still changes the value of a customer. Negative amounts were given back.

    An example is the cancellation of a purchase made before the history begins (I4). Rows are unique by source,
    reference and item, so that importing the same file again changes nothing.
    """

    customer = models.ForeignKey(
        "crm.Customer", models.PROTECT, null=True, related_name="spend_adjustments", db_index=False
    )
    source = models.CharField(_("source"), max_length=40)
    reference = models.CharField(
        _("reference"), max_length=64, help_text=_("The number of the document it comes from.")
    )
    item = models.CharField(_("item"), max_length=300, blank=True, default="")
    product = models.ForeignKey("crm.Product", models.PROTECT, null=True, related_name="+", db_index=False)
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=3, default=0)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    occurred_at = models.DateTimeField(_("occurred at"))
    import_run = models.ForeignKey("crm.ImportRun", models.SET_NULL, null=True, related_name="adjustments")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("spend adjustment")
        verbose_name_plural = _("spend adjustments")
        constraints = [
            models.UniqueConstraint(fields=["source", "reference", "item"], name="crm_spendadjustment_once"),
            models.CheckConstraint(condition=~models.Q(amount=0), name="crm_spendadjustment_not_nothing"),
        ]
        indexes = [
            # the value of a customer, and their timeline
            models.Index(
                fields=["customer", "occurred_at"], include=["amount", "currency"], name="crm_spendadj_of_customer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.item}"
