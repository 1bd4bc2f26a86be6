import core.db.fields
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import loyalty.program.models
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_initial"),
        ("core", "__first__"),
        ("crm", "0001_initial"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="Program",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("time_zone", models.CharField(max_length=64, verbose_name="time zone")),
                ("is_default", models.BooleanField(default=False, verbose_name="default")),
                (
                    "auto_enrol",
                    models.BooleanField(
                        default=True,
                        help_text="Otherwise members join through the API or staff.",
                        verbose_name="enrol on first paid order",
                    ),
                ),
                (
                    "return_window_days",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="Points are pending this long; 0 makes them available at once.",
                        verbose_name="return window (days)",
                    ),
                ),
                (
                    "rounding",
                    models.CharField(
                        choices=[("floor", "Down"), ("half_up", "Half up"), ("ceiling", "Up")],
                        default="floor",
                        max_length=8,
                        verbose_name="rounding",
                    ),
                ),
                (
                    "expiry_policy",
                    models.CharField(
                        choices=[
                            ("never", "Never"),
                            ("rolling", "A number of days after earning"),
                            ("day", "End of the day, after so many days"),
                            ("month", "End of the month, after so many months"),
                            ("quarter", "End of the quarter, after so many quarters"),
                            ("year", "End of the year, after so many years"),
                        ],
                        default="never",
                        max_length=8,
                        verbose_name="points expire",
                    ),
                ),
                (
                    "expiry_count",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="How many days, months, quarters or years, by the policy.",
                        verbose_name="expiry count",
                    ),
                ),
                (
                    "expiry_notice_days",
                    models.PositiveSmallIntegerField(
                        default=30,
                        help_text="So long before, points.expiring is sent to webhooks. 0: it is not. Messages have care rules of their own.",
                        verbose_name="announce expiry (days before)",
                    ),
                ),
                (
                    "reinstatement_days",
                    models.PositiveSmallIntegerField(
                        default=30,
                        help_text="How long returned points live when their lot has expired.",
                        verbose_name="reinstatement (days)",
                    ),
                ),
                ("hold_seconds", models.PositiveIntegerField(default=900, verbose_name="hold lives (seconds)")),
                (
                    "redeem_points",
                    models.PositiveIntegerField(
                        default=100, help_text="So many points are worth ...", verbose_name="points"
                    ),
                ),
                (
                    "redeem_amount",
                    models.PositiveIntegerField(
                        default=100, help_text="... this, in minor units.", verbose_name="worth"
                    ),
                ),
                (
                    "redeem_minimum",
                    models.PositiveIntegerField(default=1, verbose_name="fewest points in one redemption"),
                ),
                (
                    "redeem_share_percent",
                    models.PositiveSmallIntegerField(default=100, verbose_name="most of a cart paid with points (%)"),
                ),
                (
                    "transfer_daily_points",
                    models.PositiveBigIntegerField(
                        default=0,
                        help_text="0: members can't give points to each other.",
                        verbose_name="transfer per day (points)",
                    ),
                ),
                ("transfer_daily_count", models.PositiveSmallIntegerField(default=5, verbose_name="transfers per day")),
                (
                    "tier_metric",
                    models.CharField(
                        choices=[("spend", "Spend"), ("orders", "Number of orders"), ("growth", "Growth value")],
                        default="spend",
                        max_length=6,
                        verbose_name="tiers follow",
                    ),
                ),
                (
                    "tier_period",
                    models.CharField(
                        choices=[
                            ("rolling", "The last days, updated every night"),
                            ("calendar_year", "Calendar year"),
                            ("membership_anniversary", "Year of membership"),
                            ("tier_anniversary", "Year since the tier began"),
                        ],
                        default="rolling",
                        max_length=22,
                        verbose_name="tier period",
                    ),
                ),
                (
                    "tier_downgrade",
                    models.CharField(
                        choices=[("to_qualified", "Down to what qualifies"), ("one_step", "Down one tier at most")],
                        default="to_qualified",
                        max_length=12,
                        verbose_name="at the end of a period",
                    ),
                ),
                (
                    "tier_window_days",
                    models.PositiveSmallIntegerField(
                        default=365, help_text="Only for the rolling period.", verbose_name="tier window (days)"
                    ),
                ),
                (
                    "tier_grace_days",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="During these days after the end of a period no member moves down.",
                        verbose_name="tier grace (days)",
                    ),
                ),
                (
                    "member_day_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "No member day"),
                            ("day", "A day of the month"),
                            ("weekday", "A weekday of the month"),
                        ],
                        db_default="",
                        default="",
                        max_length=7,
                        verbose_name="member day",
                    ),
                ),
                (
                    "member_day_number",
                    models.PositiveSmallIntegerField(
                        db_default=8,
                        default=8,
                        help_text="The day, from 1 to 31, or which such weekday of the month, from 1 to 5.",
                        verbose_name="number of the member day",
                    ),
                ),
                (
                    "member_day_weekday",
                    models.PositiveSmallIntegerField(db_default=5, default=5, verbose_name="weekday of the member day"),
                ),
            ],
            options={
                "verbose_name": "program",
                "verbose_name_plural": "programs",
                "permissions": [
                    ("adjust_points", "Can adjust points by hand"),
                    ("view_loyalty", "Can see loyalty pages"),
                    ("import_opening", "Can carry points and tiers over from another system"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("is_default",),
                        name="loyalty_program_one_default",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("redeem_points__gt", 0)), name="loyalty_program_points_have_a_price"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("redeem_share_percent__lte", 100)), name="loyalty_program_share_at_most_all"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("member_day_number__range", (1, 31)), ("member_day_weekday__range", (1, 7))
                        ),
                        name="loyalty_program_member_day_exists",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=80, verbose_name="name in Chinese")),
                ("rank", models.PositiveSmallIntegerField(verbose_name="rank")),
                ("threshold", models.BigIntegerField(verbose_name="threshold")),
                (
                    "multiplier",
                    models.DecimalField(decimal_places=2, default=1, max_digits=5, verbose_name="points multiplier"),
                ),
                (
                    "paid_price",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="In minor units. Empty: it can't be bought.",
                        null=True,
                        verbose_name="price",
                    ),
                ),
                ("paid_days", models.PositiveSmallIntegerField(default=365, verbose_name="bought for (days)")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tiers", to="loyalty.program"
                    ),
                ),
            ],
            options={
                "verbose_name": "tier",
                "verbose_name_plural": "tiers",
                "ordering": ["program", "rank"],
                "constraints": [
                    models.UniqueConstraint(fields=("program", "code"), name="loyalty_tier_code_once"),
                    models.UniqueConstraint(fields=("program", "rank"), name="loyalty_tier_rank_once"),
                    models.UniqueConstraint(fields=("program", "threshold"), name="loyalty_tier_threshold_once"),
                    models.CheckConstraint(
                        condition=models.Q(("multiplier__gte", 0)), name="loyalty_tier_multiplier_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("paid_days__gt", 0)), name="loyalty_tier_bought_for_a_day_or_more"
                    ),
                ],
            },
            bases=(loyalty.program.models.Named, models.Model),
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("suspended", "Suspended"), ("left", "Left")],
                        default="active",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("tier_since", models.DateTimeField(null=True, verbose_name="tier since")),
                ("tier_locked_until", models.DateTimeField(null=True, verbose_name="tier locked until")),
                ("qualifying", models.BigIntegerField(default=0, verbose_name="qualifying")),
                (
                    "leaderboard_name",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Chosen by the member. Empty: they are not on it.",
                        max_length=40,
                        verbose_name="name on the leaderboard",
                    ),
                ),
                (
                    "enrolled_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="member since"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="crm.customer",
                    ),
                ),
                (
                    "referred_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="referrals",
                        to="loyalty.member",
                        verbose_name="referred by",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="members",
                        to="loyalty.program",
                    ),
                ),
                (
                    "tier",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="members",
                        to="loyalty.tier",
                    ),
                ),
                ("resumed_at", models.DateTimeField(null=True, verbose_name="resumed")),
                ("suspended_at", models.DateTimeField(null=True, verbose_name="suspended")),
                (
                    "suspended_by",
                    models.CharField(blank=True, db_default="", max_length=80, verbose_name="suspended by"),
                ),
                (
                    "suspension_note",
                    models.CharField(blank=True, db_default="", max_length=400, verbose_name="note on the suspension"),
                ),
                (
                    "suspension_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("fraud", "Suspected abuse"),
                            ("payment", "Unpaid or charged back"),
                            ("request", "At the customer's request"),
                            ("other", "Other"),
                        ],
                        db_default="",
                        max_length=8,
                        verbose_name="reason of the suspension",
                    ),
                ),
            ],
            options={
                "verbose_name": "member",
                "verbose_name_plural": "members",
                "indexes": [
                    models.Index(fields=["tier", "program", "-enrolled_at", "-id"], name="loyalty_member_by_tier"),
                    models.Index(fields=["program", "state", "-enrolled_at", "-id"], name="loyalty_member_recent"),
                    models.Index(
                        condition=models.Q(("referred_by__isnull", False)),
                        fields=["referred_by"],
                        name="loyalty_member_referrals",
                    ),
                    models.Index(
                        condition=models.Q(("leaderboard_name", ""), _negated=True),
                        fields=["program"],
                        name="loyalty_member_on_leaderboard",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "program"), name="loyalty_member_once_per_program"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("referred_by", None),
                            models.Q(("referred_by", models.F("id")), _negated=True),
                            _connector="OR",
                        ),
                        name="loyalty_member_not_referred_by_itself",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "suspended"), _negated=True),
                            models.Q(
                                ("resumed_at", None),
                                ("suspended_at__isnull", False),
                                models.Q(("suspension_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="loyalty_member_suspended_says_why",
                    ),
                ],
                "permissions": [("suspend_member", "Can suspend and resume members")],
            },
        ),
        migrations.CreateModel(
            name="PointType",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("spendable", models.BooleanField(default=True, verbose_name="can be spent")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="point_types", to="loyalty.program"
                    ),
                ),
            ],
            options={
                "verbose_name": "point type",
                "verbose_name_plural": "point types",
                "constraints": [
                    models.UniqueConstraint(fields=("program", "code"), name="loyalty_pointtype_code_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("available", models.BigIntegerField(default=0, verbose_name="available")),
                ("pending", models.BigIntegerField(default=0, verbose_name="pending")),
                ("held", models.BigIntegerField(default=0, verbose_name="held")),
                ("debt", models.BigIntegerField(default=0, verbose_name="debt")),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="loyalty.member",
                    ),
                ),
                (
                    "point_type",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="loyalty.pointtype",
                    ),
                ),
            ],
            options={
                "verbose_name": "points account",
                "verbose_name_plural": "points accounts",
                "constraints": [
                    models.UniqueConstraint(fields=("member", "point_type"), name="points_account_one_per_type"),
                    models.CheckConstraint(
                        condition=models.Q(("available__gte", 0)), name="points_account_available_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pending__gte", 0)), name="points_account_pending_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("held__gte", 0)), name="points_account_held_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("debt__gte", 0)), name="points_account_debt_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Badge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=80, verbose_name="name in Chinese")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("description_zh", models.TextField(blank=True, default="", verbose_name="description in Chinese")),
                ("icon", models.CharField(default="award", max_length=40, verbose_name="icon")),
                (
                    "active",
                    models.BooleanField(
                        default=True,
                        help_text="An inactive badge is not awarded. Members who have it keep it.",
                        verbose_name="active",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="badges", to="loyalty.program"
                    ),
                ),
            ],
            options={
                "verbose_name": "badge",
                "verbose_name_plural": "badges",
                "ordering": ["position", "pk"],
                "constraints": [models.UniqueConstraint(fields=("program", "code"), name="loyalty_badge_code_once")],
            },
            bases=(loyalty.program.models.Described, models.Model),
        ),
        migrations.CreateModel(
            name="EarningRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("trigger", models.CharField(default="order", max_length=20, verbose_name="earned by")),
                (
                    "event_kind",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="For activity: which kind earns.",
                        max_length=40,
                        verbose_name="activity kind",
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="If two best rules give the same, the smaller position counts.",
                        verbose_name="position",
                    ),
                ),
                (
                    "budget",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="Maximum points that the rule may give in total. Empty: no limit.",
                        null=True,
                        verbose_name="budget (points)",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                (
                    "point_type",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rules",
                        to="loyalty.pointtype",
                        verbose_name="point type",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rules", to="loyalty.program"
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True, verbose_name="archived")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                        verbose_name="tags",
                    ),
                ),
            ],
            options={
                "verbose_name": "earning rule",
                "verbose_name_plural": "earning rules",
                "constraints": [
                    models.UniqueConstraint(fields=("program", "code"), name="loyalty_earningrule_code_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ProgramEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("time_zone", models.CharField(max_length=64, verbose_name="time zone")),
                ("is_default", models.BooleanField(default=False, verbose_name="default")),
                (
                    "auto_enrol",
                    models.BooleanField(
                        default=True,
                        help_text="Otherwise members join through the API or staff.",
                        verbose_name="enrol on first paid order",
                    ),
                ),
                (
                    "return_window_days",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="Points are pending this long; 0 makes them available at once.",
                        verbose_name="return window (days)",
                    ),
                ),
                (
                    "rounding",
                    models.CharField(
                        choices=[("floor", "Down"), ("half_up", "Half up"), ("ceiling", "Up")],
                        default="floor",
                        max_length=8,
                        verbose_name="rounding",
                    ),
                ),
                (
                    "expiry_policy",
                    models.CharField(
                        choices=[
                            ("never", "Never"),
                            ("rolling", "A number of days after earning"),
                            ("day", "End of the day, after so many days"),
                            ("month", "End of the month, after so many months"),
                            ("quarter", "End of the quarter, after so many quarters"),
                            ("year", "End of the year, after so many years"),
                        ],
                        default="never",
                        max_length=8,
                        verbose_name="points expire",
                    ),
                ),
                (
                    "expiry_count",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="How many days, months, quarters or years, by the policy.",
                        verbose_name="expiry count",
                    ),
                ),
                (
                    "expiry_notice_days",
                    models.PositiveSmallIntegerField(
                        default=30,
                        help_text="So long before, points.expiring is sent to webhooks. 0: it is not. Messages have care rules of their own.",
                        verbose_name="announce expiry (days before)",
                    ),
                ),
                (
                    "reinstatement_days",
                    models.PositiveSmallIntegerField(
                        default=30,
                        help_text="How long returned points live when their lot has expired.",
                        verbose_name="reinstatement (days)",
                    ),
                ),
                ("hold_seconds", models.PositiveIntegerField(default=900, verbose_name="hold lives (seconds)")),
                (
                    "redeem_points",
                    models.PositiveIntegerField(
                        default=100, help_text="So many points are worth ...", verbose_name="points"
                    ),
                ),
                (
                    "redeem_amount",
                    models.PositiveIntegerField(
                        default=100, help_text="... this, in minor units.", verbose_name="worth"
                    ),
                ),
                (
                    "redeem_minimum",
                    models.PositiveIntegerField(default=1, verbose_name="fewest points in one redemption"),
                ),
                (
                    "redeem_share_percent",
                    models.PositiveSmallIntegerField(default=100, verbose_name="most of a cart paid with points (%)"),
                ),
                (
                    "transfer_daily_points",
                    models.PositiveBigIntegerField(
                        default=0,
                        help_text="0: members can't give points to each other.",
                        verbose_name="transfer per day (points)",
                    ),
                ),
                ("transfer_daily_count", models.PositiveSmallIntegerField(default=5, verbose_name="transfers per day")),
                (
                    "tier_metric",
                    models.CharField(
                        choices=[("spend", "Spend"), ("orders", "Number of orders"), ("growth", "Growth value")],
                        default="spend",
                        max_length=6,
                        verbose_name="tiers follow",
                    ),
                ),
                (
                    "tier_period",
                    models.CharField(
                        choices=[
                            ("rolling", "The last days, updated every night"),
                            ("calendar_year", "Calendar year"),
                            ("membership_anniversary", "Year of membership"),
                            ("tier_anniversary", "Year since the tier began"),
                        ],
                        default="rolling",
                        max_length=22,
                        verbose_name="tier period",
                    ),
                ),
                (
                    "tier_downgrade",
                    models.CharField(
                        choices=[("to_qualified", "Down to what qualifies"), ("one_step", "Down one tier at most")],
                        default="to_qualified",
                        max_length=12,
                        verbose_name="at the end of a period",
                    ),
                ),
                (
                    "tier_window_days",
                    models.PositiveSmallIntegerField(
                        default=365, help_text="Only for the rolling period.", verbose_name="tier window (days)"
                    ),
                ),
                (
                    "tier_grace_days",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="During these days after the end of a period no member moves down.",
                        verbose_name="tier grace (days)",
                    ),
                ),
                (
                    "member_day_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "No member day"),
                            ("day", "A day of the month"),
                            ("weekday", "A weekday of the month"),
                        ],
                        db_default="",
                        default="",
                        max_length=7,
                        verbose_name="member day",
                    ),
                ),
                (
                    "member_day_number",
                    models.PositiveSmallIntegerField(
                        db_default=8,
                        default=8,
                        help_text="The day, from 1 to 31, or which such weekday of the month, from 1 to 5.",
                        verbose_name="number of the member day",
                    ),
                ),
                (
                    "member_day_weekday",
                    models.PositiveSmallIntegerField(db_default=5, default=5, verbose_name="weekday of the member day"),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.program",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ran_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("account_count", models.BigIntegerField(verbose_name="accounts")),
                ("difference_count", models.BigIntegerField(verbose_name="accounts that differ")),
                ("differences", models.JSONField(default=list)),
                ("seconds", models.FloatField(verbose_name="seconds")),
            ],
            options={
                "verbose_name": "reconciliation",
                "verbose_name_plural": "reconciliations",
                "indexes": [models.Index(fields=["-ran_at"], name="loyalty_reconciliation_recent")],
            },
        ),
        migrations.CreateModel(
            name="RewardCategory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=80, verbose_name="name in Chinese")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reward_categories",
                        to="loyalty.program",
                    ),
                ),
            ],
            options={
                "verbose_name": "reward category",
                "verbose_name_plural": "reward categories",
                "ordering": ["position", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=("program", "code"), name="loyalty_rewardcategory_code_once")
                ],
            },
            bases=(loyalty.program.models.Named, models.Model),
        ),
        migrations.CreateModel(
            name="Reward",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, verbose_name="code")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("coupon", "Coupon"),
                            ("gift", "Gift by post"),
                            ("voucher", "E-voucher code"),
                            ("privilege", "Privilege"),
                            ("donation", "Donation"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=120, verbose_name="name in Chinese")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("description_zh", models.TextField(blank=True, default="", verbose_name="description in Chinese")),
                ("picture", models.FileField(blank=True, default="", upload_to="rewards/", verbose_name="picture")),
                ("points", models.PositiveBigIntegerField(verbose_name="points")),
                (
                    "money",
                    models.PositiveBigIntegerField(
                        default=0, help_text="In minor units, beside the points.", verbose_name="and money"
                    ),
                ),
                (
                    "stock",
                    models.PositiveIntegerField(
                        blank=True, help_text="Empty: unlimited.", null=True, verbose_name="stock"
                    ),
                ),
                ("member_limit", models.PositiveIntegerField(blank=True, null=True, verbose_name="most per member")),
                ("segment", models.BigIntegerField(blank=True, null=True, verbose_name="only for segment")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("settings", models.JSONField(blank=True, default=dict, verbose_name="settings of its kind")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rewards", to="loyalty.program"
                    ),
                ),
                (
                    "category",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rewards",
                        to="loyalty.rewardcategory",
                        verbose_name="category",
                    ),
                ),
                (
                    "minimum_tier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.tier",
                        verbose_name="from tier",
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True, verbose_name="archived")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                        verbose_name="tags",
                    ),
                ),
            ],
            options={
                "verbose_name": "reward",
                "verbose_name_plural": "rewards",
                "ordering": ["position", "-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("program", "code"), name="loyalty_reward_code_once"),
                    models.CheckConstraint(condition=models.Q(("points__gt", 0)), name="loyalty_reward_costs_points"),
                    models.CheckConstraint(
                        condition=models.Q(("stock", None), ("stock__gte", 0), _connector="OR"),
                        name="loyalty_reward_stock_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("starts_at", None),
                            ("ends_at", None),
                            ("ends_at__gt", models.F("starts_at")),
                            _connector="OR",
                        ),
                        name="loyalty_reward_ends_after_start",
                    ),
                ],
            },
            bases=(loyalty.program.models.Described, models.Model),
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("earn", "Earned"),
                            ("confirm", "Became available"),
                            ("hold", "Held"),
                            ("capture", "Spent from a hold"),
                            ("release", "Hold released"),
                            ("redeem", "Spent"),
                            ("return", "Given back after a refund"),
                            ("clawback", "Taken back after a refund"),
                            ("settle", "Debt settled"),
                            ("expire", "Expired"),
                            ("adjust", "Adjusted by hand"),
                            ("transfer_out", "Given to another member"),
                            ("transfer_in", "Received from another member"),
                            ("merge_out", "Carried to the merged customer"),
                            ("merge_in", "Carried from the merged customer"),
                        ],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("available", models.BigIntegerField(default=0, verbose_name="available")),
                ("pending", models.BigIntegerField(default=0, verbose_name="pending")),
                ("held", models.BigIntegerField(default=0, verbose_name="held")),
                ("debt", models.BigIntegerField(default=0, verbose_name="debt")),
                ("hold_id", models.UUIDField(null=True)),
                (
                    "reference",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The member reads it.",
                        max_length=200,
                        verbose_name="reference",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=40, verbose_name="reason")),
                ("actor", models.CharField(default="system", max_length=80)),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="loyalty.account",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="crm.order",
                    ),
                ),
                (
                    "note",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="For staff: no member reads it.",
                        max_length=400,
                        verbose_name="note",
                    ),
                ),
            ],
            options={
                "verbose_name": "ledger entry",
                "verbose_name_plural": "ledger entries",
                "indexes": [
                    models.Index(fields=["account", "-id"], name="loyalty_entry_of_account"),
                    models.Index(
                        condition=models.Q(("order__isnull", False)), fields=["order"], name="loyalty_entry_of_order"
                    ),
                    models.Index(
                        condition=models.Q(("kind__in", ["earn", "clawback"])),
                        fields=["account", "occurred_at"],
                        name="loyalty_entry_earned",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("available", 0), ("debt", 0), ("held", 0), ("pending", 0), _negated=True),
                        name="loyalty_entry_changes_something",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("captured", models.BigIntegerField(default=0, verbose_name="spent")),
                ("returned", models.BigIntegerField(default=0, verbose_name="given back")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("held", "Held"),
                            ("captured", "Spent"),
                            ("released", "Released"),
                            ("expired", "Ran out"),
                        ],
                        default="held",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("reference", models.CharField(blank=True, default="", max_length=200, verbose_name="reference")),
                ("expires_at", models.DateTimeField(verbose_name="lives until")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="loyalty.account",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.entry",
                    ),
                ),
            ],
            options={
                "verbose_name": "hold",
                "verbose_name_plural": "holds",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "held")), fields=["expires_at"], name="loyalty_hold_to_sweep"
                    ),
                    models.Index(fields=["account", "-created_at"], name="loyalty_hold_of_account"),
                    models.Index(
                        condition=models.Q(("reference", ""), _negated=True),
                        fields=["reference"],
                        name="loyalty_hold_by_reference",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("points__gt", 0)), name="loyalty_hold_has_points"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("captured__gte", 0),
                            ("captured__lte", models.F("points")),
                            ("returned__gte", 0),
                            ("returned__lte", models.F("captured")),
                        ),
                        name="loyalty_hold_captures_at_most_itself",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("state", "held")),
                            models.Q(models.Q(("state", "held"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="loyalty_hold_ends_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RewardRedemption",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("money", models.BigIntegerField(default=0, verbose_name="money")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("placed", "Being prepared"),
                            ("fulfilled", "Delivered"),
                            ("shipped", "Sent"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="placed",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("address", core.db.fields.EncryptedTextField(editable=True, null=True)),
                ("code", core.db.fields.EncryptedTextField(editable=True, null=True)),
                ("tracking", models.CharField(blank=True, default="", max_length=120, verbose_name="tracking number")),
                ("reference", models.CharField(blank=True, default="", max_length=200, verbose_name="reference")),
                ("outcome", models.JSONField(blank=True, default=dict)),
                ("error", models.CharField(blank=True, default="", max_length=400, verbose_name="error")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("actor", models.CharField(max_length=80)),
                (
                    "placed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="redeemed"),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                (
                    "hold",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="redemption", to="loyalty.hold"
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="redemptions",
                        to="loyalty.member",
                    ),
                ),
                (
                    "reward",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="redemptions",
                        to="loyalty.reward",
                    ),
                ),
            ],
            options={
                "verbose_name": "redemption of a reward",
                "verbose_name_plural": "redemptions of rewards",
                "permissions": [("handle_redemptions", "Can send and cancel redeemed rewards")],
                "indexes": [
                    models.Index(fields=["member", "-placed_at"], name="loyalty_redemption_of_member"),
                    models.Index(fields=["reward", "-placed_at"], name="loyalty_redemption_of_reward"),
                    models.Index(
                        condition=models.Q(("state", "placed")), fields=["placed_at"], name="loyalty_redemption_placed"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("state", "placed")),
                            models.Q(models.Q(("state", "placed"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="loyalty_rewardredemption_ends_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RewardCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", core.db.fields.EncryptedTextField(editable=True)),
                ("value_index", core.db.fields.BlindIndexField(max_length=17)),
                ("added_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("given_at", models.DateTimeField(null=True, verbose_name="given")),
                (
                    "reward",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="codes",
                        to="loyalty.reward",
                    ),
                ),
                (
                    "redemption",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pool_code",
                        to="loyalty.rewardredemption",
                    ),
                ),
            ],
            options={
                "verbose_name": "reward code",
                "verbose_name_plural": "reward codes",
                "indexes": [
                    models.Index(
                        condition=models.Q(("redemption", None)),
                        fields=["reward", "id"],
                        name="loyalty_rewardcode_free",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("reward", "value_index"), name="loyalty_rewardcode_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="RewardEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=40, verbose_name="code")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("coupon", "Coupon"),
                            ("gift", "Gift by post"),
                            ("voucher", "E-voucher code"),
                            ("privilege", "Privilege"),
                            ("donation", "Donation"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=120, verbose_name="name in Chinese")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("description_zh", models.TextField(blank=True, default="", verbose_name="description in Chinese")),
                ("picture", models.FileField(blank=True, default="", upload_to="rewards/", verbose_name="picture")),
                ("points", models.PositiveBigIntegerField(verbose_name="points")),
                (
                    "money",
                    models.PositiveBigIntegerField(
                        default=0, help_text="In minor units, beside the points.", verbose_name="and money"
                    ),
                ),
                (
                    "stock",
                    models.PositiveIntegerField(
                        blank=True, help_text="Empty: unlimited.", null=True, verbose_name="stock"
                    ),
                ),
                ("member_limit", models.PositiveIntegerField(blank=True, null=True, verbose_name="most per member")),
                ("segment", models.BigIntegerField(blank=True, null=True, verbose_name="only for segment")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("settings", models.JSONField(blank=True, default=dict, verbose_name="settings of its kind")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "category",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.rewardcategory",
                        verbose_name="category",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.reward",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.program",
                    ),
                ),
                (
                    "minimum_tier",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.tier",
                        verbose_name="from tier",
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True, verbose_name="archived")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                        verbose_name="tags",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RewardUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("count", models.PositiveIntegerField(default=0)),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.member",
                    ),
                ),
                (
                    "reward",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.reward",
                    ),
                ),
            ],
            options={
                "verbose_name": "reward's use",
                "verbose_name_plural": "rewards' uses",
                "constraints": [models.UniqueConstraint(fields=("reward", "member"), name="loyalty_rewarduse_once")],
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=120, verbose_name="name in Chinese")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("description_zh", models.TextField(blank=True, default="", verbose_name="description in Chinese")),
                ("icon", models.CharField(default="list-check", max_length=40, verbose_name="icon")),
                ("trigger", models.CharField(max_length=40, verbose_name="what counts")),
                (
                    "event_kind",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="kind of activity"),
                ),
                (
                    "measure",
                    models.CharField(
                        choices=[("times", "How often"), ("amount", "Amount of money"), ("days", "Days in a row")],
                        default="times",
                        max_length=6,
                        verbose_name="measured by",
                    ),
                ),
                (
                    "period",
                    models.CharField(
                        choices=[
                            ("ever", "Never"),
                            ("day", "Every day"),
                            ("week", "Every week"),
                            ("month", "Every month"),
                        ],
                        default="ever",
                        max_length=5,
                        verbose_name="resets",
                    ),
                ),
                ("season", models.CharField(blank=True, default="", max_length=80, verbose_name="season")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                ("join", models.BooleanField(default=False, verbose_name="members join first")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("counts_from", models.DateTimeField(verbose_name="counts from")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="loyalty.program"
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True, verbose_name="archived")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                        verbose_name="tags",
                    ),
                ),
            ],
            options={
                "verbose_name": "task",
                "verbose_name_plural": "tasks",
                "ordering": ["position", "-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("program", "code"), name="loyalty_task_code_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("starts_at", None),
                            ("ends_at", None),
                            ("ends_at__gt", models.F("starts_at")),
                            _connector="OR",
                        ),
                        name="loyalty_task_ends_after_start",
                    ),
                ],
            },
            bases=(loyalty.program.models.Described, models.Model),
        ),
        migrations.CreateModel(
            name="TaskEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=120, verbose_name="name in Chinese")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("description_zh", models.TextField(blank=True, default="", verbose_name="description in Chinese")),
                ("icon", models.CharField(default="list-check", max_length=40, verbose_name="icon")),
                ("trigger", models.CharField(max_length=40, verbose_name="what counts")),
                (
                    "event_kind",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="kind of activity"),
                ),
                (
                    "measure",
                    models.CharField(
                        choices=[("times", "How often"), ("amount", "Amount of money"), ("days", "Days in a row")],
                        default="times",
                        max_length=6,
                        verbose_name="measured by",
                    ),
                ),
                (
                    "period",
                    models.CharField(
                        choices=[
                            ("ever", "Never"),
                            ("day", "Every day"),
                            ("week", "Every week"),
                            ("month", "Every month"),
                        ],
                        default="ever",
                        max_length=5,
                        verbose_name="resets",
                    ),
                ),
                ("season", models.CharField(blank=True, default="", max_length=80, verbose_name="season")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                ("join", models.BooleanField(default=False, verbose_name="members join first")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("counts_from", models.DateTimeField(verbose_name="counts from")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.task",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.program",
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True, verbose_name="archived")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                        verbose_name="tags",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TaskJoin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("joined_at", models.DateTimeField(verbose_name="joined")),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.member",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="joins",
                        to="loyalty.task",
                    ),
                ),
            ],
            options={
                "verbose_name": "joined task",
                "verbose_name_plural": "joined tasks",
                "indexes": [models.Index(fields=["member"], name="loyalty_taskjoin_of_member")],
                "constraints": [models.UniqueConstraint(fields=("task", "member"), name="loyalty_taskjoin_once")],
            },
        ),
        migrations.CreateModel(
            name="TaskLevel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "level",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)], verbose_name="level"
                    ),
                ),
                ("goal", models.PositiveBigIntegerField(verbose_name="goal")),
                ("points", models.PositiveBigIntegerField(default=0, verbose_name="points")),
                ("growth", models.PositiveBigIntegerField(default=0, verbose_name="growth value")),
                (
                    "badge",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="levels",
                        to="loyalty.badge",
                        verbose_name="badge",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="levels",
                        to="loyalty.task",
                    ),
                ),
            ],
            options={
                "verbose_name": "level of a task",
                "verbose_name_plural": "levels of tasks",
                "ordering": ["task", "level"],
                "constraints": [
                    models.UniqueConstraint(fields=("task", "level"), name="loyalty_tasklevel_once"),
                    models.UniqueConstraint(fields=("task", "goal"), name="loyalty_tasklevel_goal_once"),
                    models.CheckConstraint(
                        condition=models.Q(("goal__gt", 0), ("level__gt", 0)),
                        name="loyalty_tasklevel_has_something_to_reach",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskLevelEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "level",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)], verbose_name="level"
                    ),
                ),
                ("goal", models.PositiveBigIntegerField(verbose_name="goal")),
                ("points", models.PositiveBigIntegerField(default=0, verbose_name="points")),
                ("growth", models.PositiveBigIntegerField(default=0, verbose_name="growth value")),
                (
                    "badge",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.badge",
                        verbose_name="badge",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.tasklevel",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.task",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TaskProgress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("period_start", models.DateField(verbose_name="period from")),
                ("count", models.BigIntegerField(default=0, verbose_name="count")),
                ("best", models.BigIntegerField(default=0, verbose_name="best")),
                ("level", models.PositiveSmallIntegerField(default=0, verbose_name="level")),
                ("last_on", models.DateField(null=True, verbose_name="last counted on")),
                ("started_at", models.DateTimeField(verbose_name="started")),
                ("updated_at", models.DateTimeField(verbose_name="updated")),
                ("completed_at", models.DateTimeField(null=True, verbose_name="completed")),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.member",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="progress",
                        to="loyalty.task",
                    ),
                ),
            ],
            options={
                "verbose_name": "progress of a task",
                "verbose_name_plural": "progress of tasks",
                "indexes": [
                    models.Index(fields=["task", "period_start", "level"], name="loyalty_taskprogress_of_task")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("member", "task", "period_start"), name="loyalty_taskprogress_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("best__gte", models.F("count")), ("count__gte", 0)),
                        name="loyalty_taskprogress_best_is_most",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(max_length=120, verbose_name="reference")),
                ("amount", models.BigIntegerField(default=0, verbose_name="amount")),
                ("happened_on", models.DateField(verbose_name="on")),
                (
                    "progress",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="loyalty.taskprogress",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.task"
                    ),
                ),
            ],
            options={
                "verbose_name": "step of a task",
                "verbose_name_plural": "steps of tasks",
                "indexes": [models.Index(fields=["progress"], name="loyalty_taskstep_of_progress")],
                "constraints": [models.UniqueConstraint(fields=("task", "reference"), name="loyalty_taskstep_once")],
            },
        ),
        migrations.CreateModel(
            name="TierBenefit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=30, verbose_name="kind")),
                ("settings", models.JSONField(blank=True, default=dict, verbose_name="settings of its kind")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("error", models.CharField(blank=True, default="", max_length=400, verbose_name="error")),
                (
                    "active_since",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="since"),
                ),
                (
                    "tier",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="benefits",
                        to="loyalty.tier",
                    ),
                ),
            ],
            options={
                "verbose_name": "benefit of a tier",
                "verbose_name_plural": "benefits of tiers",
                "ordering": ["tier", "position", "id"],
                "indexes": [models.Index(fields=["tier", "position"], name="loyalty_tierbenefit_of_tier")],
            },
        ),
        migrations.CreateModel(
            name="TierBenefitEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=30, verbose_name="kind")),
                ("settings", models.JSONField(blank=True, default=dict, verbose_name="settings of its kind")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("error", models.CharField(blank=True, default="", max_length=400, verbose_name="error")),
                (
                    "active_since",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="since"),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.tierbenefit",
                    ),
                ),
                (
                    "tier",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.tier",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TierEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=80, verbose_name="name in Chinese")),
                ("rank", models.PositiveSmallIntegerField(verbose_name="rank")),
                ("threshold", models.BigIntegerField(verbose_name="threshold")),
                (
                    "multiplier",
                    models.DecimalField(decimal_places=2, default=1, max_digits=5, verbose_name="points multiplier"),
                ),
                (
                    "paid_price",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="In minor units. Empty: it can't be bought.",
                        null=True,
                        verbose_name="price",
                    ),
                ),
                ("paid_days", models.PositiveSmallIntegerField(default=365, verbose_name="bought for (days)")),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.tier",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.program",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TierPeriod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("qualified", "Qualified"),
                            ("period_ended", "Period ended"),
                            ("returned", "Goods returned"),
                            ("manual", "Set by hand"),
                            ("paid", "Bought"),
                            ("imported", "Orders brought in"),
                        ],
                        max_length=14,
                        verbose_name="reason",
                    ),
                ),
                ("started_at", models.DateTimeField(verbose_name="from")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="to")),
                ("actor", models.CharField(default="system", max_length=80)),
                ("note", models.CharField(blank=True, db_default="", default="", max_length=400, verbose_name="note")),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tier_periods",
                        to="loyalty.member",
                    ),
                ),
                (
                    "tier",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="periods",
                        to="loyalty.tier",
                    ),
                ),
            ],
            options={
                "verbose_name": "tier period",
                "verbose_name_plural": "tier periods",
                "indexes": [
                    models.Index(fields=["member", "-started_at"], name="loyalty_tierperiod_of_member"),
                    models.Index(fields=["tier", "started_at"], name="loyalty_tierperiod_entered"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("member",), name="loyalty_tierperiod_one_open"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at", None), ("ended_at__gte", models.F("started_at")), _connector="OR"
                        ),
                        name="loyalty_tierperiod_ends_after_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TierRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ran_at", models.DateTimeField(verbose_name="ran")),
                ("up_count", models.PositiveIntegerField(default=0, verbose_name="up")),
                ("down_count", models.PositiveIntegerField(default=0, verbose_name="down")),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tier_runs",
                        to="loyalty.program",
                    ),
                ),
            ],
            options={
                "verbose_name": "evaluation of tiers",
                "verbose_name_plural": "evaluations of tiers",
                "indexes": [models.Index(fields=["program", "-ran_at"], name="loyalty_tierrun_newest")],
            },
        ),
        migrations.CreateModel(
            name="TierRunPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("ran_at", models.DateTimeField()),
                ("up_count", models.PositiveIntegerField(default=0)),
                ("down_count", models.PositiveIntegerField(default=0)),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.program",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("program", "first"), name="loyalty_tierrunpart_once")],
            },
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("note", models.CharField(blank=True, default="", max_length=200, verbose_name="note")),
                ("actor", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "receiver",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers_in",
                        to="loyalty.account",
                    ),
                ),
                (
                    "sender",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers_out",
                        to="loyalty.account",
                    ),
                ),
            ],
            options={
                "verbose_name": "transfer of points",
                "verbose_name_plural": "transfers of points",
                "indexes": [
                    models.Index(fields=["sender", "-created_at"], name="loyalty_transfer_sent"),
                    models.Index(fields=["receiver", "-created_at"], name="loyalty_transfer_received"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("points__gt", 0)), name="loyalty_transfer_has_points"),
                    models.CheckConstraint(
                        condition=models.Q(("sender", models.F("receiver")), _negated=True),
                        name="loyalty_transfer_to_someone_else",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AdjustmentRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("reason", models.CharField(max_length=40, verbose_name="reason")),
                ("note", models.CharField(blank=True, default="", max_length=400, verbose_name="note")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("given", "Done at once"),
                            ("waiting", "Waiting"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="waiting",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                (
                    "requested_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="asked"),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided")),
                ("decision_note", models.CharField(blank=True, default="", max_length=400, verbose_name="answer")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustment_requests",
                        to="loyalty.account",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="crm.ticket",
                    ),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustment",
                        to="loyalty.entry",
                    ),
                ),
                (
                    "reverses",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversal",
                        to="loyalty.adjustmentrequest",
                        verbose_name="reverses",
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The member reads it.",
                        max_length=200,
                        verbose_name="reference",
                    ),
                ),
            ],
            options={
                "verbose_name": "adjustment to approve",
                "verbose_name_plural": "adjustments to approve",
                "permissions": [("approve_adjustment", "Can approve adjustments of points")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["requested_at"],
                        name="loyalty_adjustment_waiting",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("points", 0), _negated=True),
                        name="loyalty_adjustmentrequest_moves_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "approved"), _negated=True),
                            models.Q(("decided_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="loyalty_adjustmentrequest_four_eyes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AdjustmentRequestEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.UUIDField(default=uuid.uuid4, serialize=False)),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("reason", models.CharField(max_length=40, verbose_name="reason")),
                ("note", models.CharField(blank=True, default="", max_length=400, verbose_name="note")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("given", "Done at once"),
                            ("waiting", "Waiting"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="waiting",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                (
                    "requested_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="asked"),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided")),
                ("decision_note", models.CharField(blank=True, default="", max_length=400, verbose_name="answer")),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.account",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.adjustmentrequest",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="crm.ticket",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.entry",
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.adjustmentrequest",
                        verbose_name="reverses",
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The member reads it.",
                        max_length=200,
                        verbose_name="reference",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="EarningRuleVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("points", models.PositiveIntegerField(default=1, verbose_name="points")),
                (
                    "per_amount",
                    models.PositiveIntegerField(
                        blank=True,
                        default=100,
                        help_text="In minor units. Empty: each time.",
                        null=True,
                        verbose_name="per amount",
                    ),
                ),
                ("include_tax", models.BooleanField(default=False, verbose_name="tax counts")),
                ("include_shipping", models.BooleanField(default=False, verbose_name="shipping counts")),
                ("tier_multiplier", models.BooleanField(default=True, verbose_name="multiplied by tier")),
                ("conditions", models.JSONField(blank=True, default=list, verbose_name="conditions")),
                (
                    "stacking",
                    models.CharField(
                        choices=[
                            ("sum", "Adds to the others"),
                            ("best", "Only the best counts"),
                            ("multiply", "Multiplies the others"),
                        ],
                        default="sum",
                        max_length=8,
                        verbose_name="together with others",
                    ),
                ),
                ("factor", models.DecimalField(decimal_places=2, default=1, max_digits=5, verbose_name="factor")),
                ("caps", models.JSONField(blank=True, default=list, verbose_name="limits")),
                (
                    "streak_days",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="0: each time. Else once so many days in a row are reached.",
                        verbose_name="days in a row",
                    ),
                ),
                (
                    "published_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="published"
                    ),
                ),
                ("published_by", models.CharField(default="system", max_length=80)),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="loyalty.earningrule",
                    ),
                ),
            ],
            options={
                "verbose_name": "earning rule version",
                "verbose_name_plural": "earning rule versions",
                "constraints": [
                    models.UniqueConstraint(fields=("rule", "version"), name="loyalty_earningruleversion_once"),
                    models.CheckConstraint(
                        condition=models.Q(("per_amount__gt", 0)), name="loyalty_earningruleversion_has_a_unit"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("stacking", "multiply"), _negated=True), ("factor__gt", 1), _connector="OR"
                        ),
                        name="loyalty_earningruleversion_multiplies_by_more_than_one",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExpiryNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("expires_on", models.DateField(verbose_name="last day")),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("told_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.account",
                    ),
                ),
            ],
            options={
                "verbose_name": "expiry notice",
                "verbose_name_plural": "expiry notices",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "expires_on"), name="loyalty_expirynotice_once_per_day")
                ],
            },
        ),
        migrations.CreateModel(
            name="LevelReached",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("level", models.PositiveSmallIntegerField(verbose_name="level")),
                ("points", models.BigIntegerField(default=0, verbose_name="points")),
                ("growth", models.BigIntegerField(default=0, verbose_name="growth value")),
                ("reached_at", models.DateTimeField(verbose_name="reached")),
                (
                    "badge",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.badge"
                    ),
                ),
                (
                    "progress",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reached",
                        to="loyalty.taskprogress",
                    ),
                ),
            ],
            options={
                "verbose_name": "level that was reached",
                "verbose_name_plural": "levels that were reached",
                "constraints": [
                    models.UniqueConstraint(fields=("progress", "level"), name="loyalty_levelreached_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Lot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("order", "Order"),
                            ("adjustment", "Adjustment"),
                            ("reinstated", "Reinstated after a refund"),
                            ("transfer", "Transfer"),
                            ("activity", "Activity"),
                            ("merge", "Merge of two customers"),
                        ],
                        max_length=12,
                        verbose_name="source",
                    ),
                ),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("remaining", models.BigIntegerField(verbose_name="left")),
                (
                    "open",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.ExpressionWrapper(
                            models.Q(("remaining__gt", 0)), output_field=models.BooleanField()
                        ),
                        output_field=models.BooleanField(),
                    ),
                ),
                ("held", models.BigIntegerField(default=0, verbose_name="held")),
                ("expired", models.BigIntegerField(default=0, verbose_name="expired")),
                ("available_from", models.DateTimeField(verbose_name="available from")),
                ("confirmed_at", models.DateTimeField(null=True, verbose_name="became available")),
                ("expires_at", models.DateTimeField(null=True, verbose_name="expires")),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lots",
                        to="loyalty.account",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.entry",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="crm.order",
                    ),
                ),
            ],
            options={
                "verbose_name": "lot",
                "verbose_name_plural": "lots",
                "indexes": [
                    models.Index(
                        models.F("account"),
                        models.OrderBy(models.F("expires_at"), nulls_last=True),
                        models.F("id"),
                        condition=models.Q(("open", True)),
                        name="loyalty_lot_spendable",
                    ),
                    models.Index(
                        condition=models.Q(("confirmed_at", None), ("open", True)),
                        fields=["available_from"],
                        name="loyalty_lot_to_confirm",
                    ),
                    models.Index(
                        condition=models.Q(("open", True)), fields=["expires_at"], name="loyalty_lot_to_expire"
                    ),
                    models.Index(
                        condition=models.Q(("order__isnull", False)), fields=["order"], name="loyalty_lot_of_order"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("points__gt", 0)), name="loyalty_lot_has_points"),
                    models.CheckConstraint(
                        condition=models.Q(("expired__gte", 0), ("held__gte", 0), ("remaining__gte", 0)),
                        name="loyalty_lot_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "points__gte",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("remaining"), "+", models.F("held")
                                    ),
                                    "+",
                                    models.F("expired"),
                                ),
                            )
                        ),
                        name="loyalty_lot_never_more_than_earned",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Allocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("returned", models.BigIntegerField(default=0, verbose_name="returned")),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="loyalty.entry",
                    ),
                ),
                (
                    "lot",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="loyalty.lot",
                    ),
                ),
            ],
            options={
                "verbose_name": "allocation",
                "verbose_name_plural": "allocations",
                "indexes": [models.Index(fields=["entry"], name="loyalty_allocation_of_entry")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("points__gt", 0), ("returned__gte", 0), ("returned__lte", models.F("points"))
                        ),
                        name="loyalty_allocation_returns_at_most_itself",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EarningUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("period", models.CharField(max_length=5)),
                ("starts_on", models.DateField()),
                ("points", models.BigIntegerField(default=0)),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uses",
                        to="loyalty.earningrule",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="earning_uses",
                        to="loyalty.member",
                    ),
                ),
            ],
            options={
                "verbose_name": "use of an earning rule",
                "verbose_name_plural": "uses of earning rules",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("rule", "member", "period", "starts_on"),
                        name="loyalty_earninguse_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("points__gte", 0)), name="loyalty_earninguse_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Earning",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reference",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The happening's; empty for the member's order.",
                        max_length=120,
                        verbose_name="reference",
                    ),
                ),
                ("base", models.BigIntegerField(help_text="Minor units that counted.", verbose_name="base")),
                (
                    "base_remainder",
                    models.DecimalField(
                        decimal_places=6,
                        default=0,
                        help_text="Part of a minor unit that is left over from a shared base.",
                        max_digits=7,
                    ),
                ),
                (
                    "lines",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        help_text="The order lines that counted; null is the whole order.",
                        null=True,
                        size=None,
                    ),
                ),
                ("multiplier", models.DecimalField(decimal_places=2, max_digits=5, verbose_name="multiplier")),
                ("points", models.BigIntegerField(verbose_name="points")),
                (
                    "cut",
                    models.BigIntegerField(
                        default=0,
                        help_text="Points that a limit or the budget kept back.",
                        verbose_name="cut by a limit",
                    ),
                ),
                (
                    "remainder",
                    models.DecimalField(
                        decimal_places=6,
                        help_text="Exact points minus the points before any cut.",
                        max_digits=12,
                        verbose_name="rounded off",
                    ),
                ),
                ("taken_back", models.BigIntegerField(default=0, verbose_name="taken back")),
                (
                    "forgiven",
                    models.BigIntegerField(
                        default=0, help_text="Of what was taken back: points that had run out, and were gone already."
                    ),
                ),
                ("occurred_at", models.DateTimeField(null=True, verbose_name="occurred at")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="crm.order",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="earnings",
                        to="loyalty.earningrule",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="earnings",
                        to="loyalty.earningruleversion",
                    ),
                ),
                (
                    "lot",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.lot",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="earnings",
                        to="loyalty.member",
                    ),
                ),
            ],
            options={
                "verbose_name": "earning",
                "verbose_name_plural": "earnings",
                "indexes": [models.Index(fields=["member", "-id"], name="loyalty_earning_of_member")],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "rule"), name="loyalty_earning_once_per_order_and_rule"),
                    models.UniqueConstraint(
                        condition=models.Q(("reference", ""), _negated=True),
                        fields=("rule", "reference"),
                        name="loyalty_earning_once_per_happening_and_rule",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("order__isnull", False), models.Q(("reference", ""), _negated=True), _connector="OR"
                        ),
                        name="loyalty_earning_has_a_cause",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("taken_back__gte", 0), ("taken_back__lte", models.F("points"))),
                        name="loyalty_earning_takes_back_at_most_itself",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BenefitGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=40, verbose_name="occasion")),
                (
                    "state",
                    models.CharField(
                        choices=[("given", "Given"), ("failed", "Failed, tried again"), ("given_up", "Failed")],
                        default="given",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("outcome", models.JSONField(blank=True, default=dict)),
                ("error", models.CharField(blank=True, default="", max_length=400, verbose_name="error")),
                ("attempts", models.PositiveSmallIntegerField(default=1)),
                ("next_try_at", models.DateTimeField(null=True, verbose_name="tried again")),
                ("granted_at", models.DateTimeField(null=True, verbose_name="given")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="benefit_grants",
                        to="loyalty.member",
                    ),
                ),
                (
                    "benefit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="loyalty.tierbenefit",
                    ),
                ),
            ],
            options={
                "verbose_name": "given benefit",
                "verbose_name_plural": "given benefits",
                "indexes": [
                    models.Index(fields=["member", "-created_at"], name="loyalty_benefitgrant_of_member"),
                    models.Index(
                        condition=models.Q(("state", "failed")),
                        fields=["next_try_at"],
                        name="loyalty_benefitgrant_again",
                    ),
                    models.Index(
                        condition=models.Q(("state", "given"), _negated=True),
                        fields=["benefit", "-created_at"],
                        name="loyalty_benefitgrant_failed",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("benefit", "member", "key"), name="loyalty_benefitgrant_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("granted_at__isnull", False), ("state", "given")),
                            models.Q(models.Q(("state", "given"), _negated=True), ("granted_at", None)),
                            _connector="OR",
                        ),
                        name="loyalty_benefitgrant_given_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MemberBadge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("awarded_at", models.DateTimeField(verbose_name="awarded")),
                ("reference", models.CharField(blank=True, default="", max_length=200, verbose_name="reference")),
                (
                    "badge",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holders",
                        to="loyalty.badge",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="badges",
                        to="loyalty.member",
                    ),
                ),
            ],
            options={
                "verbose_name": "member's badge",
                "verbose_name_plural": "members' badges",
                "indexes": [models.Index(fields=["badge", "-awarded_at"], name="loyalty_memberbadge_of_badge")],
                "constraints": [models.UniqueConstraint(fields=("member", "badge"), name="loyalty_memberbadge_once")],
            },
        ),
        migrations.CreateModel(
            name="PointsSnapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("points", models.BigIntegerField(verbose_name="points")),
                (
                    "breakage",
                    models.BigIntegerField(
                        help_text="Expected by chain-ladder; empty before six months.",
                        null=True,
                        verbose_name="expected breakage",
                    ),
                ),
                ("months", models.JSONField(default=list)),
                ("taken_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="snapshots",
                        to="loyalty.program",
                    ),
                ),
            ],
            options={
                "verbose_name": "points snapshot",
                "verbose_name_plural": "points snapshots",
                "constraints": [
                    models.UniqueConstraint(fields=("program", "day"), name="loyalty_pointssnapshot_once_a_day")
                ],
            },
        ),
        migrations.CreateModel(
            name="MemberEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("suspended", "Suspended"), ("left", "Left")],
                        default="active",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("tier_since", models.DateTimeField(null=True, verbose_name="tier since")),
                ("tier_locked_until", models.DateTimeField(null=True, verbose_name="tier locked until")),
                ("qualifying", models.BigIntegerField(default=0, verbose_name="qualifying")),
                (
                    "leaderboard_name",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Chosen by the member. Empty: they are not on it.",
                        max_length=40,
                        verbose_name="name on the leaderboard",
                    ),
                ),
                (
                    "enrolled_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="member since"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="crm.customer",
                    ),
                ),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.member",
                    ),
                ),
                (
                    "referred_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.member",
                        verbose_name="referred by",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.program",
                    ),
                ),
                (
                    "tier",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.tier",
                    ),
                ),
                ("resumed_at", models.DateTimeField(null=True, verbose_name="resumed")),
                ("suspended_at", models.DateTimeField(null=True, verbose_name="suspended")),
                (
                    "suspended_by",
                    models.CharField(blank=True, db_default="", max_length=80, verbose_name="suspended by"),
                ),
                (
                    "suspension_note",
                    models.CharField(blank=True, db_default="", max_length=400, verbose_name="note on the suspension"),
                ),
                (
                    "suspension_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("fraud", "Suspected abuse"),
                            ("payment", "Unpaid or charged back"),
                            ("request", "At the customer's request"),
                            ("other", "Other"),
                        ],
                        db_default="",
                        max_length=8,
                        verbose_name="reason of the suspension",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="GivenTier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("manual", "Set by hand"), ("paid", "Bought")], max_length=6, verbose_name="kind"
                    ),
                ),
                ("starts_at", models.DateTimeField(verbose_name="from")),
                ("ends_at", models.DateTimeField(verbose_name="until")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                ("locked", models.BooleanField(default=False, verbose_name="locked")),
                ("reason", models.CharField(blank=True, default="", max_length=40, verbose_name="reason")),
                ("note", models.CharField(blank=True, default="", max_length=400, verbose_name="note")),
                ("reference", models.CharField(blank=True, max_length=120, null=True, verbose_name="reference")),
                ("amount", models.PositiveBigIntegerField(default=0, verbose_name="amount")),
                ("refunded_at", models.DateTimeField(null=True, verbose_name="refunded")),
                ("actor", models.CharField(default="system", max_length=80)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="given_tiers",
                        to="loyalty.member",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.program",
                    ),
                ),
                (
                    "tier",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="loyalty.tier"),
                ),
            ],
            options={
                "verbose_name": "given tier",
                "verbose_name_plural": "given tiers",
                "indexes": [
                    models.Index(fields=["member", "-ends_at"], name="loyalty_giventier_of_member"),
                    models.Index(
                        condition=models.Q(("ended_at", None)), fields=["ends_at"], name="loyalty_giventier_running"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("program", "reference"), name="loyalty_giventier_reference_once"),
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gte", models.F("starts_at"))),
                        name="loyalty_giventier_ends_after_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "manual"), ("reference", None)),
                            models.Q(("kind", "paid"), ("reference__isnull", False)),
                            _connector="OR",
                        ),
                        name="loyalty_giventier_bought_has_a_reference",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EarningRuleEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("trigger", models.CharField(default="order", max_length=20, verbose_name="earned by")),
                (
                    "event_kind",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="For activity: which kind earns.",
                        max_length=40,
                        verbose_name="activity kind",
                    ),
                ),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="If two best rules give the same, the smaller position counts.",
                        verbose_name="position",
                    ),
                ),
                (
                    "budget",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="Maximum points that the rule may give in total. Empty: no limit.",
                        null=True,
                        verbose_name="budget (points)",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.earningrule",
                    ),
                ),
                (
                    "point_type",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.pointtype",
                        verbose_name="point type",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.program",
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True, verbose_name="archived")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        default=list,
                        editable=False,
                        size=None,
                        verbose_name="tags",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="BadgeEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, default="", max_length=80, verbose_name="name in Chinese")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("description_zh", models.TextField(blank=True, default="", verbose_name="description in Chinese")),
                ("icon", models.CharField(default="award", max_length=40, verbose_name="icon")),
                (
                    "active",
                    models.BooleanField(
                        default=True,
                        help_text="An inactive badge is not awarded. Members who have it keep it.",
                        verbose_name="active",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.badge",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="loyalty.program",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AgentBudget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("given", models.BigIntegerField(default=0, verbose_name="given")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="loyalty.program",
                    ),
                ),
            ],
            options={
                "verbose_name": "agent's budget",
                "verbose_name_plural": "agents' budgets",
                "constraints": [
                    models.UniqueConstraint(fields=("program", "user", "day"), name="loyalty_agentbudget_once_a_day"),
                    models.CheckConstraint(
                        condition=models.Q(("given__gte", 0)), name="loyalty_agentbudget_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GivingLimit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("service_agent", "Service agent"),
                            ("service_lead", "Service lead"),
                            ("marketer", "Marketer"),
                            ("analyst", "Analyst"),
                            ("administrator", "Administrator"),
                        ],
                        max_length=20,
                        unique=True,
                        verbose_name="role",
                    ),
                ),
                ("points_per_act", models.PositiveBigIntegerField(verbose_name="points at once")),
                ("points_per_day", models.PositiveBigIntegerField(verbose_name="points a day")),
                ("coupons_per_day", models.PositiveIntegerField(verbose_name="coupons a day")),
            ],
            options={
                "verbose_name": "giving limit",
                "verbose_name_plural": "giving limits",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("points_per_act__lte", models.F("points_per_day"))),
                        name="loyalty_givinglimit_act_within_day",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GivingLimitEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("service_agent", "Service agent"),
                            ("service_lead", "Service lead"),
                            ("marketer", "Marketer"),
                            ("analyst", "Analyst"),
                            ("administrator", "Administrator"),
                        ],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                ("points_per_act", models.PositiveBigIntegerField(verbose_name="points at once")),
                ("points_per_day", models.PositiveBigIntegerField(verbose_name="points a day")),
                ("coupons_per_day", models.PositiveIntegerField(verbose_name="coupons a day")),
                (
                    "pgh_context",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pghistory.context",
                    ),
                ),
                (
                    "pgh_obj",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="loyalty.givinglimit",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="program",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_programevent" ("auto_enrol", "code", "currency", "expiry_count", "expiry_notice_days", "expiry_policy", "hold_seconds", "id", "is_default", "member_day_kind", "member_day_number", "member_day_weekday", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "redeem_amount", "redeem_minimum", "redeem_points", "redeem_share_percent", "reinstatement_days", "return_window_days", "rounding", "tier_downgrade", "tier_grace_days", "tier_metric", "tier_period", "tier_window_days", "time_zone", "transfer_daily_count", "transfer_daily_points") VALUES (OLD."auto_enrol", OLD."code", OLD."currency", OLD."expiry_count", OLD."expiry_notice_days", OLD."expiry_policy", OLD."hold_seconds", OLD."id", OLD."is_default", OLD."member_day_kind", OLD."member_day_number", OLD."member_day_weekday", OLD."name", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."redeem_amount", OLD."redeem_minimum", OLD."redeem_points", OLD."redeem_share_percent", OLD."reinstatement_days", OLD."return_window_days", OLD."rounding", OLD."tier_downgrade", OLD."tier_grace_days", OLD."tier_metric", OLD."tier_period", OLD."tier_window_days", OLD."time_zone", OLD."transfer_daily_count", OLD."transfer_daily_points"); RETURN NULL;',
                    hash="f99c3cd6eca806b169ceb567c49aebee3ff02485",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_25566",
                    table="loyalty_program",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="program",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_programevent" ("auto_enrol", "code", "currency", "expiry_count", "expiry_notice_days", "expiry_policy", "hold_seconds", "id", "is_default", "member_day_kind", "member_day_number", "member_day_weekday", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "redeem_amount", "redeem_minimum", "redeem_points", "redeem_share_percent", "reinstatement_days", "return_window_days", "rounding", "tier_downgrade", "tier_grace_days", "tier_metric", "tier_period", "tier_window_days", "time_zone", "transfer_daily_count", "transfer_daily_points") VALUES (OLD."auto_enrol", OLD."code", OLD."currency", OLD."expiry_count", OLD."expiry_notice_days", OLD."expiry_policy", OLD."hold_seconds", OLD."id", OLD."is_default", OLD."member_day_kind", OLD."member_day_number", OLD."member_day_weekday", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."redeem_amount", OLD."redeem_minimum", OLD."redeem_points", OLD."redeem_share_percent", OLD."reinstatement_days", OLD."return_window_days", OLD."rounding", OLD."tier_downgrade", OLD."tier_grace_days", OLD."tier_metric", OLD."tier_period", OLD."tier_window_days", OLD."time_zone", OLD."transfer_daily_count", OLD."transfer_daily_points"); RETURN NULL;',
                    hash="d054668d1767bbf037398601801d919d35391740",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_f2c00",
                    table="loyalty_program",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tier",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_tierevent" ("code", "id", "multiplier", "name", "name_zh", "paid_days", "paid_price", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "rank", "threshold") VALUES (OLD."code", OLD."id", OLD."multiplier", OLD."name", OLD."name_zh", OLD."paid_days", OLD."paid_price", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."program_id", OLD."rank", OLD."threshold"); RETURN NULL;',
                    hash="8911b67eea8c32aa384667d81168abdb3755c057",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_96856",
                    table="loyalty_tier",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tier",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_tierevent" ("code", "id", "multiplier", "name", "name_zh", "paid_days", "paid_price", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "rank", "threshold") VALUES (OLD."code", OLD."id", OLD."multiplier", OLD."name", OLD."name_zh", OLD."paid_days", OLD."paid_price", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."program_id", OLD."rank", OLD."threshold"); RETURN NULL;',
                    hash="b2c3fe847b28c1471ce5752040a098f798f4bcb0",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_5ef47",
                    table="loyalty_tier",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="member",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."customer_id" IS DISTINCT FROM (NEW."customer_id") OR OLD."enrolled_at" IS DISTINCT FROM (NEW."enrolled_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."leaderboard_name" IS DISTINCT FROM (NEW."leaderboard_name") OR OLD."program_id" IS DISTINCT FROM (NEW."program_id") OR OLD."referred_by_id" IS DISTINCT FROM (NEW."referred_by_id") OR OLD."resumed_at" IS DISTINCT FROM (NEW."resumed_at") OR OLD."state" IS DISTINCT FROM (NEW."state") OR OLD."suspended_at" IS DISTINCT FROM (NEW."suspended_at") OR OLD."suspended_by" IS DISTINCT FROM (NEW."suspended_by") OR OLD."suspension_note" IS DISTINCT FROM (NEW."suspension_note") OR OLD."suspension_reason" IS DISTINCT FROM (NEW."suspension_reason") OR OLD."tier_locked_until" IS DISTINCT FROM (NEW."tier_locked_until"))',
                    func='INSERT INTO "loyalty_memberevent" ("customer_id", "enrolled_at", "id", "leaderboard_name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "qualifying", "referred_by_id", "resumed_at", "state", "suspended_at", "suspended_by", "suspension_note", "suspension_reason", "tier_id", "tier_locked_until", "tier_since") VALUES (OLD."customer_id", OLD."enrolled_at", OLD."id", OLD."leaderboard_name", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."program_id", OLD."qualifying", OLD."referred_by_id", OLD."resumed_at", OLD."state", OLD."suspended_at", OLD."suspended_by", OLD."suspension_note", OLD."suspension_reason", OLD."tier_id", OLD."tier_locked_until", OLD."tier_since"); RETURN NULL;',
                    hash="8600f8c184a1893adbcd60e6e934cd6bd8e94fc6",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_1bc76",
                    table="loyalty_member",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="member",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_memberevent" ("customer_id", "enrolled_at", "id", "leaderboard_name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "program_id", "qualifying", "referred_by_id", "resumed_at", "state", "suspended_at", "suspended_by", "suspension_note", "suspension_reason", "tier_id", "tier_locked_until", "tier_since") VALUES (OLD."customer_id", OLD."enrolled_at", OLD."id", OLD."leaderboard_name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."program_id", OLD."qualifying", OLD."referred_by_id", OLD."resumed_at", OLD."state", OLD."suspended_at", OLD."suspended_by", OLD."suspension_note", OLD."suspension_reason", OLD."tier_id", OLD."tier_locked_until", OLD."tier_since"); RETURN NULL;',
                    hash="ffe95ccf37cad3c33721aecadfaa31984a56d271",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_ecdc5",
                    table="loyalty_member",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="badge",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_badgeevent" ("active", "code", "created_at", "description", "description_zh", "icon", "id", "name", "name_zh", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "program_id") VALUES (OLD."active", OLD."code", OLD."created_at", OLD."description", OLD."description_zh", OLD."icon", OLD."id", OLD."name", OLD."name_zh", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."position", OLD."program_id"); RETURN NULL;',
                    hash="50feeeeb005cda8e547ddd84f35ad1f76a727f1d",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_50691",
                    table="loyalty_badge",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="badge",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_badgeevent" ("active", "code", "created_at", "description", "description_zh", "icon", "id", "name", "name_zh", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "program_id") VALUES (OLD."active", OLD."code", OLD."created_at", OLD."description", OLD."description_zh", OLD."icon", OLD."id", OLD."name", OLD."name_zh", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."position", OLD."program_id"); RETURN NULL;',
                    hash="d90199dedee9ca9627a3c5b04bd3fbb95d381fe2",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_23c22",
                    table="loyalty_badge",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="earningrule",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_earningruleevent" ("active", "archived_at", "budget", "code", "ends_at", "event_kind", "id", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "point_type_id", "position", "program_id", "starts_at", "tags", "trigger") VALUES (OLD."active", OLD."archived_at", OLD."budget", OLD."code", OLD."ends_at", OLD."event_kind", OLD."id", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."point_type_id", OLD."position", OLD."program_id", OLD."starts_at", OLD."tags", OLD."trigger"); RETURN NULL;',
                    hash="b2dfc2baa6c830aecf1da9de01b06f4fcff6b7aa",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_d70de",
                    table="loyalty_earningrule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="earningrule",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_earningruleevent" ("active", "archived_at", "budget", "code", "ends_at", "event_kind", "id", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "point_type_id", "position", "program_id", "starts_at", "tags", "trigger") VALUES (OLD."active", OLD."archived_at", OLD."budget", OLD."code", OLD."ends_at", OLD."event_kind", OLD."id", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."point_type_id", OLD."position", OLD."program_id", OLD."starts_at", OLD."tags", OLD."trigger"); RETURN NULL;',
                    hash="8bf52e2482ee1ce09418e280401726ce0e4e4a5c",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_56e13",
                    table="loyalty_earningrule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reward",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_rewardevent" ("active", "archived_at", "category_id", "code", "created_at", "description", "description_zh", "ends_at", "id", "kind", "member_limit", "minimum_tier_id", "money", "name", "name_zh", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "picture", "points", "position", "program_id", "segment", "settings", "starts_at", "stock", "tags") VALUES (OLD."active", OLD."archived_at", OLD."category_id", OLD."code", OLD."created_at", OLD."description", OLD."description_zh", OLD."ends_at", OLD."id", OLD."kind", OLD."member_limit", OLD."minimum_tier_id", OLD."money", OLD."name", OLD."name_zh", OLD."owner_id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."picture", OLD."points", OLD."position", OLD."program_id", OLD."segment", OLD."settings", OLD."starts_at", OLD."stock", OLD."tags"); RETURN NULL;',
                    hash="269be536434db550297eaddaed447ebb5bb826c0",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_ad742",
                    table="loyalty_reward",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reward",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_rewardevent" ("active", "archived_at", "category_id", "code", "created_at", "description", "description_zh", "ends_at", "id", "kind", "member_limit", "minimum_tier_id", "money", "name", "name_zh", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "picture", "points", "position", "program_id", "segment", "settings", "starts_at", "stock", "tags") VALUES (OLD."active", OLD."archived_at", OLD."category_id", OLD."code", OLD."created_at", OLD."description", OLD."description_zh", OLD."ends_at", OLD."id", OLD."kind", OLD."member_limit", OLD."minimum_tier_id", OLD."money", OLD."name", OLD."name_zh", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."picture", OLD."points", OLD."position", OLD."program_id", OLD."segment", OLD."settings", OLD."starts_at", OLD."stock", OLD."tags"); RETURN NULL;',
                    hash="cddf0dd9192562f4f5ab19addee715365604c399",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_24e3a",
                    table="loyalty_reward",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="task",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_taskevent" ("active", "archived_at", "code", "counts_from", "created_at", "description", "description_zh", "ends_at", "event_kind", "icon", "id", "join", "measure", "name", "name_zh", "owner_id", "period", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "program_id", "season", "starts_at", "tags", "trigger") VALUES (OLD."active", OLD."archived_at", OLD."code", OLD."counts_from", OLD."created_at", OLD."description", OLD."description_zh", OLD."ends_at", OLD."event_kind", OLD."icon", OLD."id", OLD."join", OLD."measure", OLD."name", OLD."name_zh", OLD."owner_id", OLD."period", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."position", OLD."program_id", OLD."season", OLD."starts_at", OLD."tags", OLD."trigger"); RETURN NULL;',
                    hash="b68b36d13fe05330aeb73911076fcfe92d991f1b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_86798",
                    table="loyalty_task",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="task",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_taskevent" ("active", "archived_at", "code", "counts_from", "created_at", "description", "description_zh", "ends_at", "event_kind", "icon", "id", "join", "measure", "name", "name_zh", "owner_id", "period", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "program_id", "season", "starts_at", "tags", "trigger") VALUES (OLD."active", OLD."archived_at", OLD."code", OLD."counts_from", OLD."created_at", OLD."description", OLD."description_zh", OLD."ends_at", OLD."event_kind", OLD."icon", OLD."id", OLD."join", OLD."measure", OLD."name", OLD."name_zh", OLD."owner_id", OLD."period", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."position", OLD."program_id", OLD."season", OLD."starts_at", OLD."tags", OLD."trigger"); RETURN NULL;',
                    hash="89a3be91f716c315e075b59a89cef90c7ed92b6d",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_71c6c",
                    table="loyalty_task",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tasklevel",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_tasklevelevent" ("badge_id", "goal", "growth", "id", "level", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "points", "task_id") VALUES (OLD."badge_id", OLD."goal", OLD."growth", OLD."id", OLD."level", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."points", OLD."task_id"); RETURN NULL;',
                    hash="0cc285323bd57f688dc1d2e6f78042a860a1ddf6",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_1a593",
                    table="loyalty_tasklevel",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tasklevel",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_tasklevelevent" ("badge_id", "goal", "growth", "id", "level", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "points", "task_id") VALUES (OLD."badge_id", OLD."goal", OLD."growth", OLD."id", OLD."level", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."points", OLD."task_id"); RETURN NULL;',
                    hash="da43d476e22f3d872435a76ecbfc1ab2c385ca8e",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_7625e",
                    table="loyalty_tasklevel",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tierbenefit",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."active" IS DISTINCT FROM (NEW."active") OR OLD."active_since" IS DISTINCT FROM (NEW."active_since") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."position" IS DISTINCT FROM (NEW."position") OR OLD."settings" IS DISTINCT FROM (NEW."settings") OR OLD."tier_id" IS DISTINCT FROM (NEW."tier_id"))',
                    func='INSERT INTO "loyalty_tierbenefitevent" ("active", "active_since", "error", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "settings", "tier_id") VALUES (OLD."active", OLD."active_since", OLD."error", OLD."id", OLD."kind", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."position", OLD."settings", OLD."tier_id"); RETURN NULL;',
                    hash="5653cc04c92e1bff463a754472d821ef7b534615",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_5475a",
                    table="loyalty_tierbenefit",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tierbenefit",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_tierbenefitevent" ("active", "active_since", "error", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "settings", "tier_id") VALUES (OLD."active", OLD."active_since", OLD."error", OLD."id", OLD."kind", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."position", OLD."settings", OLD."tier_id"); RETURN NULL;',
                    hash="1af47ae33d74f6b0e6f71700afe006f5189df23c",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_ec3bc",
                    table="loyalty_tierbenefit",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="adjustmentrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_adjustmentrequestevent" ("account_id", "decided_at", "decided_by_id", "decision_note", "entry_id", "id", "note", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "points", "reason", "reference", "requested_at", "requested_by_id", "reverses_id", "state", "ticket_id") VALUES (OLD."account_id", OLD."decided_at", OLD."decided_by_id", OLD."decision_note", OLD."entry_id", OLD."id", OLD."note", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."points", OLD."reason", OLD."reference", OLD."requested_at", OLD."requested_by_id", OLD."reverses_id", OLD."state", OLD."ticket_id"); RETURN NULL;',
                    hash="fd71e580d2c5cde13d1d2a783ad35a2c6ee70d7c",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_ad21e",
                    table="loyalty_adjustmentrequest",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="adjustmentrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_adjustmentrequestevent" ("account_id", "decided_at", "decided_by_id", "decision_note", "entry_id", "id", "note", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "points", "reason", "reference", "requested_at", "requested_by_id", "reverses_id", "state", "ticket_id") VALUES (OLD."account_id", OLD."decided_at", OLD."decided_by_id", OLD."decision_note", OLD."entry_id", OLD."id", OLD."note", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."points", OLD."reason", OLD."reference", OLD."requested_at", OLD."requested_by_id", OLD."reverses_id", OLD."state", OLD."ticket_id"); RETURN NULL;',
                    hash="5f43472c8f30399a6945cbd2d1ea1ef232c97e2b",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_24cc5",
                    table="loyalty_adjustmentrequest",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="earningruleversion",
            trigger=pgtrigger.compiler.Trigger(
                name="published",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="1b4572ab7a6f122016aac978246ca31a78ecab11",
                    operation="UPDATE",
                    pgid="pgtrigger_published_b02d8",
                    table="loyalty_earningruleversion",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="givinglimit",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "loyalty_givinglimitevent" ("coupons_per_day", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "points_per_act", "points_per_day", "role") VALUES (OLD."coupons_per_day", OLD."id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."points_per_act", OLD."points_per_day", OLD."role"); RETURN NULL;',
                    hash="1ddd143399e2c8f0ba051b011095413fbd9b2615",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_81f24",
                    table="loyalty_givinglimit",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="givinglimit",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "loyalty_givinglimitevent" ("coupons_per_day", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "points_per_act", "points_per_day", "role") VALUES (OLD."coupons_per_day", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."points_per_act", OLD."points_per_day", OLD."role"); RETURN NULL;',
                    hash="0802161739c5c26cf443a389393bf28eb7673070",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_7c9f2",
                    table="loyalty_givinglimit",
                    when="AFTER",
                ),
            ),
        ),
    ]
