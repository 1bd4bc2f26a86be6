import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.lookups
import pgtrigger.compiler
import pgtrigger.migrations
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
            name="SegmentMembership",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "segment",
                        "entered_at",
                        "customer",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("entered_at", models.DateTimeField(verbose_name="entered")),
                ("left_at", models.DateTimeField(null=True, verbose_name="left")),
            ],
            options={
                "verbose_name": "segment membership",
                "verbose_name_plural": "segment memberships",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="ChangedCustomer",
            fields=[
                ("customer_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("marked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("mark", models.BigIntegerField(default=1)),
                ("effect", models.PositiveSmallIntegerField(db_default=3, default=3)),
            ],
            options={
                "verbose_name": "changed customer",
                "indexes": [models.Index(fields=["marked_at"], name="analytics_changed_oldest")],
            },
        ),
        migrations.CreateModel(
            name="ComputationState",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("finished_at", models.DateTimeField(null=True)),
                ("row_count", models.BigIntegerField(default=0)),
                ("seconds", models.FloatField(default=0)),
                ("error", models.TextField(blank=True, default="")),
            ],
            options={
                "verbose_name": "computation state",
            },
        ),
        migrations.CreateModel(
            name="CustomerFeature",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="features",
                        serialize=False,
                        to="crm.customer",
                    ),
                ),
                ("order_count", models.IntegerField(default=0, verbose_name="orders")),
                ("item_count", models.DecimalField(decimal_places=3, default=0, max_digits=16, verbose_name="items")),
                ("gross_spend", models.BigIntegerField(default=0, verbose_name="gross spend")),
                ("refunded", models.BigIntegerField(default=0, verbose_name="refunded")),
                ("net_spend", models.BigIntegerField(default=0, verbose_name="net spend")),
                ("discounted", models.BigIntegerField(default=0, verbose_name="discounts")),
                ("refund_count", models.IntegerField(default=0, verbose_name="refunds")),
                ("first_order_at", models.DateTimeField(null=True, verbose_name="first order")),
                ("last_order_at", models.DateTimeField(null=True, verbose_name="last order")),
                ("previous_order_at", models.DateTimeField(null=True, verbose_name="order before last")),
                ("mean_interval_days", models.FloatField(null=True, verbose_name="days between orders")),
                ("average_order", models.BigIntegerField(default=0, verbose_name="average order")),
                ("orders_365", models.IntegerField(default=0, verbose_name="orders in 365 days")),
                ("spend_365", models.BigIntegerField(default=0, verbose_name="spend in 365 days")),
                ("orders_90", models.IntegerField(default=0, verbose_name="orders in 90 days")),
                ("spend_90", models.BigIntegerField(default=0, verbose_name="spend in 90 days")),
                (
                    "categories",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        default=list,
                        size=None,
                        verbose_name="categories bought",
                    ),
                ),
                (
                    "top_category",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="favourite category"),
                ),
                (
                    "main_channel",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="main sales channel"),
                ),
                ("last_activity_at", models.DateTimeField(null=True, verbose_name="last activity")),
                ("activity_30", models.IntegerField(default=0, verbose_name="events in 30 days")),
                ("points_available", models.BigIntegerField(default=0, verbose_name="points available")),
                ("tier_rank", models.SmallIntegerField(default=0, verbose_name="tier")),
                ("is_member", models.BooleanField(default=False, verbose_name="is a member")),
                ("messages_90", models.IntegerField(default=0, verbose_name="messages in 90 days")),
                ("opened_90", models.IntegerField(default=0, verbose_name="opened in 90 days")),
                (
                    "reachable",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), default=list, size=None, verbose_name="reachable by"
                    ),
                ),
                ("rfm_r", models.SmallIntegerField(null=True, verbose_name="recency score")),
                ("rfm_f", models.SmallIntegerField(null=True, verbose_name="frequency score")),
                ("rfm_m", models.SmallIntegerField(null=True, verbose_name="monetary score")),
                ("rfm_group", models.CharField(blank=True, default="", max_length=20, verbose_name="RFM group")),
                ("rfm_as_of", models.DateField(null=True, verbose_name="RFM as of")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("prospect", "No order yet"),
                            ("new", "New"),
                            ("active", "Active"),
                            ("at_risk", "At risk"),
                            ("lapsed", "Lapsed"),
                            ("lost", "Lost"),
                            ("won_back", "Won back"),
                        ],
                        default="prospect",
                        max_length=8,
                        verbose_name="lifecycle stage",
                    ),
                ),
                ("stage_since", models.DateTimeField(null=True, verbose_name="stage since")),
                ("as_of", models.DateTimeField(verbose_name="as of")),
                ("adjusted", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "verbose_name": "customer features",
                "verbose_name_plural": "customer features",
                "indexes": [
                    models.Index(fields=["last_order_at"], name="analytics_feature_last_order"),
                    models.Index(fields=["-net_spend", "customer"], name="analytics_feature_spend"),
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomerSegments",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="inside",
                        serialize=False,
                        to="crm.customer",
                    ),
                ),
                (
                    "inside",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None, verbose_name="segments"
                    ),
                ),
                (
                    "since",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(), size=None, verbose_name="entered"
                    ),
                ),
            ],
            options={
                "verbose_name": "segments of a customer",
                "verbose_name_plural": "segments of customers",
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            models.Func(models.F("inside"), function="cardinality", output_field=models.IntegerField()),
                            models.Func(models.F("since"), function="cardinality", output_field=models.IntegerField()),
                        ),
                        name="analytics_customersegments_paired",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="name")),
                ("description", models.CharField(blank=True, default="", max_length=400, verbose_name="description")),
                (
                    "kind",
                    models.CharField(
                        choices=[("rule", "By rule"), ("static", "Fixed list")],
                        default="rule",
                        max_length=6,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("archived", "Archived")],
                        default="active",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("rule", models.JSONField(default=dict, verbose_name="rule")),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                ("size", models.BigIntegerField(default=0, verbose_name="customers")),
                ("computed_at", models.DateTimeField(null=True, verbose_name="last computed")),
                ("first_computed_at", models.DateTimeField(null=True, verbose_name="first computed")),
                ("computed_version", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="", verbose_name="error")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
                "verbose_name": "segment",
                "verbose_name_plural": "segments",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="ListUpload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file_name", models.CharField(max_length=255, verbose_name="file")),
                ("kind", models.CharField(max_length=20)),
                ("country", models.CharField(max_length=2)),
                ("content", models.BinaryField(default=b"")),
                ("line_count", models.PositiveIntegerField(verbose_name="lines")),
                ("matched_count", models.PositiveIntegerField(default=0, verbose_name="matched")),
                ("refused_count", models.PositiveIntegerField(default=0, verbose_name="not found")),
                ("added_count", models.PositiveIntegerField(default=0, verbose_name="entered")),
                ("already_count", models.PositiveIntegerField(default=0, verbose_name="already on the list")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
                ("done_at", models.DateTimeField(null=True, verbose_name="finished")),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="core.job",
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="uploads", to="analytics.segment"
                    ),
                ),
            ],
            options={
                "verbose_name": "list upload",
                "verbose_name_plural": "list uploads",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("done_at", None),
                            models.Q(
                                (
                                    "line_count",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("matched_count"), "+", models.F("refused_count")
                                    ),
                                ),
                                (
                                    "matched_count__gte",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("added_count"), "+", models.F("already_count")
                                    ),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="analytics_listupload_every_line_is_accounted_for",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ListRefusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("line", models.PositiveIntegerField(verbose_name="line")),
                ("code", models.CharField(max_length=40)),
                ("value", models.BinaryField()),
                (
                    "upload",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refusals",
                        to="analytics.listupload",
                    ),
                ),
            ],
            options={
                "verbose_name": "refused line",
                "verbose_name_plural": "refused lines",
                "constraints": [
                    models.UniqueConstraint(fields=("upload", "line"), name="analytics_listrefusal_once_per_line")
                ],
            },
        ),
        migrations.CreateModel(
            name="RfmModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("as_of", models.DateField(unique=True, verbose_name="as of")),
                (
                    "recency_cuts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(), help_text="Days since the last order, ascending.", size=4
                    ),
                ),
                ("frequency_cuts", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=4)),
                ("money_cuts", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=4)),
                ("customer_count", models.IntegerField(verbose_name="customers")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "RFM model",
                "verbose_name_plural": "RFM models",
            },
        ),
        migrations.CreateModel(
            name="ScoringVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(unique=True, verbose_name="version")),
                ("new_days", models.PositiveSmallIntegerField(verbose_name="new (days)")),
                ("active_days", models.PositiveSmallIntegerField(verbose_name="active (days)")),
                ("at_risk_days", models.PositiveSmallIntegerField(verbose_name="at risk (days)")),
                ("lapsed_days", models.PositiveSmallIntegerField(verbose_name="lapsed (days)")),
                (
                    "recency_cuts",
                    django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), default=list, size=4),
                ),
                (
                    "frequency_cuts",
                    django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), default=list, size=4),
                ),
                (
                    "money_cuts",
                    django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), default=list, size=4),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
                ("created_by", models.CharField(default="system", max_length=80, verbose_name="created by")),
            ],
            options={
                "verbose_name": "scoring version",
                "verbose_name_plural": "scoring versions",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("active_days__lt", models.F("at_risk_days")),
                            ("at_risk_days__lt", models.F("lapsed_days")),
                            ("new_days__lte", models.F("active_days")),
                            ("new_days__gt", 0),
                        ),
                        name="analytics_scoringversion_limits_ascend",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SegmentDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("size", models.BigIntegerField(verbose_name="customers")),
                ("entered_count", models.BigIntegerField(default=0, verbose_name="entered")),
                ("left_count", models.BigIntegerField(default=0, verbose_name="left")),
                (
                    "segment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="analytics.segment",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("segment", "day"), name="analytics_segmentday_one")],
            },
        ),
        migrations.CreateModel(
            name="SegmentEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("description", models.CharField(blank=True, default="", max_length=400, verbose_name="description")),
                (
                    "kind",
                    models.CharField(
                        choices=[("rule", "By rule"), ("static", "Fixed list")],
                        default="rule",
                        max_length=6,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("archived", "Archived")],
                        default="active",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("rule", models.JSONField(default=dict, verbose_name="rule")),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                ("size", models.BigIntegerField(default=0, verbose_name="customers")),
                ("computed_at", models.DateTimeField(null=True, verbose_name="last computed")),
                ("first_computed_at", models.DateTimeField(null=True, verbose_name="first computed")),
                ("computed_version", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="", verbose_name="error")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
                        to="analytics.segment",
                    ),
                ),
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
            name="SegmentLeaving",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("left_at", models.DateTimeField(verbose_name="left")),
                (
                    "customers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None, verbose_name="customers"
                    ),
                ),
                (
                    "entered",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DateTimeField(), size=None, verbose_name="entered"
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leavings",
                        to="analytics.segment",
                    ),
                ),
            ],
            options={
                "verbose_name": "leaving of a segment",
                "verbose_name_plural": "leavings of segments",
                "indexes": [models.Index(fields=["segment", "left_at"], name="analytics_segmentleaving_at")],
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            models.Func(
                                models.F("customers"), function="cardinality", output_field=models.IntegerField()
                            ),
                            models.Func(
                                models.F("entered"), function="cardinality", output_field=models.IntegerField()
                            ),
                        ),
                        name="analytics_segmentleaving_paired",
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="segment",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "analytics_segmentevent" ("computed_at", "computed_version", "created_at", "created_by_id", "description", "error", "first_computed_at", "id", "kind", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule", "size", "state", "tags", "updated_at", "version") VALUES (OLD."computed_at", OLD."computed_version", OLD."created_at", OLD."created_by_id", OLD."description", OLD."error", OLD."first_computed_at", OLD."id", OLD."kind", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."rule", OLD."size", OLD."state", OLD."tags", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="5d9b630246a2ee57e4f2b324a7c2156b61398967",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_21e07",
                    table="analytics_segment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="segment",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "analytics_segmentevent" ("computed_at", "computed_version", "created_at", "created_by_id", "description", "error", "first_computed_at", "id", "kind", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule", "size", "state", "tags", "updated_at", "version") VALUES (OLD."computed_at", OLD."computed_version", OLD."created_at", OLD."created_by_id", OLD."description", OLD."error", OLD."first_computed_at", OLD."id", OLD."kind", OLD."name", OLD."owner_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."rule", OLD."size", OLD."state", OLD."tags", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="7013eded882120a36e4838bff3e0d1f544113633",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_424c3",
                    table="analytics_segment",
                    when="AFTER",
                ),
            ),
        ),
    ]
