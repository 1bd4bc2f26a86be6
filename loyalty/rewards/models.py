"""Models of rewards: the catalogue, its stock and codes, and each redemption until it reaches the member."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited
from core.db.fields import BlindIndexField, EncryptedTextField
from core.lists.models import Archivable, Owned
from loyalty.program.models import Described, Named


class RewardCategory(Named, models.Model):
    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="reward_categories")
    code = models.SlugField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True, default="")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("reward category")
        verbose_name_plural = _("reward categories")
        ordering = ["position", "name"]
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="loyalty_rewardcategory_code_once")]

    def __str__(self) -> str:
        return self.label


class RewardKind(models.TextChoices):
    """How the reward reaches the member; each kind has a registered fulfilment."""

    COUPON = "coupon", _("Coupon")
    GIFT = "gift", _("Gift by post")
    VOUCHER = "voucher", _("E-voucher code")
    PRIVILEGE = "privilege", _("Privilege")
    DONATION = "donation", _("Donation")


@audited
class Reward(Described, Owned, Archivable, models.Model):
    """Reward of the catalogue. `stock` NULL means unlimited.

    The stock falls by conditional update when a redemption is placed and rises when one ends without delivery.
    """

    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="rewards")
    category = models.ForeignKey(
        RewardCategory, models.PROTECT, null=True, blank=True, related_name="rewards", verbose_name=_("category")
    )
    code = models.SlugField(_("code"), max_length=40)
    kind = models.CharField(_("kind"), max_length=10, choices=RewardKind.choices)
    name = models.CharField(_("name"), max_length=120)
    name_zh = models.CharField(_("name in Chinese"), max_length=120, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    description_zh = models.TextField(_("description in Chinese"), blank=True, default="")
    picture = models.FileField(_("picture"), upload_to="rewards/", blank=True, default="")
    points = models.PositiveBigIntegerField(_("points"))
    money = models.PositiveBigIntegerField(_("and money"), default=0, help_text=_("In minor units, beside the points."))
    stock = models.PositiveIntegerField(_("stock"), null=True, blank=True, help_text=_("Empty: unlimited."))
    member_limit = models.PositiveIntegerField(_("most per member"), null=True, blank=True)
    minimum_tier = models.ForeignKey(
        "loyalty.Tier", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("from tier")
    )
    segment = models.BigIntegerField(_("only for segment"), null=True, blank=True)
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    active = models.BooleanField(_("active"), default=True)
    settings = models.JSONField(_("settings of its kind"), default=dict, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        ordering = ["position", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "code"], name="loyalty_reward_code_once"),
            models.CheckConstraint(condition=models.Q(points__gt=0), name="loyalty_reward_costs_points"),
            models.CheckConstraint(
                condition=models.Q(stock=None) | models.Q(stock__gte=0), name="loyalty_reward_stock_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(starts_at=None)
                | models.Q(ends_at=None)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="loyalty_reward_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class RewardUse(models.Model):
    """Number of a reward that a member has. The limit per member is enforced by conditional update of this row."""

    reward = models.ForeignKey(Reward, models.PROTECT, related_name="+", db_index=False)
    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="+", db_index=False)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("reward's use")
        verbose_name_plural = _("rewards' uses")
        constraints = [models.UniqueConstraint(fields=["reward", "member"], name="loyalty_rewarduse_once")]

    def __str__(self) -> str:
        return f"{self.reward_id} {self.member_id}: {self.count}"


class RedemptionState(models.TextChoices):
    PLACED = "placed", _("Being prepared")
    FULFILLED = "fulfilled", pgettext_lazy("reward", "Delivered")
    SHIPPED = "shipped", pgettext_lazy("reward", "Sent")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", pgettext_lazy("reward", "Failed")


class RewardRedemption(models.Model):
    """One reward on its way. Points are held while `placed`, captured on delivery or sending, and otherwise released.

    The address and the code are personal or worth money, so they are stored encrypted.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    reward = models.ForeignKey(Reward, models.PROTECT, related_name="redemptions", db_index=False)
    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="redemptions", db_index=False)
    hold = models.OneToOneField("loyalty.Hold", models.PROTECT, related_name="redemption")
    points = models.BigIntegerField(_("points"))
    money = models.BigIntegerField(_("money"), default=0)
    state = models.CharField(_("state"), max_length=9, choices=RedemptionState.choices, default=RedemptionState.PLACED)
    address = EncryptedTextField(null=True)
    code = EncryptedTextField(null=True)
    tracking = models.CharField(_("tracking number"), max_length=120, blank=True, default="")
    reference = models.CharField(_("reference"), max_length=200, blank=True, default="")
    outcome = models.JSONField(default=dict, blank=True)
    error = models.CharField(_("error"), max_length=400, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    actor = models.CharField(max_length=80)
    placed_at = models.DateTimeField(_("redeemed"), db_default=Now())
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("redemption of a reward")
        verbose_name_plural = _("redemptions of rewards")
        permissions = [("handle_redemptions", _("Can send and cancel redeemed rewards"))]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="placed", ended_at=None)
                | (~models.Q(state="placed") & models.Q(ended_at__isnull=False)),
                name="loyalty_rewardredemption_ends_once",
            )
        ]
        indexes = [
            models.Index(fields=["member", "-placed_at"], name="loyalty_redemption_of_member"),
            models.Index(fields=["reward", "-placed_at"], name="loyalty_redemption_of_reward"),
            models.Index(fields=["placed_at"], condition=models.Q(state="placed"), name="loyalty_redemption_placed"),
        ]

    def __str__(self) -> str:
        return f"{self.reward_id} {self.state}"


class RewardCode(models.Model):
    """One code of an uploaded pool. It is given to one redemption and never to a second one."""

    reward = models.ForeignKey(Reward, models.PROTECT, related_name="codes", db_index=False)
    value = EncryptedTextField()
    value_index = BlindIndexField()
    redemption = models.OneToOneField(RewardRedemption, models.PROTECT, null=True, related_name="pool_code")
    added_at = models.DateTimeField(db_default=Now())
    given_at = models.DateTimeField(_("given"), null=True)

    class Meta:
        verbose_name = _("reward code")
        verbose_name_plural = _("reward codes")
        constraints = [models.UniqueConstraint(fields=["reward", "value_index"], name="loyalty_rewardcode_once")]
        indexes = [
            models.Index(fields=["reward", "id"], condition=models.Q(redemption=None), name="loyalty_rewardcode_free")
        ]

    def __str__(self) -> str:
        return f"{self.reward_id} {'given' if self.given_at else 'free'}"
