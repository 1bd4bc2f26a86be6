"""Models of coupons."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import audited_except
from core.lists.models import Archivable, Owned

# Kinds of long jobs.
ISSUE = "campaigns.issue_to_segment"
GENERATE = "campaigns.generate_codes"


class DiscountKind(models.TextChoices):
    AMOUNT = "amount", _("Amount off")
    PERCENT = "percent", _("Percent off")


class CodeMode(models.TextChoices):
    PUBLIC = "public", _("One public code")
    UNIQUE = "unique", _("A code for each customer")


@audited_except("reserved_count", "redeemed_count", "issued_count", "reserved_amount", "redeemed_amount")
class Coupon(Owned, Archivable, models.Model):
    """Hold a coupon campaign. Amounts are minor units; a percentage is in whole percent. 0 or empty means no limit."""

    name = models.CharField(_("name"), max_length=120, help_text=_("Customers read it in the shop."))
    kind = models.CharField(_("kind"), max_length=7, choices=DiscountKind.choices)
    value = models.PositiveBigIntegerField(_("value"))
    max_discount = models.PositiveBigIntegerField(_("largest discount"), null=True, blank=True)
    minimum_spend = models.PositiveBigIntegerField(_("minimum spend"), default=0)
    currency = models.CharField(_("currency"), max_length=3)
    mode = models.CharField(_("codes"), max_length=6, choices=CodeMode.choices, default=CodeMode.UNIQUE)
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    valid_days = models.PositiveSmallIntegerField(
        _("days valid after issue"), null=True, blank=True, help_text=_("For codes issued to a customer.")
    )
    limit_total = models.PositiveBigIntegerField(_("uses in all"), null=True, blank=True)
    limit_per_code = models.PositiveIntegerField(_("uses per code"), null=True, blank=True, default=1)
    limit_per_customer = models.PositiveIntegerField(_("uses per customer"), null=True, blank=True, default=1)
    budget = models.PositiveBigIntegerField(_("budget"), null=True, blank=True)
    reserve_seconds = models.PositiveIntegerField(_("reservation lives (seconds)"), default=900)
    give_back = models.BooleanField(
        _("give back after full refund"),
        default=True,
        db_default=True,
        help_text=_("A full refund of the order makes the use available again. A partial refund does not."),
    )
    member_day_only = models.BooleanField(
        _("valid on member days only"),
        default=False,
        db_default=False,
        help_text=_("The member day is a setting of the loyalty program."),
    )
    active = models.BooleanField(_("active"), default=True)
    reserved_count = models.PositiveBigIntegerField(_("reserved"), default=0, editable=False)
    redeemed_count = models.PositiveBigIntegerField(_("redeemed"), default=0, editable=False)
    reserved_amount = models.PositiveBigIntegerField(default=0, editable=False)
    redeemed_amount = models.PositiveBigIntegerField(_("discount given"), default=0, editable=False)
    issued_count = models.PositiveBigIntegerField(_("issued"), default=0, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        permissions = [("issue_coupon", _("Can give coupons to customers and segments"))]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(kind="percent") | models.Q(value__gte=1, value__lte=100),
                name="campaigns_coupon_percent_from_1_to_100",
            ),
            models.CheckConstraint(condition=models.Q(value__gt=0), name="campaigns_coupon_gives_something"),
            models.CheckConstraint(
                condition=models.Q(limit_total=None)
                | models.Q(limit_total__gte=models.F("reserved_count") + models.F("redeemed_count")),
                name="campaigns_coupon_within_limit",
            ),
            models.CheckConstraint(
                condition=models.Q(budget=None)
                | models.Q(budget__gte=models.F("reserved_amount") + models.F("redeemed_amount")),
                name="campaigns_coupon_within_budget",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CouponCode(models.Model):
    """Hold one code (C4): unique in normal form, with a check character; bound to a customer when issued to one."""

    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="codes")
    code = models.CharField(_("code"), max_length=40, unique=True)
    customer = models.ForeignKey("crm.Customer", models.PROTECT, null=True, related_name="coupon_codes", db_index=False)
    expires_at = models.DateTimeField(_("expires"), null=True)
    reserved_count = models.PositiveIntegerField(default=0)
    redeemed_count = models.PositiveIntegerField(_("used"), default=0)
    use_limit = models.PositiveIntegerField(_("uses"), null=True)
    issued_for = models.CharField(max_length=120, null=True, help_text="Natural key of an issue: once per cause.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("coupon code")
        verbose_name_plural = _("coupon codes")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(use_limit=None)
                | models.Q(use_limit__gte=models.F("reserved_count") + models.F("redeemed_count")),
                name="campaigns_couponcode_within_limit",
            ),
            models.UniqueConstraint(
                fields=["coupon", "customer", "issued_for"], name="campaigns_couponcode_issued_once_per_cause"
            ),
        ]
        indexes = [models.Index(fields=["customer", "-created_at"], name="campaigns_couponcode_of")]

    def __str__(self) -> str:
        return self.code


class CouponTally(models.Model):
    """Count uses per coupon and customer, by conditional upsert so that the limit holds under contention (C2)."""

    pk = models.CompositePrimaryKey("coupon_id", "customer_id")
    coupon_id = models.BigIntegerField()
    customer_id = models.BigIntegerField()
    used = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("coupon tally")

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.used}"


class CouponBudget(models.Model):
    """Count coupons that a staff member gave by hand on one day of the shop (L13), under the row's lock."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(_("day"))
    given = models.PositiveIntegerField(_("given"), default=0)

    class Meta:
        verbose_name = _("coupons given by hand")
        verbose_name_plural = _("coupons given by hand")
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="campaigns_couponbudget_once_a_day")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.day}: {self.given}"


class UseState(models.TextChoices):
    RESERVED = "reserved", _("Reserved")
    REDEEMED = "redeemed", _("Redeemed")
    RELEASED = "released", _("Released")


class CouponUse(models.Model):
    """Hold one use of a code for one order (C1): reserved, then redeemed or released."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="uses")
    code = models.ForeignKey(CouponCode, models.PROTECT, related_name="uses")
    customer = models.ForeignKey("crm.Customer", models.PROTECT, null=True, related_name="coupon_uses", db_index=False)
    order_reference = models.CharField(_("order"), max_length=120, blank=True, default="")
    state = models.CharField(_("state"), max_length=8, choices=UseState.choices, default=UseState.RESERVED)
    cart_amount = models.PositiveBigIntegerField(_("cart"))
    discount = models.PositiveBigIntegerField(_("discount"))
    reserved_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(_("reserved until"))
    redeemed_at = models.DateTimeField(_("redeemed"), null=True)
    released_at = models.DateTimeField(_("released"), null=True)

    class Meta:
        verbose_name = _("coupon use")
        verbose_name_plural = _("coupon uses")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="reserved", redeemed_at=None, released_at=None)
                | models.Q(state="redeemed", redeemed_at__isnull=False, released_at=None)
                | models.Q(state="released", released_at__isnull=False),
                name="campaigns_couponuse_state_has_its_time",
            )
        ]
        indexes = [
            models.Index(fields=["customer", "-reserved_at"], name="campaigns_couponuse_of"),
            models.Index(
                fields=["expires_at"], condition=models.Q(state="reserved"), name="campaigns_couponuse_to_sweep"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code_id} {self.state}"
