import django.contrib.postgres.fields
import core.db.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("analytics", "0001_initial"),
        ("core", "0001_initial"),
        ("core", "__first__"),
        ("crm", "0001_initial"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="Coupon",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(help_text="Customers read it in the shop.", max_length=120, verbose_name="name"),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("amount", "Amount off"), ("percent", "Percent off")],
                        max_length=7,
                        verbose_name="kind",
                    ),
                ),
                ("value", models.PositiveBigIntegerField(verbose_name="value")),
                (
                    "max_discount",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="largest discount"),
                ),
                ("minimum_spend", models.PositiveBigIntegerField(default=0, verbose_name="minimum spend")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "mode",
                    models.CharField(
                        choices=[("public", "One public code"), ("unique", "A code for each customer")],
                        default="unique",
                        max_length=6,
                        verbose_name="codes",
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                (
                    "valid_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="For codes issued to a customer.",
                        null=True,
                        verbose_name="days valid after issue",
                    ),
                ),
                ("limit_total", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="uses in all")),
                (
                    "limit_per_code",
                    models.PositiveIntegerField(blank=True, default=1, null=True, verbose_name="uses per code"),
                ),
                (
                    "limit_per_customer",
                    models.PositiveIntegerField(blank=True, default=1, null=True, verbose_name="uses per customer"),
                ),
                ("budget", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="budget")),
                (
                    "reserve_seconds",
                    models.PositiveIntegerField(default=900, verbose_name="reservation lives (seconds)"),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("reserved_count", models.PositiveBigIntegerField(default=0, editable=False, verbose_name="reserved")),
                ("redeemed_count", models.PositiveBigIntegerField(default=0, editable=False, verbose_name="redeemed")),
                ("reserved_amount", models.PositiveBigIntegerField(default=0, editable=False)),
                (
                    "redeemed_amount",
                    models.PositiveBigIntegerField(default=0, editable=False, verbose_name="discount given"),
                ),
                ("issued_count", models.PositiveBigIntegerField(default=0, editable=False, verbose_name="issued")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "give_back",
                    models.BooleanField(
                        db_default=True,
                        default=True,
                        help_text="A full refund of the order makes the use available again. A partial refund does not.",
                        verbose_name="give back after full refund",
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
                (
                    "member_day_only",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="The member day is a setting of the loyalty program.",
                        verbose_name="valid on member days only",
                    ),
                ),
            ],
            options={
                "verbose_name": "coupon",
                "verbose_name_plural": "coupons",
                "permissions": [("issue_coupon", "Can give coupons to customers and segments")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "percent"), _negated=True),
                            models.Q(("value__gte", 1), ("value__lte", 100)),
                            _connector="OR",
                        ),
                        name="campaigns_coupon_percent_from_1_to_100",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("value__gt", 0)), name="campaigns_coupon_gives_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("limit_total", None),
                            (
                                "limit_total__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("reserved_count"), "+", models.F("redeemed_count")
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="campaigns_coupon_within_limit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("budget", None),
                            (
                                "budget__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("reserved_amount"), "+", models.F("redeemed_amount")
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="campaigns_coupon_within_budget",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="name")),
                ("channel", models.CharField(max_length=8, verbose_name="channel")),
                (
                    "message_class",
                    models.CharField(
                        choices=[("marketing", "Marketing"), ("transactional", "Transactional")],
                        default="marketing",
                        max_length=13,
                        verbose_name="class",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("code", models.CharField(blank=True, max_length=60, null=True, unique=True, verbose_name="code")),
                ("values", models.JSONField(blank=True, default=list, verbose_name="values")),
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
                "verbose_name": "template",
                "verbose_name_plural": "templates",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="ExperimentArm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(editable=False, max_length=1)),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("weight", models.PositiveSmallIntegerField(default=1, verbose_name="weight")),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "coupon",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.coupon",
                        verbose_name="coupon",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.template",
                        verbose_name="template",
                    ),
                ),
            ],
            options={
                "verbose_name": "arm",
                "verbose_name_plural": "arms",
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="Experiment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="name")),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("campaigns", "Campaigns and journeys that name it"),
                            ("everything", "All marketing messages (global holdout)"),
                        ],
                        default="campaigns",
                        max_length=10,
                        verbose_name="applies to",
                    ),
                ),
                (
                    "metric",
                    models.CharField(
                        choices=[
                            ("ordered", "Share of customers who order"),
                            ("orders", "Orders per customer"),
                            ("revenue", "Net revenue per customer"),
                            ("visited", "Share of customers who visit the shop"),
                            ("opened", "Share of customers who open a message"),
                            ("clicked", "Share of customers who follow a link in a message"),
                        ],
                        default="ordered",
                        max_length=8,
                        verbose_name="measured",
                    ),
                ),
                ("window_days", models.PositiveSmallIntegerField(default=14, verbose_name="days that count")),
                (
                    "effect",
                    models.DecimalField(decimal_places=6, max_digits=16, verbose_name="smallest effect of interest"),
                ),
                ("error_percent", models.PositiveSmallIntegerField(default=5, verbose_name="false alarms (%)")),
                ("power_percent", models.PositiveSmallIntegerField(default=80, verbose_name="power (%)")),
                ("any_time", models.BooleanField(default=True, verbose_name="may be looked at at any time")),
                ("currency", models.CharField(max_length=3)),
                ("salt", models.CharField(editable=False, max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("running", "Running"), ("ended", "Ended")],
                        default="draft",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("baseline_mean", models.FloatField(editable=False, null=True)),
                ("baseline_variance", models.FloatField(editable=False, null=True)),
                (
                    "planned_count",
                    models.PositiveBigIntegerField(editable=False, null=True, verbose_name="customers needed"),
                ),
                ("conclusion", models.TextField(blank=True, default="", max_length=2000, verbose_name="conclusion")),
                (
                    "weighed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("started_at", models.DateTimeField(editable=False, null=True, verbose_name="started")),
                ("ended_at", models.DateTimeField(editable=False, null=True, verbose_name="ended")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analytics.segment",
                        verbose_name="planned on",
                    ),
                ),
                (
                    "winner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.experimentarm",
                        verbose_name="winner",
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
                "verbose_name": "experiment",
                "verbose_name_plural": "experiments",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("scope", "everything"), ("state", "running")),
                        fields=("scope",),
                        name="campaigns_experiment_one_global_holdout",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "draft"), ("started_at__isnull", False), _connector="OR"),
                        name="campaigns_experiment_running_has_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("effect__gt", 0)), name="campaigns_experiment_effect_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("error_percent__range", (1, 20)), ("power_percent__range", (50, 99))),
                        name="campaigns_experiment_sureness",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Broadcast",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="name")),
                ("template_version", models.PositiveIntegerField(default=0, editable=False)),
                ("send_on", models.DateField(blank=True, null=True, verbose_name="date")),
                ("send_time", models.TimeField(blank=True, null=True, verbose_name="time")),
                ("customer_zone", models.BooleanField(default=False, verbose_name="in each customer's time zone")),
                ("per_minute", models.PositiveIntegerField(default=0, verbose_name="at most a minute")),
                ("holdout_percent", models.PositiveSmallIntegerField(default=0, verbose_name="holdout (%)")),
                (
                    "attribution_days",
                    models.PositiveSmallIntegerField(default=7, verbose_name="orders count for (days)"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("scheduled", "Scheduled"),
                            ("sending", "Being sent"),
                            ("paused", "Paused"),
                            ("done", "Done"),
                            ("stopped", "Stopped"),
                        ],
                        default="draft",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("starts_at", models.DateTimeField(editable=False, null=True, verbose_name="starts")),
                ("prepared_at", models.DateTimeField(editable=False, null=True)),
                ("finished_at", models.DateTimeField(editable=False, null=True, verbose_name="finished")),
                ("audience_count", models.PositiveIntegerField(default=0, editable=False, verbose_name="audience")),
                ("minute", models.DateTimeField(editable=False, null=True)),
                ("minute_count", models.PositiveIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        help_text="Members when the broadcast starts who are still members when their message is sent.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analytics.segment",
                        verbose_name="segment",
                    ),
                ),
                (
                    "coupon",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.coupon",
                        verbose_name="coupon",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        blank=True,
                        help_text="The templates and coupons of its arms replace these.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.experiment",
                        verbose_name="experiment",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="broadcasts",
                        to="campaigns.template",
                        verbose_name="template",
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
                "verbose_name": "broadcast",
                "verbose_name_plural": "broadcasts",
                "indexes": [
                    models.Index(fields=["-created_at", "-id"], name="campaigns_broadcast_recent"),
                    models.Index(
                        condition=models.Q(("finished_at", None), ("state__in", ["scheduled", "sending", "stopped"])),
                        fields=["starts_at"],
                        name="campaigns_broadcast_moving",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("holdout_percent__lte", 90)), name="campaigns_broadcast_holdout"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("customer_zone", False), ("send_on__isnull", True), ("send_time__isnull", True)),
                            models.Q(("send_on__isnull", False), ("send_time__isnull", False)),
                            _connector="OR",
                        ),
                        name="campaigns_broadcast_whole_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "draft"), ("starts_at__isnull", False), _connector="OR"),
                        name="campaigns_broadcast_scheduled_has_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BroadcastEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("template_version", models.PositiveIntegerField(default=0, editable=False)),
                ("send_on", models.DateField(blank=True, null=True, verbose_name="date")),
                ("send_time", models.TimeField(blank=True, null=True, verbose_name="time")),
                ("customer_zone", models.BooleanField(default=False, verbose_name="in each customer's time zone")),
                ("per_minute", models.PositiveIntegerField(default=0, verbose_name="at most a minute")),
                ("holdout_percent", models.PositiveSmallIntegerField(default=0, verbose_name="holdout (%)")),
                (
                    "attribution_days",
                    models.PositiveSmallIntegerField(default=7, verbose_name="orders count for (days)"),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("scheduled", "Scheduled"),
                            ("sending", "Being sent"),
                            ("paused", "Paused"),
                            ("done", "Done"),
                            ("stopped", "Stopped"),
                        ],
                        default="draft",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("starts_at", models.DateTimeField(editable=False, null=True, verbose_name="starts")),
                ("prepared_at", models.DateTimeField(editable=False, null=True)),
                ("finished_at", models.DateTimeField(editable=False, null=True, verbose_name="finished")),
                ("audience_count", models.PositiveIntegerField(default=0, editable=False, verbose_name="audience")),
                ("minute", models.DateTimeField(editable=False, null=True)),
                ("minute_count", models.PositiveIntegerField(default=0, editable=False)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                        to="campaigns.broadcast",
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        db_constraint=False,
                        help_text="Members when the broadcast starts who are still members when their message is sent.",
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="analytics.segment",
                        verbose_name="segment",
                    ),
                ),
                (
                    "coupon",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.coupon",
                        verbose_name="coupon",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="The templates and coupons of its arms replace these.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.experiment",
                        verbose_name="experiment",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.template",
                        verbose_name="template",
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
            name="CareRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="name")),
                (
                    "trigger",
                    models.CharField(
                        choices=[
                            ("birthday", "Birthday"),
                            ("after_purchase", "Days after a purchase"),
                            ("no_order", "No order for a number of days"),
                            ("segment_entered", "Entered a segment"),
                            ("points_expiring", "Points about to expire"),
                            ("occasion", "Festival, shop day or member day"),
                        ],
                        max_length=16,
                        verbose_name="trigger",
                    ),
                ),
                (
                    "days",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="After the purchase, without an order, before the birthday or before points expire.",
                        verbose_name="days",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("active", "Active"), ("paused", "Paused")],
                        default="draft",
                        max_length=6,
                        verbose_name="state",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                (
                    "send_at",
                    models.TimeField(
                        blank=True, help_text="In the customer's time zone.", null=True, verbose_name="send at"
                    ),
                ),
                ("holdout_percent", models.PositiveSmallIntegerField(default=0, verbose_name="holdout (%)")),
                (
                    "attribution_days",
                    models.PositiveSmallIntegerField(default=7, verbose_name="orders count for (days)"),
                ),
                ("activated_at", models.DateTimeField(editable=False, null=True)),
                ("last_run_at", models.DateTimeField(editable=False, null=True, verbose_name="last looked")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "segment",
                    models.ForeignKey(
                        blank=True,
                        help_text="For “entered a segment” its trigger; otherwise a limit on who gets it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="analytics.segment",
                        verbose_name="segment",
                    ),
                ),
                (
                    "coupon",
                    models.ForeignKey(
                        blank=True,
                        help_text="Issued to the customer and offered to the template as coupon.code.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.coupon",
                        verbose_name="coupon",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        blank=True,
                        help_text="The templates and coupons of its arms replace these.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.experiment",
                        verbose_name="experiment",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="care_rules",
                        to="campaigns.template",
                        verbose_name="template",
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
                ("occasion", models.CharField(blank=True, db_default="", max_length=60, verbose_name="occasion")),
            ],
            options={
                "verbose_name": "care rule",
                "verbose_name_plural": "care rules",
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("trigger", "segment_entered"), _negated=True),
                            ("segment__isnull", False),
                            _connector="OR",
                        ),
                        name="campaigns_carerule_segment_named",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("holdout_percent__lte", 90)), name="campaigns_carerule_holdout"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("trigger", "occasion"), _negated=True),
                            models.Q(("occasion", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="campaigns_carerule_occasion_named",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CareRuleEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "trigger",
                    models.CharField(
                        choices=[
                            ("birthday", "Birthday"),
                            ("after_purchase", "Days after a purchase"),
                            ("no_order", "No order for a number of days"),
                            ("segment_entered", "Entered a segment"),
                            ("points_expiring", "Points about to expire"),
                            ("occasion", "Festival, shop day or member day"),
                        ],
                        max_length=16,
                        verbose_name="trigger",
                    ),
                ),
                (
                    "days",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="After the purchase, without an order, before the birthday or before points expire.",
                        verbose_name="days",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("active", "Active"), ("paused", "Paused")],
                        default="draft",
                        max_length=6,
                        verbose_name="state",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                (
                    "send_at",
                    models.TimeField(
                        blank=True, help_text="In the customer's time zone.", null=True, verbose_name="send at"
                    ),
                ),
                ("holdout_percent", models.PositiveSmallIntegerField(default=0, verbose_name="holdout (%)")),
                (
                    "attribution_days",
                    models.PositiveSmallIntegerField(default=7, verbose_name="orders count for (days)"),
                ),
                ("activated_at", models.DateTimeField(editable=False, null=True)),
                ("last_run_at", models.DateTimeField(editable=False, null=True, verbose_name="last looked")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("occasion", models.CharField(blank=True, db_default="", max_length=60, verbose_name="occasion")),
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
                        to="campaigns.carerule",
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="For “entered a segment” its trigger; otherwise a limit on who gets it.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="analytics.segment",
                        verbose_name="segment",
                    ),
                ),
                (
                    "coupon",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="Issued to the customer and offered to the template as coupon.code.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.coupon",
                        verbose_name="coupon",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="The templates and coupons of its arms replace these.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.experiment",
                        verbose_name="experiment",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.template",
                        verbose_name="template",
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
            name="ChannelAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=8, verbose_name="channel")),
                ("provider", models.CharField(max_length=20, verbose_name="provider")),
                ("settings", models.JSONField(default=dict)),
                ("secrets", core.db.fields.EncryptedTextField(default=b"", editable=True)),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "channel account",
                "verbose_name_plural": "channel accounts",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("channel",),
                        name="campaigns_channelaccount_one_active",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ChannelAccountEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("channel", models.CharField(max_length=8, verbose_name="channel")),
                ("provider", models.CharField(max_length=20, verbose_name="provider")),
                ("settings", models.JSONField(default=dict)),
                ("secrets", core.db.fields.EncryptedTextField(default=b"", editable=True)),
                ("active", models.BooleanField(default=True, verbose_name="active")),
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
                        to="campaigns.channelaccount",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="CouponCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40, unique=True, verbose_name="code")),
                ("expires_at", models.DateTimeField(null=True, verbose_name="expires")),
                ("reserved_count", models.PositiveIntegerField(default=0)),
                ("redeemed_count", models.PositiveIntegerField(default=0, verbose_name="used")),
                ("use_limit", models.PositiveIntegerField(null=True, verbose_name="uses")),
                (
                    "issued_for",
                    models.CharField(help_text="Natural key of an issue: once per cause.", max_length=120, null=True),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "coupon",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="codes", to="campaigns.coupon"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="coupon_codes",
                        to="crm.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "coupon code",
                "verbose_name_plural": "coupon codes",
                "indexes": [models.Index(fields=["customer", "-created_at"], name="campaigns_couponcode_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("use_limit", None),
                            (
                                "use_limit__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("reserved_count"), "+", models.F("redeemed_count")
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="campaigns_couponcode_within_limit",
                    ),
                    models.UniqueConstraint(
                        fields=("coupon", "customer", "issued_for"), name="campaigns_couponcode_issued_once_per_cause"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CouponEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "name",
                    models.CharField(help_text="Customers read it in the shop.", max_length=120, verbose_name="name"),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("amount", "Amount off"), ("percent", "Percent off")],
                        max_length=7,
                        verbose_name="kind",
                    ),
                ),
                ("value", models.PositiveBigIntegerField(verbose_name="value")),
                (
                    "max_discount",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="largest discount"),
                ),
                ("minimum_spend", models.PositiveBigIntegerField(default=0, verbose_name="minimum spend")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "mode",
                    models.CharField(
                        choices=[("public", "One public code"), ("unique", "A code for each customer")],
                        default="unique",
                        max_length=6,
                        verbose_name="codes",
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends")),
                (
                    "valid_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="For codes issued to a customer.",
                        null=True,
                        verbose_name="days valid after issue",
                    ),
                ),
                ("limit_total", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="uses in all")),
                (
                    "limit_per_code",
                    models.PositiveIntegerField(blank=True, default=1, null=True, verbose_name="uses per code"),
                ),
                (
                    "limit_per_customer",
                    models.PositiveIntegerField(blank=True, default=1, null=True, verbose_name="uses per customer"),
                ),
                ("budget", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="budget")),
                (
                    "reserve_seconds",
                    models.PositiveIntegerField(default=900, verbose_name="reservation lives (seconds)"),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("reserved_count", models.PositiveBigIntegerField(default=0, editable=False, verbose_name="reserved")),
                ("redeemed_count", models.PositiveBigIntegerField(default=0, editable=False, verbose_name="redeemed")),
                ("reserved_amount", models.PositiveBigIntegerField(default=0, editable=False)),
                (
                    "redeemed_amount",
                    models.PositiveBigIntegerField(default=0, editable=False, verbose_name="discount given"),
                ),
                ("issued_count", models.PositiveBigIntegerField(default=0, editable=False, verbose_name="issued")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "member_day_only",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="The member day is a setting of the loyalty program.",
                        verbose_name="valid on member days only",
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
                        to="campaigns.coupon",
                    ),
                ),
                (
                    "give_back",
                    models.BooleanField(
                        db_default=True,
                        default=True,
                        help_text="A full refund of the order makes the use available again. A partial refund does not.",
                        verbose_name="give back after full refund",
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
            name="CouponTally",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "coupon_id", "customer_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("coupon_id", models.BigIntegerField()),
                ("customer_id", models.BigIntegerField()),
                ("used", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name": "coupon tally",
            },
        ),
        migrations.CreateModel(
            name="CouponUse",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("order_reference", models.CharField(blank=True, default="", max_length=120, verbose_name="order")),
                (
                    "state",
                    models.CharField(
                        choices=[("reserved", "Reserved"), ("redeemed", "Redeemed"), ("released", "Released")],
                        default="reserved",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("cart_amount", models.PositiveBigIntegerField(verbose_name="cart")),
                ("discount", models.PositiveBigIntegerField(verbose_name="discount")),
                ("reserved_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField(verbose_name="reserved until")),
                ("redeemed_at", models.DateTimeField(null=True, verbose_name="redeemed")),
                ("released_at", models.DateTimeField(null=True, verbose_name="released")),
                (
                    "code",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="campaigns.couponcode"
                    ),
                ),
                (
                    "coupon",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="campaigns.coupon"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="coupon_uses",
                        to="crm.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "coupon use",
                "verbose_name_plural": "coupon uses",
                "indexes": [
                    models.Index(fields=["customer", "-reserved_at"], name="campaigns_couponuse_of"),
                    models.Index(
                        condition=models.Q(("state", "reserved")),
                        fields=["expires_at"],
                        name="campaigns_couponuse_to_sweep",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("redeemed_at", None), ("released_at", None), ("state", "reserved")),
                            models.Q(("redeemed_at__isnull", False), ("released_at", None), ("state", "redeemed")),
                            models.Q(("released_at__isnull", False), ("state", "released")),
                            _connector="OR",
                        ),
                        name="campaigns_couponuse_state_has_its_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExperimentArmEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.CharField(editable=False, max_length=1)),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("weight", models.PositiveSmallIntegerField(default=1, verbose_name="weight")),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "coupon",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.coupon",
                        verbose_name="coupon",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.experiment",
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
                        to="campaigns.experimentarm",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.template",
                        verbose_name="template",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ExperimentEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("campaigns", "Campaigns and journeys that name it"),
                            ("everything", "All marketing messages (global holdout)"),
                        ],
                        default="campaigns",
                        max_length=10,
                        verbose_name="applies to",
                    ),
                ),
                (
                    "metric",
                    models.CharField(
                        choices=[
                            ("ordered", "Share of customers who order"),
                            ("orders", "Orders per customer"),
                            ("revenue", "Net revenue per customer"),
                            ("visited", "Share of customers who visit the shop"),
                            ("opened", "Share of customers who open a message"),
                            ("clicked", "Share of customers who follow a link in a message"),
                        ],
                        default="ordered",
                        max_length=8,
                        verbose_name="measured",
                    ),
                ),
                ("window_days", models.PositiveSmallIntegerField(default=14, verbose_name="days that count")),
                (
                    "effect",
                    models.DecimalField(decimal_places=6, max_digits=16, verbose_name="smallest effect of interest"),
                ),
                ("error_percent", models.PositiveSmallIntegerField(default=5, verbose_name="false alarms (%)")),
                ("power_percent", models.PositiveSmallIntegerField(default=80, verbose_name="power (%)")),
                ("any_time", models.BooleanField(default=True, verbose_name="may be looked at at any time")),
                ("currency", models.CharField(max_length=3)),
                ("salt", models.CharField(editable=False, max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("running", "Running"), ("ended", "Ended")],
                        default="draft",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("baseline_mean", models.FloatField(editable=False, null=True)),
                ("baseline_variance", models.FloatField(editable=False, null=True)),
                (
                    "planned_count",
                    models.PositiveBigIntegerField(editable=False, null=True, verbose_name="customers needed"),
                ),
                ("conclusion", models.TextField(blank=True, default="", max_length=2000, verbose_name="conclusion")),
                (
                    "weighed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("started_at", models.DateTimeField(editable=False, null=True, verbose_name="started")),
                ("ended_at", models.DateTimeField(editable=False, null=True, verbose_name="ended")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                        to="campaigns.experiment",
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="analytics.segment",
                        verbose_name="planned on",
                    ),
                ),
                (
                    "winner",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.experimentarm",
                        verbose_name="winner",
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
            name="Exposure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=40, verbose_name="campaign")),
                (
                    "exposed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="drawn"),
                ),
                (
                    "arm",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exposures",
                        to="campaigns.experimentarm",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exposures",
                        to="crm.customer",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exposures",
                        to="campaigns.experiment",
                    ),
                ),
            ],
            options={
                "verbose_name": "exposure",
                "verbose_name_plural": "exposures",
                "indexes": [
                    models.Index(fields=["experiment", "exposed_at"], name="campaigns_exposure_matured"),
                    models.Index(fields=["customer"], name="campaigns_exposure_of_customer"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("experiment", "customer"), name="campaigns_exposure_once_per_customer"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="JourneyVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(verbose_name="version")),
                ("definition", models.JSONField(verbose_name="definition")),
                (
                    "published_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="published"
                    ),
                ),
                (
                    "published_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "journey version",
                "verbose_name_plural": "journey versions",
            },
        ),
        migrations.CreateModel(
            name="Journey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="name")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("stopped", "Stopped"),
                        ],
                        default="draft",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("draft", models.JSONField(default=dict, verbose_name="draft")),
                ("preset", models.CharField(blank=True, default="", editable=False, max_length=40)),
                ("started_at", models.DateTimeField(editable=False, null=True, verbose_name="started")),
                ("looked_at", models.DateTimeField(editable=False, null=True, verbose_name="last looked")),
                ("members_after", models.BigIntegerField(editable=False, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="changed"),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.journeyversion",
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
                "verbose_name": "journey",
                "verbose_name_plural": "journeys",
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state", "draft"), ("version__isnull", False), _connector="OR"),
                        name="campaigns_journey_published_has_version",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="JourneyEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("stopped", "Stopped"),
                        ],
                        default="draft",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("draft", models.JSONField(default=dict, verbose_name="draft")),
                ("preset", models.CharField(blank=True, default="", editable=False, max_length=40)),
                ("started_at", models.DateTimeField(editable=False, null=True, verbose_name="started")),
                ("looked_at", models.DateTimeField(editable=False, null=True, verbose_name="last looked")),
                ("members_after", models.BigIntegerField(editable=False, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="changed"),
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
                        to="campaigns.journey",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="campaigns.journeyversion",
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
            name="JourneyRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(default=1)),
                ("cause", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "In progress"), ("ended", "Ended"), ("held_out", "Held out")],
                        default="active",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("step", models.CharField(blank=True, default="", max_length=40)),
                ("step_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "due_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="due"),
                ),
                ("waits_until", models.DateTimeField(null=True)),
                ("waits_for", models.CharField(blank=True, default="", max_length=80)),
                ("context", models.JSONField(default=dict)),
                ("claim", models.UUIDField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(blank=True, default="", max_length=500)),
                (
                    "entered_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="entered"),
                ),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                (
                    "end_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("completed", "Completed"),
                            ("exit", "Left at an exit"),
                            ("goal", "Reached the goal"),
                            ("unmatched", "No longer matched"),
                            ("stopped", "The journey was stopped"),
                            ("inactive", "Customer merged or erased"),
                            ("failed", "Failed too often"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="journey_runs",
                        to="crm.customer",
                    ),
                ),
                (
                    "journey",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="campaigns.journey",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="campaigns.journeyversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "journey run",
                "verbose_name_plural": "journey runs",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "active")),
                        fields=["journey", "due_at"],
                        name="campaigns_journeyrun_due",
                    ),
                    models.Index(
                        condition=models.Q(("state", "active")),
                        fields=["version", "step"],
                        name="campaigns_journeyrun_at",
                    ),
                    models.Index(
                        condition=models.Q(("claim__isnull", False)),
                        fields=["claim"],
                        name="campaigns_journeyrun_claimed",
                    ),
                    models.Index(fields=["journey", "-entered_at", "-id"], name="campaigns_journeyrun_recent"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")),
                        fields=("customer", "journey"),
                        name="campaigns_journeyrun_one_active",
                    ),
                    models.UniqueConstraint(
                        fields=("customer", "journey", "number"), name="campaigns_journeyrun_numbered"
                    ),
                    models.UniqueConstraint(
                        fields=("customer", "journey", "cause"), name="campaigns_journeyrun_once_per_cause"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", False), ("state", "ended")),
                            models.Q(models.Q(("state", "ended"), _negated=True), ("ended_at", None)),
                            _connector="OR",
                        ),
                        name="campaigns_journeyrun_ended_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "ended"), ("end_reason", ""), _connector="OR"),
                        name="campaigns_journeyrun_reason_at_end",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="JourneyStepCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.CharField(max_length=40)),
                ("outcome", models.CharField(blank=True, default="", max_length=40)),
                ("day", models.DateField(verbose_name="day")),
                ("count", models.BigIntegerField(default=0)),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="counts",
                        to="campaigns.journeyversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "journey step count",
                "verbose_name_plural": "journey step counts",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "step", "outcome", "day"),
                        name="campaigns_journeystepcount_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="JourneyStepRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.CharField(max_length=40)),
                ("outcome", models.CharField(blank=True, default="", max_length=40)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="records",
                        to="campaigns.journeyrun",
                    ),
                ),
            ],
            options={
                "verbose_name": "journey step record",
                "verbose_name_plural": "journey step records",
                "constraints": [
                    models.UniqueConstraint(fields=("run", "step"), name="campaigns_journeysteprecord_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("channel", models.CharField(max_length=8, verbose_name="channel")),
                (
                    "message_class",
                    models.CharField(
                        choices=[("marketing", "Marketing"), ("transactional", "Transactional")], max_length=13
                    ),
                ),
                ("origin", models.CharField(help_text="For example care:12.", max_length=40, verbose_name="campaign")),
                ("origin_version", models.PositiveIntegerField(default=1)),
                ("step", models.CharField(default="send", max_length=40)),
                ("occurrence", models.CharField(max_length=80)),
                ("template_version", models.PositiveIntegerField()),
                ("context", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("held", "Held"),
                            ("sending", "Being sent"),
                            ("sent", "Sent"),
                            ("suppressed", "Not sent"),
                            ("failed", "Failed"),
                            ("uncertain", "Uncertain"),
                        ],
                        default="queued",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=30, verbose_name="reason")),
                (
                    "due_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="due"),
                ),
                ("wanted_at", models.DateTimeField(editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("claim", models.UUIDField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("language", models.CharField(blank=True, default="", max_length=10, verbose_name="language")),
                ("subject", models.CharField(blank=True, default="", max_length=300, verbose_name="subject")),
                ("body", models.TextField(blank=True, default="", verbose_name="text")),
                ("provider_id", models.CharField(blank=True, default="", max_length=200)),
                ("error", models.TextField(blank=True, default="")),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent")),
                ("delivered_at", models.DateTimeField(null=True, verbose_name="delivered")),
                ("opened_at", models.DateTimeField(null=True, verbose_name="opened")),
                ("clicked_at", models.DateTimeField(null=True, verbose_name="clicked")),
                ("read_at", models.DateTimeField(null=True, verbose_name="read")),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="crm.customer",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="campaigns.template",
                    ),
                ),
            ],
            options={
                "verbose_name": "message",
                "verbose_name_plural": "messages",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "held"])),
                        fields=["due_at"],
                        name="campaigns_message_due",
                    ),
                    models.Index(
                        condition=models.Q(("message_class", "transactional"), ("state__in", ["queued", "held"])),
                        fields=["due_at"],
                        name="campaigns_message_due_first",
                    ),
                    models.Index(
                        condition=models.Q(("state", "sending")),
                        fields=["leased_until"],
                        name="campaigns_message_leased",
                    ),
                    models.Index(fields=["customer", "-created_at"], name="campaigns_message_of"),
                    models.Index(fields=["origin", "state"], name="campaigns_message_outcomes"),
                    models.Index(fields=["origin", "-created_at", "-id"], name="campaigns_message_of_origin"),
                    models.Index(fields=["-created_at"], name="campaigns_message_recent"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "origin", "origin_version", "step", "occurrence", "channel"),
                        name="campaigns_message_once_per_occurrence",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "sent"), _negated=True), ("sent_at__isnull", False), _connector="OR"
                        ),
                        name="campaigns_message_sent_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["held", "suppressed"]), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="campaigns_message_not_sent_has_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DomainDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("channel", models.CharField(max_length=8, verbose_name="channel")),
                ("domain", models.CharField(blank=True, default="", max_length=255, verbose_name="domain")),
                ("sent", models.PositiveIntegerField(default=0, verbose_name="sent")),
                ("delivered", models.PositiveIntegerField(default=0, verbose_name="delivered")),
                ("bounced", models.PositiveIntegerField(default=0, verbose_name="bounced")),
                ("complained", models.PositiveIntegerField(default=0, verbose_name="complained")),
            ],
            options={
                "verbose_name": "messages by domain",
                "verbose_name_plural": "messages by domain",
                "constraints": [
                    models.UniqueConstraint(fields=("day", "channel", "domain"), name="campaigns_domainday_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="LinkClick",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("url", models.TextField(verbose_name="address")),
                ("url_digest", models.BinaryField(max_length=16)),
                (
                    "clicked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="clicked"),
                ),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="clicks",
                        to="campaigns.message",
                    ),
                ),
            ],
            options={
                "verbose_name": "click",
                "verbose_name_plural": "clicks",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("message", "url_digest"), name="campaigns_linkclick_once_per_message"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SendingPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "cap_per_day",
                    models.PositiveSmallIntegerField(blank=True, default=2, null=True, verbose_name="messages a day"),
                ),
                (
                    "cap_per_week",
                    models.PositiveSmallIntegerField(blank=True, default=4, null=True, verbose_name="messages a week"),
                ),
                (
                    "marketing_per_day",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="marketing a day"),
                ),
                (
                    "marketing_per_week",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="marketing a week"),
                ),
                (
                    "surveys_per_day",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="surveys a day"),
                ),
                (
                    "surveys_per_week",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="surveys a week"),
                ),
                ("quiet_from", models.TimeField(default="21:00", verbose_name="quiet from")),
                (
                    "quiet_until",
                    models.TimeField(
                        default="09:00",
                        help_text="Enter the same time in both fields to turn quiet hours off.",
                        verbose_name="quiet until",
                    ),
                ),
                (
                    "stale_hours",
                    models.PositiveSmallIntegerField(
                        default=48,
                        help_text="0 keeps held messages without a limit.",
                        verbose_name="dropped when held longer than (hours)",
                    ),
                ),
                (
                    "spread_minutes",
                    models.PositiveSmallIntegerField(default=30, verbose_name="spread after quiet hours (minutes)"),
                ),
                ("track_messages", models.BooleanField(default=True, verbose_name="record opens and clicks")),
                (
                    "leap_birthday",
                    models.CharField(
                        choices=[("02-28", "02-28"), ("03-01", "03-01")],
                        default="02-28",
                        max_length=5,
                        verbose_name="29 February in other years",
                    ),
                ),
            ],
            options={
                "verbose_name": "sending limits",
                "verbose_name_plural": "sending limits",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("pk", 1)), name="campaigns_sendingpolicy_only_one")
                ],
            },
        ),
        migrations.CreateModel(
            name="SendingPolicyEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "cap_per_day",
                    models.PositiveSmallIntegerField(blank=True, default=2, null=True, verbose_name="messages a day"),
                ),
                (
                    "cap_per_week",
                    models.PositiveSmallIntegerField(blank=True, default=4, null=True, verbose_name="messages a week"),
                ),
                (
                    "marketing_per_day",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="marketing a day"),
                ),
                (
                    "marketing_per_week",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="marketing a week"),
                ),
                (
                    "surveys_per_day",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="surveys a day"),
                ),
                (
                    "surveys_per_week",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="surveys a week"),
                ),
                ("quiet_from", models.TimeField(default="21:00", verbose_name="quiet from")),
                (
                    "quiet_until",
                    models.TimeField(
                        default="09:00",
                        help_text="Enter the same time in both fields to turn quiet hours off.",
                        verbose_name="quiet until",
                    ),
                ),
                (
                    "stale_hours",
                    models.PositiveSmallIntegerField(
                        default=48,
                        help_text="0 keeps held messages without a limit.",
                        verbose_name="dropped when held longer than (hours)",
                    ),
                ),
                (
                    "spread_minutes",
                    models.PositiveSmallIntegerField(default=30, verbose_name="spread after quiet hours (minutes)"),
                ),
                ("track_messages", models.BooleanField(default=True, verbose_name="record opens and clicks")),
                (
                    "leap_birthday",
                    models.CharField(
                        choices=[("02-28", "02-28"), ("03-01", "03-01")],
                        default="02-28",
                        max_length=5,
                        verbose_name="29 February in other years",
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
                        to="campaigns.sendingpolicy",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="CalendarSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("packs", models.JSONField(blank=True, null=True, verbose_name="festival packs")),
            ],
            options={
                "verbose_name": "calendar settings",
                "verbose_name_plural": "calendar settings",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("pk", 1)), name="campaigns_calendarsettings_only_one")
                ],
            },
        ),
        migrations.CreateModel(
            name="CalendarSettingsEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("packs", models.JSONField(blank=True, null=True, verbose_name="festival packs")),
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
                        to="campaigns.calendarsettings",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ShopDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("month", models.PositiveSmallIntegerField(verbose_name="month")),
                ("day", models.PositiveSmallIntegerField(verbose_name="day")),
                ("lunar", models.BooleanField(default=False, verbose_name="by the lunar calendar")),
                ("year", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="only in")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "day of the shop",
                "verbose_name_plural": "days of the shop",
                "ordering": ["month", "day", "name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("day__range", (1, 31)), ("month__range", (1, 12))),
                        name="campaigns_shopday_a_date",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ShopDayEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("month", models.PositiveSmallIntegerField(verbose_name="month")),
                ("day", models.PositiveSmallIntegerField(verbose_name="day")),
                ("lunar", models.BooleanField(default=False, verbose_name="by the lunar calendar")),
                ("year", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="only in")),
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
                        to="campaigns.shopday",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=8, verbose_name="channel")),
                ("address_index", core.db.fields.BlindIndexField(max_length=17, null=True)),
                ("reason", models.CharField(max_length=40, verbose_name="reason")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("lifted_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="suppressions",
                        to="crm.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "suppression",
                "verbose_name_plural": "suppressions",
                "indexes": [
                    models.Index(fields=["customer", "channel"], name="campaigns_suppression_of"),
                    models.Index(fields=["address_index"], name="campaigns_suppression_address"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("customer__isnull", False), ("address_index__isnull", False), _connector="OR"
                        ),
                        name="campaigns_suppression_names_someone",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TemplateEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("channel", models.CharField(max_length=8, verbose_name="channel")),
                (
                    "message_class",
                    models.CharField(
                        choices=[("marketing", "Marketing"), ("transactional", "Transactional")],
                        default="marketing",
                        max_length=13,
                        verbose_name="class",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
                        to="campaigns.template",
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=60, null=True, verbose_name="code")),
                ("values", models.JSONField(blank=True, default=list, verbose_name="values")),
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
            name="TemplateText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("language", models.CharField(max_length=10, verbose_name="language")),
                ("subject", models.CharField(blank=True, default="", max_length=300, verbose_name="subject")),
                ("body", models.TextField(max_length=131072, verbose_name="text")),
                ("compiled", models.BooleanField(db_default=False, verbose_name="compiled from a design")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "template",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="texts",
                        to="campaigns.template",
                    ),
                ),
            ],
            options={
                "verbose_name": "template text",
                "verbose_name_plural": "template texts",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("template", "version", "language"), name="campaigns_templatetext_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CouponBudget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("given", models.PositiveIntegerField(default=0, verbose_name="given")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "coupons given by hand",
                "verbose_name_plural": "coupons given by hand",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "day"), name="campaigns_couponbudget_once_a_day")
                ],
            },
        ),
        migrations.AddField(
            model_name="experimentarm",
            name="experiment",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="arms",
                to="campaigns.experiment",
            ),
        ),
        migrations.AddConstraint(
            model_name="experimentarm",
            constraint=models.UniqueConstraint(fields=("experiment", "code"), name="campaigns_experimentarm_code_once"),
        ),
        migrations.AddConstraint(
            model_name="experimentarm",
            constraint=models.UniqueConstraint(
                fields=("experiment", "position"), name="campaigns_experimentarm_position_once"
            ),
        ),
        migrations.AddField(
            model_name="journeyversion",
            name="journey",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="versions",
                to="campaigns.journey",
            ),
        ),
        migrations.AddConstraint(
            model_name="journeyversion",
            constraint=models.UniqueConstraint(fields=("journey", "number"), name="campaigns_journeyversion_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="coupon",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."active" IS DISTINCT FROM (NEW."active") OR OLD."archived_at" IS DISTINCT FROM (NEW."archived_at") OR OLD."budget" IS DISTINCT FROM (NEW."budget") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."currency" IS DISTINCT FROM (NEW."currency") OR OLD."ends_at" IS DISTINCT FROM (NEW."ends_at") OR OLD."give_back" IS DISTINCT FROM (NEW."give_back") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."limit_per_code" IS DISTINCT FROM (NEW."limit_per_code") OR OLD."limit_per_customer" IS DISTINCT FROM (NEW."limit_per_customer") OR OLD."limit_total" IS DISTINCT FROM (NEW."limit_total") OR OLD."max_discount" IS DISTINCT FROM (NEW."max_discount") OR OLD."member_day_only" IS DISTINCT FROM (NEW."member_day_only") OR OLD."minimum_spend" IS DISTINCT FROM (NEW."minimum_spend") OR OLD."mode" IS DISTINCT FROM (NEW."mode") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."owner_id" IS DISTINCT FROM (NEW."owner_id") OR OLD."reserve_seconds" IS DISTINCT FROM (NEW."reserve_seconds") OR OLD."starts_at" IS DISTINCT FROM (NEW."starts_at") OR OLD."tags" IS DISTINCT FROM (NEW."tags") OR OLD."valid_days" IS DISTINCT FROM (NEW."valid_days") OR OLD."value" IS DISTINCT FROM (NEW."value"))',
                    func='INSERT INTO "campaigns_couponevent" ("active", "archived_at", "budget", "created_at", "created_by_id", "currency", "ends_at", "give_back", "id", "issued_count", "kind", "limit_per_code", "limit_per_customer", "limit_total", "max_discount", "member_day_only", "minimum_spend", "mode", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "redeemed_amount", "redeemed_count", "reserve_seconds", "reserved_amount", "reserved_count", "starts_at", "tags", "valid_days", "value") VALUES (OLD."active", OLD."archived_at", OLD."budget", OLD."created_at", OLD."created_by_id", OLD."currency", OLD."ends_at", OLD."give_back", OLD."id", OLD."issued_count", OLD."kind", OLD."limit_per_code", OLD."limit_per_customer", OLD."limit_total", OLD."max_discount", OLD."member_day_only", OLD."minimum_spend", OLD."mode", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."redeemed_amount", OLD."redeemed_count", OLD."reserve_seconds", OLD."reserved_amount", OLD."reserved_count", OLD."starts_at", OLD."tags", OLD."valid_days", OLD."value"); RETURN NULL;',
                    hash="398bf71ee26bfe1840227e307987fa8ed5f276c5",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_b3b42",
                    table="campaigns_coupon",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="coupon",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_couponevent" ("active", "archived_at", "budget", "created_at", "created_by_id", "currency", "ends_at", "give_back", "id", "issued_count", "kind", "limit_per_code", "limit_per_customer", "limit_total", "max_discount", "member_day_only", "minimum_spend", "mode", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "redeemed_amount", "redeemed_count", "reserve_seconds", "reserved_amount", "reserved_count", "starts_at", "tags", "valid_days", "value") VALUES (OLD."active", OLD."archived_at", OLD."budget", OLD."created_at", OLD."created_by_id", OLD."currency", OLD."ends_at", OLD."give_back", OLD."id", OLD."issued_count", OLD."kind", OLD."limit_per_code", OLD."limit_per_customer", OLD."limit_total", OLD."max_discount", OLD."member_day_only", OLD."minimum_spend", OLD."mode", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."redeemed_amount", OLD."redeemed_count", OLD."reserve_seconds", OLD."reserved_amount", OLD."reserved_count", OLD."starts_at", OLD."tags", OLD."valid_days", OLD."value"); RETURN NULL;',
                    hash="7f3595cb2a7fd8150739435318fdcd19be64a39a",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_9ee48",
                    table="campaigns_coupon",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="template",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_templateevent" ("archived_at", "channel", "code", "created_at", "id", "message_class", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "tags", "updated_at", "values", "version") VALUES (OLD."archived_at", OLD."channel", OLD."code", OLD."created_at", OLD."id", OLD."message_class", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."tags", OLD."updated_at", OLD."values", OLD."version"); RETURN NULL;',
                    hash="f6f86659567ead4bba541f15052aa9965ed2c0c9",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_0f4b2",
                    table="campaigns_template",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="template",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_templateevent" ("archived_at", "channel", "code", "created_at", "id", "message_class", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "tags", "updated_at", "values", "version") VALUES (OLD."archived_at", OLD."channel", OLD."code", OLD."created_at", OLD."id", OLD."message_class", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."tags", OLD."updated_at", OLD."values", OLD."version"); RETURN NULL;',
                    hash="e15f7ea2f8f2ae36a097f4908bb16abefa9f927f",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_63876",
                    table="campaigns_template",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="experimentarm",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_experimentarmevent" ("code", "coupon_id", "experiment_id", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "template_id", "weight") VALUES (OLD."code", OLD."coupon_id", OLD."experiment_id", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."position", OLD."template_id", OLD."weight"); RETURN NULL;',
                    hash="37ebecf04a8841f949e075345574c80fb0d596a2",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_6c230",
                    table="campaigns_experimentarm",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="experimentarm",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_experimentarmevent" ("code", "coupon_id", "experiment_id", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "template_id", "weight") VALUES (OLD."code", OLD."coupon_id", OLD."experiment_id", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."position", OLD."template_id", OLD."weight"); RETURN NULL;',
                    hash="07f90f28da9d966e5ba8c0888ec0a1566f8cb8e1",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_54f93",
                    table="campaigns_experimentarm",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="experiment",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_experimentevent" ("any_time", "archived_at", "baseline_mean", "baseline_variance", "conclusion", "created_at", "created_by_id", "currency", "effect", "ended_at", "error_percent", "id", "metric", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "planned_count", "power_percent", "salt", "scope", "segment_id", "started_at", "state", "tags", "weighed_at", "window_days", "winner_id") VALUES (OLD."any_time", OLD."archived_at", OLD."baseline_mean", OLD."baseline_variance", OLD."conclusion", OLD."created_at", OLD."created_by_id", OLD."currency", OLD."effect", OLD."ended_at", OLD."error_percent", OLD."id", OLD."metric", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."planned_count", OLD."power_percent", OLD."salt", OLD."scope", OLD."segment_id", OLD."started_at", OLD."state", OLD."tags", OLD."weighed_at", OLD."window_days", OLD."winner_id"); RETURN NULL;',
                    hash="1680522e4852084bd938827ff7f02637bccd0e76",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_d9b0c",
                    table="campaigns_experiment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="experiment",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_experimentevent" ("any_time", "archived_at", "baseline_mean", "baseline_variance", "conclusion", "created_at", "created_by_id", "currency", "effect", "ended_at", "error_percent", "id", "metric", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "planned_count", "power_percent", "salt", "scope", "segment_id", "started_at", "state", "tags", "weighed_at", "window_days", "winner_id") VALUES (OLD."any_time", OLD."archived_at", OLD."baseline_mean", OLD."baseline_variance", OLD."conclusion", OLD."created_at", OLD."created_by_id", OLD."currency", OLD."effect", OLD."ended_at", OLD."error_percent", OLD."id", OLD."metric", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."planned_count", OLD."power_percent", OLD."salt", OLD."scope", OLD."segment_id", OLD."started_at", OLD."state", OLD."tags", OLD."weighed_at", OLD."window_days", OLD."winner_id"); RETURN NULL;',
                    hash="276fbcb425c240bfcc7419778ed4ee2b665301b1",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_2d2a9",
                    table="campaigns_experiment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="broadcast",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."archived_at" IS DISTINCT FROM (NEW."archived_at") OR OLD."attribution_days" IS DISTINCT FROM (NEW."attribution_days") OR OLD."coupon_id" IS DISTINCT FROM (NEW."coupon_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."customer_zone" IS DISTINCT FROM (NEW."customer_zone") OR OLD."experiment_id" IS DISTINCT FROM (NEW."experiment_id") OR OLD."holdout_percent" IS DISTINCT FROM (NEW."holdout_percent") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."owner_id" IS DISTINCT FROM (NEW."owner_id") OR OLD."per_minute" IS DISTINCT FROM (NEW."per_minute") OR OLD."segment_id" IS DISTINCT FROM (NEW."segment_id") OR OLD."send_on" IS DISTINCT FROM (NEW."send_on") OR OLD."send_time" IS DISTINCT FROM (NEW."send_time") OR OLD."starts_at" IS DISTINCT FROM (NEW."starts_at") OR OLD."state" IS DISTINCT FROM (NEW."state") OR OLD."tags" IS DISTINCT FROM (NEW."tags") OR OLD."template_id" IS DISTINCT FROM (NEW."template_id") OR OLD."template_version" IS DISTINCT FROM (NEW."template_version"))',
                    func='INSERT INTO "campaigns_broadcastevent" ("archived_at", "attribution_days", "audience_count", "coupon_id", "created_at", "created_by_id", "customer_zone", "experiment_id", "finished_at", "holdout_percent", "id", "minute", "minute_count", "name", "owner_id", "per_minute", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prepared_at", "segment_id", "send_on", "send_time", "starts_at", "state", "tags", "template_id", "template_version") VALUES (OLD."archived_at", OLD."attribution_days", OLD."audience_count", OLD."coupon_id", OLD."created_at", OLD."created_by_id", OLD."customer_zone", OLD."experiment_id", OLD."finished_at", OLD."holdout_percent", OLD."id", OLD."minute", OLD."minute_count", OLD."name", OLD."owner_id", OLD."per_minute", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."prepared_at", OLD."segment_id", OLD."send_on", OLD."send_time", OLD."starts_at", OLD."state", OLD."tags", OLD."template_id", OLD."template_version"); RETURN NULL;',
                    hash="fc0eef544a272a86852d6a13c70cafea6f9769ac",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_1ec5d",
                    table="campaigns_broadcast",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="broadcast",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_broadcastevent" ("archived_at", "attribution_days", "audience_count", "coupon_id", "created_at", "created_by_id", "customer_zone", "experiment_id", "finished_at", "holdout_percent", "id", "minute", "minute_count", "name", "owner_id", "per_minute", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "prepared_at", "segment_id", "send_on", "send_time", "starts_at", "state", "tags", "template_id", "template_version") VALUES (OLD."archived_at", OLD."attribution_days", OLD."audience_count", OLD."coupon_id", OLD."created_at", OLD."created_by_id", OLD."customer_zone", OLD."experiment_id", OLD."finished_at", OLD."holdout_percent", OLD."id", OLD."minute", OLD."minute_count", OLD."name", OLD."owner_id", OLD."per_minute", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."prepared_at", OLD."segment_id", OLD."send_on", OLD."send_time", OLD."starts_at", OLD."state", OLD."tags", OLD."template_id", OLD."template_version"); RETURN NULL;',
                    hash="2c755293ec37a60040132ca651285ed8714b4336",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_25442",
                    table="campaigns_broadcast",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="carerule",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_careruleevent" ("activated_at", "archived_at", "attribution_days", "coupon_id", "created_at", "days", "experiment_id", "holdout_percent", "id", "last_run_at", "name", "occasion", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "segment_id", "send_at", "state", "tags", "template_id", "trigger", "version") VALUES (OLD."activated_at", OLD."archived_at", OLD."attribution_days", OLD."coupon_id", OLD."created_at", OLD."days", OLD."experiment_id", OLD."holdout_percent", OLD."id", OLD."last_run_at", OLD."name", OLD."occasion", OLD."owner_id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."segment_id", OLD."send_at", OLD."state", OLD."tags", OLD."template_id", OLD."trigger", OLD."version"); RETURN NULL;',
                    hash="ec17caf5261a4a1f08b1c83f0baa68a618fe5feb",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_6d594",
                    table="campaigns_carerule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="carerule",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_careruleevent" ("activated_at", "archived_at", "attribution_days", "coupon_id", "created_at", "days", "experiment_id", "holdout_percent", "id", "last_run_at", "name", "occasion", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "segment_id", "send_at", "state", "tags", "template_id", "trigger", "version") VALUES (OLD."activated_at", OLD."archived_at", OLD."attribution_days", OLD."coupon_id", OLD."created_at", OLD."days", OLD."experiment_id", OLD."holdout_percent", OLD."id", OLD."last_run_at", OLD."name", OLD."occasion", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."segment_id", OLD."send_at", OLD."state", OLD."tags", OLD."template_id", OLD."trigger", OLD."version"); RETURN NULL;',
                    hash="19ec6500798c4dbd58ebc453fbfec63bccef5ed2",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_d6a6c",
                    table="campaigns_carerule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="channelaccount",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_channelaccountevent" ("active", "channel", "created_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "secrets", "settings") VALUES (OLD."active", OLD."channel", OLD."created_at", OLD."id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."provider", OLD."secrets", OLD."settings"); RETURN NULL;',
                    hash="46604747eacfeaa81d70dc159a83e4eb8498cdf9",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_2c786",
                    table="campaigns_channelaccount",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="channelaccount",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_channelaccountevent" ("active", "channel", "created_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "provider", "secrets", "settings") VALUES (OLD."active", OLD."channel", OLD."created_at", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."provider", OLD."secrets", OLD."settings"); RETURN NULL;',
                    hash="f7bf0e0d5e4f29256304db4b0fd206fd261ceef3",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_62751",
                    table="campaigns_channelaccount",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="journeyversion",
            trigger=pgtrigger.compiler.Trigger(
                name="published",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."definition" IS DISTINCT FROM (NEW."definition") OR OLD."journey_id" IS DISTINCT FROM (NEW."journey_id") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."published_at" IS DISTINCT FROM (NEW."published_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="74cddf92e1b781cfc68609fed971f5b4e74b41e9",
                    operation="UPDATE",
                    pgid="pgtrigger_published_a2109",
                    table="campaigns_journeyversion",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="journey",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."archived_at" IS DISTINCT FROM (NEW."archived_at") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."draft" IS DISTINCT FROM (NEW."draft") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."owner_id" IS DISTINCT FROM (NEW."owner_id") OR OLD."preset" IS DISTINCT FROM (NEW."preset") OR OLD."started_at" IS DISTINCT FROM (NEW."started_at") OR OLD."state" IS DISTINCT FROM (NEW."state") OR OLD."tags" IS DISTINCT FROM (NEW."tags") OR OLD."updated_at" IS DISTINCT FROM (NEW."updated_at") OR OLD."version_id" IS DISTINCT FROM (NEW."version_id"))',
                    func='INSERT INTO "campaigns_journeyevent" ("archived_at", "created_at", "draft", "id", "looked_at", "members_after", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "preset", "started_at", "state", "tags", "updated_at", "version_id") VALUES (OLD."archived_at", OLD."created_at", OLD."draft", OLD."id", OLD."looked_at", OLD."members_after", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."preset", OLD."started_at", OLD."state", OLD."tags", OLD."updated_at", OLD."version_id"); RETURN NULL;',
                    hash="e856b58b484f83b49855879fd87318867117c1b5",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e0be5",
                    table="campaigns_journey",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="journey",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_journeyevent" ("archived_at", "created_at", "draft", "id", "looked_at", "members_after", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "preset", "started_at", "state", "tags", "updated_at", "version_id") VALUES (OLD."archived_at", OLD."created_at", OLD."draft", OLD."id", OLD."looked_at", OLD."members_after", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."preset", OLD."started_at", OLD."state", OLD."tags", OLD."updated_at", OLD."version_id"); RETURN NULL;',
                    hash="10779a32ea40963130f0f13ecb08f1375e9346f7",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_1db03",
                    table="campaigns_journey",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="journeysteprecord",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="91e6451134206a0e4dc7d9403cea976e67a912e5",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_b8e5a",
                    table="campaigns_journeysteprecord",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="sendingpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_sendingpolicyevent" ("cap_per_day", "cap_per_week", "id", "leap_birthday", "marketing_per_day", "marketing_per_week", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "quiet_from", "quiet_until", "spread_minutes", "stale_hours", "surveys_per_day", "surveys_per_week", "track_messages") VALUES (OLD."cap_per_day", OLD."cap_per_week", OLD."id", OLD."leap_birthday", OLD."marketing_per_day", OLD."marketing_per_week", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."quiet_from", OLD."quiet_until", OLD."spread_minutes", OLD."stale_hours", OLD."surveys_per_day", OLD."surveys_per_week", OLD."track_messages"); RETURN NULL;',
                    hash="a21f4379aff72aba3f26aa97f49dba800d81c940",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_c8d82",
                    table="campaigns_sendingpolicy",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="sendingpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_sendingpolicyevent" ("cap_per_day", "cap_per_week", "id", "leap_birthday", "marketing_per_day", "marketing_per_week", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "quiet_from", "quiet_until", "spread_minutes", "stale_hours", "surveys_per_day", "surveys_per_week", "track_messages") VALUES (OLD."cap_per_day", OLD."cap_per_week", OLD."id", OLD."leap_birthday", OLD."marketing_per_day", OLD."marketing_per_week", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."quiet_from", OLD."quiet_until", OLD."spread_minutes", OLD."stale_hours", OLD."surveys_per_day", OLD."surveys_per_week", OLD."track_messages"); RETURN NULL;',
                    hash="6695a187b7a5a9bb53d895d9647ccf4471a7e1de",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_c5b73",
                    table="campaigns_sendingpolicy",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="shopday",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_shopdayevent" ("created_at", "day", "id", "lunar", "month", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "year") VALUES (OLD."created_at", OLD."day", OLD."id", OLD."lunar", OLD."month", OLD."name", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."year"); RETURN NULL;',
                    hash="ea354a0b17b18b90ce19a278afdf101371edf9ee",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_9622a",
                    table="campaigns_shopday",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="shopday",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_shopdayevent" ("created_at", "day", "id", "lunar", "month", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "year") VALUES (OLD."created_at", OLD."day", OLD."id", OLD."lunar", OLD."month", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."year"); RETURN NULL;',
                    hash="60291bd47bf646406afddea69ddbdc730eb87dc1",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_b0056",
                    table="campaigns_shopday",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="calendarsettings",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_calendarsettingsevent" ("id", "packs", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."id", OLD."packs", _pgh_attach_context(), NOW(), \'update\', OLD."id"); RETURN NULL;',
                    hash="04783aceabbe8d2e8d469b2f0de285b84b0d5f67",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_d2a5e",
                    table="campaigns_calendarsettings",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="calendarsettings",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_calendarsettingsevent" ("id", "packs", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."id", OLD."packs", _pgh_attach_context(), NOW(), \'delete\', OLD."id"); RETURN NULL;',
                    hash="7222732daa7fed6ad927cd16e75f2c5db966b2c7",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_e852a",
                    table="campaigns_calendarsettings",
                    when="AFTER",
                ),
            ),
        ),
        migrations.CreateModel(
            name="DesignPicture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True, verbose_name="name")),
                ("picture", models.FileField(upload_to="designs/", verbose_name="picture")),
                ("width", models.PositiveIntegerField(verbose_name="width")),
                ("height", models.PositiveIntegerField(verbose_name="height")),
                ("size", models.PositiveIntegerField(help_text="In bytes.", verbose_name="size")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "picture of a design",
                "verbose_name_plural": "pictures of designs",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="SavedBlock",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                ("block", models.JSONField(verbose_name="block")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "saved block",
                "verbose_name_plural": "saved blocks",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="SavedBlockEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("block", models.JSONField(verbose_name="block")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                        to="campaigns.savedblock",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TemplateDesign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("document", models.JSONField(verbose_name="blocks")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "template",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="designs",
                        to="campaigns.template",
                    ),
                ),
            ],
            options={
                "verbose_name": "design",
                "verbose_name_plural": "designs",
            },
        ),
        migrations.CreateModel(
            name="TemplateDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, default="", max_length=120, verbose_name="name")),
                (
                    "message_class",
                    models.CharField(
                        choices=[("marketing", "Marketing"), ("transactional", "Transactional")],
                        default="marketing",
                        max_length=13,
                        verbose_name="class",
                    ),
                ),
                ("subjects", models.JSONField(default=dict, verbose_name="subjects")),
                ("document", models.JSONField(default=dict, verbose_name="blocks")),
                ("revision", models.PositiveIntegerField(default=1, verbose_name="revision")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "template",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="draft",
                        to="campaigns.template",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "draft of a template",
                "verbose_name_plural": "drafts of templates",
                "ordering": ["-updated_at", "-id"],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="savedblock",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "campaigns_savedblockevent" ("block", "created_at", "created_by_id", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."block", OLD."created_at", OLD."created_by_id", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'update\', OLD."id"); RETURN NULL;',
                    hash="2f73bc50e8cf8f40952d25a8b50f1192e836fb7c",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_e9fbc",
                    table="campaigns_savedblock",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="savedblock",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "campaigns_savedblockevent" ("block", "created_at", "created_by_id", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."block", OLD."created_at", OLD."created_by_id", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id"); RETURN NULL;',
                    hash="b47fc94292a95ee248bc83b9c2c60ff5f04d85d8",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_6865a",
                    table="campaigns_savedblock",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="templatedesign",
            constraint=models.UniqueConstraint(fields=("template", "version"), name="campaigns_templatedesign_once"),
        ),
        migrations.CreateModel(
            name="TestAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=254, verbose_name="address")),
                ("used_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="test_addresses",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "address of tests",
                "verbose_name_plural": "addresses of tests",
                "constraints": [models.UniqueConstraint(fields=("user", "address"), name="campaigns_testaddress_once")],
            },
        ),
    ]
