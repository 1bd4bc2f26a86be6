import core.db.fields
import crm.customers.models
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.migrations.operations.special
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


KINDS = {
    "view": "Viewed a product",
    "search": "Searched",
    "cart": "Added to cart",
    "share": "Shared",
    "review": "Reviewed",
    "check_in": "Checked in",
}


def add_builtin_kinds(apps, schema_editor):
    kind = apps.get_model("crm", "ActivityKind")
    kind.objects.bulk_create(
        [kind(code=code, label=label, builtin=True) for code, label in KINDS.items()], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_initial"),
        ("core", "__first__"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="ActivityEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "id", "occurred_at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("id", models.BigIntegerField()),
                ("customer_id", models.BigIntegerField(null=True)),
                ("anonymous_id", models.CharField(blank=True, default="", max_length=80)),
                ("source", models.CharField(max_length=40, verbose_name="source")),
                ("sender_id", models.CharField(max_length=80, verbose_name="sender's id")),
                ("kind", models.CharField(max_length=40, verbose_name="kind")),
                ("product_id", models.BigIntegerField(null=True)),
                ("properties", models.JSONField(default=dict, verbose_name="properties")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("received_at", models.DateTimeField(verbose_name="received at")),
            ],
            options={
                "verbose_name": "activity event",
                "verbose_name_plural": "activity events",
                "db_table": "crm_activityevent",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="ActivityKind",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40, unique=True, verbose_name="code")),
                ("label", models.CharField(blank=True, default="", max_length=80, verbose_name="label")),
                ("builtin", models.BooleanField(default=False, verbose_name="built in")),
                ("first_seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "activity kind",
                "verbose_name_plural": "activity kinds",
                "ordering": ["code"],
            },
        ),
        migrations.CreateModel(
            name="AttributeDefinition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, unique=True, verbose_name="code")),
                ("label", models.CharField(max_length=80, verbose_name="label")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("number", "Number"),
                            ("boolean", "Yes or no"),
                            ("date", "Date"),
                            ("choice", "Choice"),
                        ],
                        max_length=8,
                        verbose_name="type",
                    ),
                ),
                (
                    "choices",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="choices",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "member_writable",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Else only the shop's server, imports and staff write it.",
                        verbose_name="members change it themselves",
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True, verbose_name="archived")),
            ],
            options={
                "verbose_name": "customer attribute",
                "verbose_name_plural": "customer attributes",
                "ordering": ["position", "code"],
            },
        ),
        migrations.CreateModel(
            name="AttributeDefinitionEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=40, verbose_name="code")),
                ("label", models.CharField(max_length=80, verbose_name="label")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("number", "Number"),
                            ("boolean", "Yes or no"),
                            ("date", "Date"),
                            ("choice", "Choice"),
                        ],
                        max_length=8,
                        verbose_name="type",
                    ),
                ),
                (
                    "choices",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="choices",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "member_writable",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Else only the shop's server, imports and staff write it.",
                        verbose_name="members change it themselves",
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
                        to="crm.attributedefinition",
                    ),
                ),
                ("archived_at", models.DateTimeField(editable=False, null=True, verbose_name="archived")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "number",
                    models.CharField(
                        db_default=models.Func(function="crm_next_customer_number", output_field=models.CharField()),
                        max_length=20,
                        unique=True,
                        verbose_name="customer number",
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=200, verbose_name="name")),
                (
                    "search_name",
                    crm.customers.models.FoldedNameField(
                        db_default="", editable=False, help_text="The name as search reads it."
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("merged", "Merged into another"), ("erased", "Erased")],
                        default="active",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "birthday",
                    core.db.fields.EncryptedTextField(blank=True, editable=True, null=True, verbose_name="birthday"),
                ),
                (
                    "birthday_index",
                    core.db.fields.BlindIndexField(help_text="Blind index of MM-DD.", max_length=17, null=True),
                ),
                ("birth_year", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="year of birth")),
                (
                    "gender",
                    models.CharField(
                        blank=True,
                        choices=[("", "Unknown"), ("female", "Female"), ("male", "Male"), ("other", "Other")],
                        default="",
                        max_length=8,
                        verbose_name="gender",
                    ),
                ),
                ("language", models.CharField(blank=True, default="", max_length=10, verbose_name="language")),
                ("time_zone", models.CharField(blank=True, default="", max_length=64, verbose_name="time zone")),
                ("country", models.CharField(blank=True, default="", max_length=60, verbose_name="country")),
                ("region", models.CharField(blank=True, default="", max_length=120, verbose_name="region")),
                ("attributes", models.JSONField(blank=True, default=dict, verbose_name="attributes")),
                ("source", models.CharField(default="api", max_length=40, verbose_name="source")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="known since"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="changed"),
                ),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="crm.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "customer",
                "verbose_name_plural": "customers",
                "permissions": [
                    ("unmask_customer", "Can see contact details in full (each look is recorded)"),
                    ("export_customer", "Can export customers"),
                ],
                "indexes": [
                    models.Index(fields=["birthday_index"], name="crm_customer_birthday"),
                    models.Index(fields=["-created_at", "-id"], name="crm_customer_recent"),
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["attributes"], name="crm_customer_attributes", opclasses=["jsonb_path_ops"]
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("merged_into__isnull", False), ("state", "merged")),
                            models.Q(models.Q(("state", "merged"), _negated=True), ("merged_into", None)),
                            _connector="OR",
                        ),
                        name="crm_customer_merged_names_target",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("country__regex", "^([A-Z]{2})?$")), name="crm_customer_country_is_a_code"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("sms", "SMS"),
                            ("inbox", "In-app inbox"),
                            ("wechat", "WeChat"),
                            ("wecom", "WeCom"),
                            ("webhook", "Own system"),
                            ("push", "Push"),
                            ("call", "Phone call"),
                        ],
                        max_length=8,
                        verbose_name="channel",
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("marketing", "Marketing"),
                            ("service", "Service and surveys"),
                            ("profiling", "Profiling"),
                        ],
                        max_length=10,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[("granted", "Granted"), ("withdrawn", "Withdrawn")],
                        max_length=10,
                        verbose_name="decision",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        help_text="Where the decision was made, for example checkout.",
                        max_length=60,
                        verbose_name="source",
                    ),
                ),
                ("evidence", models.CharField(blank=True, default="", max_length=500, verbose_name="evidence")),
                ("given_at", models.DateTimeField(verbose_name="given at")),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor", models.CharField(default="system", max_length=80)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consents",
                        to="crm.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "consent",
                "verbose_name_plural": "consents",
                "indexes": [
                    models.Index(fields=["customer", "-given_at", "-id"], name="crm_consent_history"),
                    models.Index(
                        condition=models.Q(("decision", "withdrawn"), ("evidence__startswith", "message ")),
                        fields=["given_at"],
                        name="crm_consent_by_message",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentState",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id",
                        "channel",
                        "purpose",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("customer_id", models.BigIntegerField()),
                ("channel", models.CharField(max_length=8)),
                ("purpose", models.CharField(max_length=10)),
                ("granted", models.BooleanField()),
                ("since", models.DateTimeField()),
            ],
            options={
                "verbose_name": "consent state",
            },
        ),
        migrations.CreateModel(
            name="CustomerEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "number",
                    models.CharField(
                        db_default=models.Func(function="crm_next_customer_number", output_field=models.CharField()),
                        max_length=20,
                        verbose_name="customer number",
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=200, verbose_name="name")),
                (
                    "search_name",
                    crm.customers.models.FoldedNameField(
                        db_default="", editable=False, help_text="The name as search reads it."
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("merged", "Merged into another"), ("erased", "Erased")],
                        default="active",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "birthday",
                    core.db.fields.EncryptedTextField(blank=True, editable=True, null=True, verbose_name="birthday"),
                ),
                (
                    "birthday_index",
                    core.db.fields.BlindIndexField(help_text="Blind index of MM-DD.", max_length=17, null=True),
                ),
                ("birth_year", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="year of birth")),
                (
                    "gender",
                    models.CharField(
                        blank=True,
                        choices=[("", "Unknown"), ("female", "Female"), ("male", "Male"), ("other", "Other")],
                        default="",
                        max_length=8,
                        verbose_name="gender",
                    ),
                ),
                ("language", models.CharField(blank=True, default="", max_length=10, verbose_name="language")),
                ("time_zone", models.CharField(blank=True, default="", max_length=64, verbose_name="time zone")),
                ("country", models.CharField(blank=True, default="", max_length=60, verbose_name="country")),
                ("region", models.CharField(blank=True, default="", max_length=120, verbose_name="region")),
                ("attributes", models.JSONField(blank=True, default=dict, verbose_name="attributes")),
                ("source", models.CharField(default="api", max_length=40, verbose_name="source")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="known since"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="changed"),
                ),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
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
                        to="crm.customer",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, unique=True, verbose_name="name")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "tag",
                "verbose_name_plural": "tags",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="CustomerTag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("added_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("added_by", models.CharField(default="system", max_length=80)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="customer_tags",
                        to="crm.customer",
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="customer_tags",
                        to="crm.tag",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tag", "customer"], name="crm_customertag_by_tag")],
                "constraints": [models.UniqueConstraint(fields=("customer", "tag"), name="crm_customertag_once")],
            },
        ),
        migrations.CreateModel(
            name="DuplicateCandidate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "To be decided"), ("distinct", "Not the same person")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "suspected_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="suspected"
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided")),
                ("decided_by", models.CharField(blank=True, default="", max_length=80)),
                (
                    "first",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="crm.customer",
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="crm.customer"),
                ),
            ],
            options={
                "verbose_name": "possible duplicate",
                "verbose_name_plural": "possible duplicates",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["-suspected_at", "-id"],
                        name="crm_duplicatecandidate_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("first", "second"), name="crm_duplicatecandidate_once"),
                    models.CheckConstraint(
                        condition=models.Q(("first__lt", models.F("second"))), name="crm_duplicatecandidate_in_order"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("phone", "Phone"),
                            ("email", "E-mail"),
                            ("storefront", "Storefront id"),
                            ("wechat_openid", "WeChat openid"),
                            ("wechat_unionid", "WeChat unionid"),
                            ("wecom_external", "WeCom external contact"),
                            ("card", "Card"),
                            ("device", "Device"),
                        ],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                ("value", core.db.fields.EncryptedTextField(editable=True, verbose_name="value")),
                ("value_index", core.db.fields.BlindIndexField(max_length=17)),
                (
                    "tail_index",
                    core.db.fields.BlindIndexField(
                        help_text="Blind index of a phone number's last four digits.", max_length=17, null=True
                    ),
                ),
                ("verified_at", models.DateTimeField(null=True, verbose_name="verified")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="identities", to="crm.customer"
                    ),
                ),
            ],
            options={
                "verbose_name": "identity",
                "verbose_name_plural": "identities",
                "indexes": [models.Index(fields=["tail_index"], name="crm_identity_phone_tail")],
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "value_index"), name="crm_identity_belongs_to_one_customer")
                ],
            },
        ),
        migrations.CreateModel(
            name="IdentityEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("phone", "Phone"),
                            ("email", "E-mail"),
                            ("storefront", "Storefront id"),
                            ("wechat_openid", "WeChat openid"),
                            ("wechat_unionid", "WeChat unionid"),
                            ("wecom_external", "WeCom external contact"),
                            ("card", "Card"),
                            ("device", "Device"),
                        ],
                        max_length=16,
                        verbose_name="kind",
                    ),
                ),
                ("value", core.db.fields.EncryptedTextField(editable=True, verbose_name="value")),
                ("value_index", core.db.fields.BlindIndexField(max_length=17)),
                (
                    "tail_index",
                    core.db.fields.BlindIndexField(
                        help_text="Blind index of a phone number's last four digits.", max_length=17, null=True
                    ),
                ),
                ("verified_at", models.DateTimeField(null=True, verbose_name="verified")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
                        to="crm.identity",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ImportMapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=10)),
                ("source", models.CharField(max_length=40)),
                ("mapping", models.JSONField(default=dict)),
                ("options", models.JSONField(default=dict)),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "source"), name="crm_importmapping_per_source")
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=10, verbose_name="kind")),
                ("source", models.CharField(max_length=40, verbose_name="source")),
                ("file_name", models.CharField(max_length=255, verbose_name="file")),
                ("path", models.CharField(blank=True, default="", max_length=500)),
                (
                    "options",
                    models.JSONField(
                        blank=True, default=dict, help_text="Encoding, separator, decimal mark, time zone."
                    ),
                ),
                ("mapping", models.JSONField(blank=True, default=dict, help_text="Our field -> the file's column.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("uploaded", "Uploaded"),
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="uploaded",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("read_count", models.BigIntegerField(default=0, verbose_name="read")),
                ("accepted_count", models.BigIntegerField(default=0, verbose_name="accepted")),
                ("unchanged_count", models.BigIntegerField(default=0, verbose_name="already there")),
                ("refused_count", models.BigIntegerField(default=0, verbose_name="refused")),
                ("result", models.JSONField(blank=True, default=dict)),
                ("error", models.TextField(blank=True, default="")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
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
                    "job",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="core.job"
                    ),
                ),
                (
                    "following",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="core.job"
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("auto", "By the date of each order"),
                            ("remember", "Only record"),
                            ("silent", "Points and tiers, without messages"),
                            ("live", "As if it happened now"),
                        ],
                        default="auto",
                        max_length=8,
                        verbose_name="effect",
                    ),
                ),
                ("skipped_count", models.BigIntegerField(default=0, verbose_name="skipped")),
            ],
            options={
                "verbose_name": "import",
                "verbose_name_plural": "imports",
                "indexes": [models.Index(fields=["-created_at"], name="crm_importrun_recent")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            (
                                "read_count",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            models.F("accepted_count"), "+", models.F("unchanged_count")
                                        ),
                                        "+",
                                        models.F("refused_count"),
                                    ),
                                    "+",
                                    models.F("skipped_count"),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="crm_importrun_every_row_is_accounted_for",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportRefusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("row_number", models.BigIntegerField(verbose_name="row")),
                ("field", models.CharField(blank=True, default="", max_length=60, verbose_name="field")),
                ("code", models.CharField(max_length=40, verbose_name="code")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("raw", models.TextField(blank=True, default="", verbose_name="row as read")),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refusals",
                        to="crm.importrun",
                    ),
                ),
            ],
            options={
                "verbose_name": "refused row",
                "verbose_name_plural": "refused rows",
                "indexes": [models.Index(fields=["run", "row_number"], name="crm_importrefusal_by_row")],
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField(max_length=4000, verbose_name="note")),
                ("pinned", models.BooleanField(default=False, verbose_name="pinned")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="crm.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "note",
                "verbose_name_plural": "notes",
                "indexes": [models.Index(fields=["customer", "-created_at"], name="crm_note_of_customer")],
            },
        ),
        migrations.CreateModel(
            name="NoteEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("text", models.TextField(max_length=4000, verbose_name="note")),
                ("pinned", models.BooleanField(default=False, verbose_name="pinned")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "author",
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
                        to="crm.note",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Store",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=40, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "currency",
                    models.CharField(
                        default="CNY", help_text="ISO 4217, for example CNY.", max_length=3, verbose_name="currency"
                    ),
                ),
                ("time_zone", models.CharField(default="Asia/Shanghai", max_length=64, verbose_name="time zone")),
                (
                    "country",
                    models.CharField(
                        default="CN",
                        help_text="Reads phone numbers that have no country code.",
                        max_length=2,
                        verbose_name="country",
                    ),
                ),
                ("language", models.CharField(default="zh-hans", max_length=10, verbose_name="language")),
                ("is_default", models.BooleanField(default=False, verbose_name="default")),
                ("logo", models.FileField(blank=True, db_default="", upload_to="shop/", verbose_name="logo")),
                (
                    "brand_colour",
                    models.CharField(blank=True, db_default="", max_length=7, verbose_name="brand colour"),
                ),
                (
                    "accent_colour",
                    models.CharField(blank=True, db_default="", max_length=7, verbose_name="second colour"),
                ),
                ("address", models.TextField(blank=True, db_default="", verbose_name="postal address")),
                (
                    "sender_name",
                    models.CharField(blank=True, db_default="", max_length=120, verbose_name="sender name"),
                ),
                (
                    "sender_email",
                    models.CharField(blank=True, db_default="", max_length=254, verbose_name="sender address"),
                ),
                (
                    "reply_to",
                    models.CharField(blank=True, db_default="", max_length=254, verbose_name="reply-to address"),
                ),
                (
                    "dkim_selector",
                    models.CharField(blank=True, db_default="", max_length=63, verbose_name="DKIM selector"),
                ),
            ],
            options={
                "verbose_name": "store",
                "verbose_name_plural": "stores",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)), fields=("is_default",), name="crm_store_one_default"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("brand_colour__regex", "^(#[0-9a-f]{6})?$"), ("accent_colour__regex", "^(#[0-9a-f]{6})?$")
                        ),
                        name="crm_store_colours_are_codes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(default="storefront", max_length=40, verbose_name="source")),
                ("number", models.CharField(max_length=64, verbose_name="order number")),
                (
                    "state",
                    models.CharField(
                        choices=[("placed", "Placed"), ("paid", "Paid"), ("cancelled", "Cancelled")],
                        default="paid",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("channel", models.CharField(blank=True, default="", max_length=40, verbose_name="sales channel")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("subtotal", models.BigIntegerField(default=0, verbose_name="goods")),
                ("discount", models.BigIntegerField(default=0, verbose_name="discount")),
                ("points_amount", models.BigIntegerField(default=0, verbose_name="paid with points")),
                ("shipping", models.BigIntegerField(default=0, verbose_name="shipping")),
                ("tax", models.BigIntegerField(default=0, verbose_name="tax")),
                ("fees", models.BigIntegerField(default=0, verbose_name="fees")),
                ("total", models.BigIntegerField(verbose_name="total")),
                ("refunded", models.BigIntegerField(default=0, verbose_name="refunded")),
                ("item_count", models.DecimalField(decimal_places=3, default=0, max_digits=14, verbose_name="items")),
                ("placed_at", models.DateTimeField(verbose_name="placed at")),
                ("paid_at", models.DateTimeField(null=True, verbose_name="paid at")),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="crm.customer",
                    ),
                ),
                (
                    "import_run",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="crm.importrun",
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="crm.store",
                    ),
                ),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("live", "At its own time"),
                            ("now", "As if it happened now"),
                            ("silent", "Points and tiers, no messages"),
                            ("remember", "Only recorded"),
                        ],
                        db_default="live",
                        default="live",
                        max_length=8,
                        verbose_name="effect",
                    ),
                ),
            ],
            options={
                "verbose_name": "order",
                "verbose_name_plural": "orders",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "paid")),
                        fields=["customer", "paid_at"],
                        include=("total", "refunded", "item_count", "discount", "channel"),
                        name="crm_order_paid_of_customer",
                    ),
                    models.Index(fields=["customer", "-placed_at"], name="crm_order_of_customer"),
                    models.Index(
                        condition=models.Q(("state", "paid")),
                        fields=["-paid_at"],
                        include=("total", "refunded", "currency"),
                        name="crm_order_paid_recent",
                    ),
                    models.Index(fields=["-placed_at", "-id"], name="crm_order_placed_recent"),
                    django.contrib.postgres.indexes.BrinIndex(
                        autosummarize=True, fields=["import_run"], name="crm_order_import_run", pages_per_range=32
                    ),
                    models.Index(
                        condition=models.Q(
                            models.Q(("state", "paid"), _negated=True),
                            models.Q(("refunded__gte", models.F("total")), models.Q(("total", 0), _negated=True)),
                            _connector="OR",
                        ),
                        fields=["id"],
                        name="crm_order_not_bought",
                    ),
                    models.Index(
                        django.contrib.postgres.indexes.OpClass(
                            django.db.models.functions.text.Reverse(django.db.models.functions.text.Upper("number")),
                            name="text_pattern_ops",
                        ),
                        name="crm_order_number_tail",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("source", "number"), name="crm_order_number_once_per_source"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "total",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.expressions.CombinedExpression(
                                                    models.F("subtotal"), "-", models.F("discount")
                                                ),
                                                "-",
                                                models.F("points_amount"),
                                            ),
                                            "+",
                                            models.F("shipping"),
                                        ),
                                        "+",
                                        models.F("tax"),
                                    ),
                                    "+",
                                    models.F("fees"),
                                ),
                            )
                        ),
                        name="crm_order_total_is_the_sum",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("refunded__gte", 0), ("refunded__lte", models.F("total"))),
                        name="crm_order_refunded_within_total",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "paid"), _negated=True), ("paid_at__isnull", False), _connector="OR"
                        ),
                        name="crm_order_paid_has_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sku", models.CharField(max_length=64, verbose_name="SKU")),
                ("name", models.CharField(blank=True, default="", max_length=300, verbose_name="name")),
                (
                    "name_zh",
                    models.CharField(blank=True, db_default="", max_length=300, verbose_name="name in Chinese"),
                ),
                ("description", models.TextField(blank=True, db_default="", verbose_name="description")),
                ("description_zh", models.TextField(blank=True, db_default="", verbose_name="description in Chinese")),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="A path such as Coffee/Beans.",
                        max_length=200,
                        verbose_name="category",
                    ),
                ),
                ("brand", models.CharField(blank=True, default="", max_length=120, verbose_name="brand")),
                (
                    "price",
                    models.BigIntegerField(blank=True, help_text="In minor units.", null=True, verbose_name="price"),
                ),
                (
                    "cost",
                    models.BigIntegerField(blank=True, help_text="In minor units.", null=True, verbose_name="cost"),
                ),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        db_default=[],
                        verbose_name="tags",
                        size=None,
                    ),
                ),
                (
                    "tags_zh",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40),
                        blank=True,
                        db_default=[],
                        verbose_name="tags in Chinese",
                        size=None,
                    ),
                ),
                (
                    "url",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="The page of the product in the storefront.",
                        max_length=500,
                        verbose_name="link",
                    ),
                ),
                (
                    "picture",
                    models.FileField(blank=True, db_default="", upload_to="products/", verbose_name="picture"),
                ),
                (
                    "picture_url",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="A picture of another site.",
                        max_length=500,
                        verbose_name="address of a picture",
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="on sale")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "product",
                "verbose_name_plural": "products",
                "indexes": [
                    models.Index(fields=["category"], name="crm_product_category"),
                    models.Index(fields=["sku"], name="crm_product_sku"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("sku"),
                        name="crm_product_sku_once",
                        violation_error_code="unique",
                        violation_error_message="There is a product with this SKU, perhaps in other letter case.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cost", None), ("cost__gte", 0), _connector="OR"),
                        name="crm_product_cost_not_negative",
                        violation_error_message="The cost can't be negative.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("customer_id", models.BigIntegerField(null=True)),
                ("position", models.PositiveIntegerField(verbose_name="position")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("product", "Product"),
                            ("shipping", "Shipping"),
                            ("fee", "Fee"),
                            ("discount", "Discount"),
                        ],
                        default="product",
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=300, verbose_name="name")),
                ("quantity", models.DecimalField(decimal_places=3, max_digits=12, verbose_name="quantity")),
                ("unit_price", models.DecimalField(decimal_places=4, max_digits=16, verbose_name="unit price")),
                ("discount", models.BigIntegerField(default=0, verbose_name="discount")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("refunded_quantity", models.DecimalField(decimal_places=3, default=0, max_digits=12)),
                ("refunded_amount", models.BigIntegerField(default=0)),
                ("bought_at", models.DateTimeField(verbose_name="bought at")),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="crm.order",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="crm.product",
                    ),
                ),
            ],
            options={
                "verbose_name": "order line",
                "verbose_name_plural": "order lines",
                "indexes": [
                    models.Index(
                        fields=["customer_id", "bought_at"],
                        include=("order", "product", "amount", "refunded_amount", "quantity", "refunded_quantity"),
                        name="crm_orderline_of_customer",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("customer_id__isnull", False), ("refunded_quantity__lt", models.F("quantity"))
                        ),
                        fields=["product", "bought_at"],
                        include=("customer_id", "order"),
                        name="crm_orderline_who_bought",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "position"), name="crm_orderline_position_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("refunded_quantity__gte", 0), ("refunded_quantity__lte", models.F("quantity"))),
                            ("quantity__lt", 0),
                            _connector="OR",
                        ),
                        name="crm_orderline_refunded_within_quantity",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("method", models.CharField(max_length=40, verbose_name="method")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("reference", models.CharField(blank=True, default="", max_length=120, verbose_name="reference")),
                ("paid_at", models.DateTimeField(verbose_name="paid at")),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="crm.order",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
                "indexes": [models.Index(fields=["order"], name="crm_payment_of_order")],
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("customer_id", models.BigIntegerField(null=True)),
                ("source", models.CharField(default="storefront", max_length=40, verbose_name="source")),
                ("number", models.CharField(max_length=64, verbose_name="refund number")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="reason")),
                ("refunded_at", models.DateTimeField(verbose_name="refunded at")),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "import_run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="crm.importrun"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="crm.order",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund",
                "verbose_name_plural": "refunds",
                "indexes": [
                    models.Index(
                        fields=["customer_id", "refunded_at"], include=("amount",), name="crm_refund_of_customer"
                    ),
                    models.Index(fields=["order"], name="crm_refund_of_order"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "number", "order"), name="crm_refund_number_once_per_order"
                    ),
                    models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="crm_refund_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RefundLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("quantity", models.DecimalField(decimal_places=3, max_digits=12, verbose_name="quantity")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refund_lines", to="crm.orderline"
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="crm.refund",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund line",
                "verbose_name_plural": "refund lines",
                "constraints": [models.UniqueConstraint(fields=("refund", "line"), name="crm_refundline_once")],
            },
        ),
        migrations.CreateModel(
            name="StoreEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("code", models.SlugField(db_index=False, max_length=40, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "currency",
                    models.CharField(
                        default="CNY", help_text="ISO 4217, for example CNY.", max_length=3, verbose_name="currency"
                    ),
                ),
                ("time_zone", models.CharField(default="Asia/Shanghai", max_length=64, verbose_name="time zone")),
                (
                    "country",
                    models.CharField(
                        default="CN",
                        help_text="Reads phone numbers that have no country code.",
                        max_length=2,
                        verbose_name="country",
                    ),
                ),
                ("language", models.CharField(default="zh-hans", max_length=10, verbose_name="language")),
                ("is_default", models.BooleanField(default=False, verbose_name="default")),
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
                        to="crm.store",
                    ),
                ),
                ("logo", models.FileField(blank=True, db_default="", upload_to="shop/", verbose_name="logo")),
                (
                    "brand_colour",
                    models.CharField(blank=True, db_default="", max_length=7, verbose_name="brand colour"),
                ),
                (
                    "accent_colour",
                    models.CharField(blank=True, db_default="", max_length=7, verbose_name="second colour"),
                ),
                ("address", models.TextField(blank=True, db_default="", verbose_name="postal address")),
                (
                    "sender_name",
                    models.CharField(blank=True, db_default="", max_length=120, verbose_name="sender name"),
                ),
                (
                    "sender_email",
                    models.CharField(blank=True, db_default="", max_length=254, verbose_name="sender address"),
                ),
                (
                    "reply_to",
                    models.CharField(blank=True, db_default="", max_length=254, verbose_name="reply-to address"),
                ),
                (
                    "dkim_selector",
                    models.CharField(blank=True, db_default="", max_length=63, verbose_name="DKIM selector"),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TagEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=60, verbose_name="name")),
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
                        to="crm.tag",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "number",
                    models.CharField(
                        db_default=models.Func(function="crm_next_ticket_number", output_field=models.CharField()),
                        max_length=20,
                        unique=True,
                        verbose_name="ticket number",
                    ),
                ),
                ("subject", models.CharField(max_length=200, verbose_name="subject")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("pending", "Waiting for customer"),
                            ("resolved", "Resolved"),
                            ("closed", "Closed"),
                        ],
                        default="open",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "Low"), (2, "Normal"), (3, "High"), (4, "Urgent")],
                        default=2,
                        verbose_name="priority",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("staff", "Staff"),
                            ("api", "Storefront"),
                            ("reply", "Reply to a message"),
                            ("import", "Import"),
                        ],
                        default="staff",
                        max_length=8,
                        verbose_name="origin",
                    ),
                ),
                ("origin_ref", models.CharField(blank=True, default="", max_length=80)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="opened"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="last activity"
                    ),
                ),
                ("resolved_at", models.DateTimeField(null=True, verbose_name="resolved")),
                ("resolution_count", models.PositiveSmallIntegerField(default=0)),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="assigned_tickets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="crm.customer",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="crm.order",
                    ),
                ),
                (
                    "waiting_since",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="Open: the customer's first message without an answer. Waiting for customer: our last answer.",
                        verbose_name="waiting since",
                    ),
                ),
                (
                    "internal",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="A task for staff: the customer does not see it and is not asked to rate it.",
                        verbose_name="internal",
                    ),
                ),
            ],
            options={
                "verbose_name": "ticket",
                "verbose_name_plural": "tickets",
                "indexes": [
                    models.Index(fields=["customer", "-created_at"], name="crm_ticket_of_customer"),
                    models.Index(fields=["status", "-priority", "waiting_since"], name="crm_ticket_queue"),
                    models.Index(
                        condition=models.Q(("status__in", ["resolved", "closed"])),
                        fields=["-updated_at", "-id"],
                        name="crm_ticket_archive",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("origin", "import")),
                        fields=("origin_ref",),
                        name="crm_ticket_imported_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TicketEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "number",
                    models.CharField(
                        db_default=models.Func(function="crm_next_ticket_number", output_field=models.CharField()),
                        max_length=20,
                        verbose_name="ticket number",
                    ),
                ),
                ("subject", models.CharField(max_length=200, verbose_name="subject")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("pending", "Waiting for customer"),
                            ("resolved", "Resolved"),
                            ("closed", "Closed"),
                        ],
                        default="open",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "Low"), (2, "Normal"), (3, "High"), (4, "Urgent")],
                        default=2,
                        verbose_name="priority",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("staff", "Staff"),
                            ("api", "Storefront"),
                            ("reply", "Reply to a message"),
                            ("import", "Import"),
                        ],
                        default="staff",
                        max_length=8,
                        verbose_name="origin",
                    ),
                ),
                ("origin_ref", models.CharField(blank=True, default="", max_length=80)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="opened"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="last activity"
                    ),
                ),
                ("resolved_at", models.DateTimeField(null=True, verbose_name="resolved")),
                ("resolution_count", models.PositiveSmallIntegerField(default=0)),
                (
                    "assignee",
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
                    "order",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        related_query_name="+",
                        to="crm.order",
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
                        to="crm.ticket",
                    ),
                ),
                (
                    "waiting_since",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="Open: the customer's first message without an answer. Waiting for customer: our last answer.",
                        verbose_name="waiting since",
                    ),
                ),
                (
                    "internal",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="A task for staff: the customer does not see it and is not asked to rate it.",
                        verbose_name="internal",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TicketMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "author_kind",
                    models.CharField(
                        choices=[("staff", "Staff"), ("customer", "Customer"), ("system", "System")], max_length=8
                    ),
                ),
                ("text", models.TextField(max_length=10000, verbose_name="text")),
                ("internal", models.BooleanField(default=False, verbose_name="internal note")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="crm.ticket",
                    ),
                ),
                (
                    "delivery",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not sent"),
                            ("queued", "Queued"),
                            ("handed", "Handed over"),
                            ("unreachable", "No channel reaches this customer"),
                        ],
                        db_default="",
                        default="",
                        max_length=11,
                        verbose_name="delivery",
                    ),
                ),
            ],
            options={
                "verbose_name": "ticket message",
                "verbose_name_plural": "ticket messages",
                "indexes": [models.Index(fields=["ticket", "created_at"], name="crm_ticketmessage_thread")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("internal", False), ("author_kind__in", ["staff", "system"]), _connector="OR"
                        ),
                        name="crm_ticketmessage_customers_write_publicly",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TicketRating",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("resolution", models.PositiveSmallIntegerField()),
                ("score", models.PositiveSmallIntegerField(verbose_name="score")),
                ("comment", models.TextField(blank=True, default="", max_length=2000, verbose_name="comment")),
                ("answered_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "ticket",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ratings",
                        to="crm.ticket",
                    ),
                ),
            ],
            options={
                "verbose_name": "satisfaction answer",
                "verbose_name_plural": "satisfaction answers",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("ticket", "resolution"), name="crm_ticketrating_once_per_resolution"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("score__gte", 1), ("score__lte", 5)), name="crm_ticketrating_one_to_five"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TicketDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField(max_length=10000, verbose_name="text")),
                (
                    "saved_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="saved"),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drafts",
                        to="crm.ticket",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "draft",
                "verbose_name_plural": "drafts",
                "default_permissions": (),
                "indexes": [models.Index(fields=["ticket"], name="crm_ticketdraft_of_ticket")],
                "constraints": [models.UniqueConstraint(fields=("user", "ticket"), name="crm_ticketdraft_one_each")],
            },
        ),
        migrations.CreateModel(
            name="SpendAdjustment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=40, verbose_name="source")),
                (
                    "reference",
                    models.CharField(
                        help_text="The number of the document it comes from.", max_length=64, verbose_name="reference"
                    ),
                ),
                ("item", models.CharField(blank=True, default="", max_length=300, verbose_name="item")),
                ("quantity", models.DecimalField(decimal_places=3, default=0, max_digits=14, verbose_name="quantity")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spend_adjustments",
                        to="crm.customer",
                    ),
                ),
                (
                    "import_run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="adjustments",
                        to="crm.importrun",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="crm.product",
                    ),
                ),
            ],
            options={
                "verbose_name": "spend adjustment",
                "verbose_name_plural": "spend adjustments",
                "indexes": [
                    models.Index(
                        fields=["customer", "occurred_at"],
                        include=("amount", "currency"),
                        name="crm_spendadj_of_customer",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("source", "reference", "item"), name="crm_spendadjustment_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount", 0), _negated=True), name="crm_spendadjustment_not_nothing"
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="attributedefinition",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_attributedefinitionevent" ("archived_at", "choices", "code", "id", "label", "member_writable", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "type") VALUES (OLD."archived_at", OLD."choices", OLD."code", OLD."id", OLD."label", OLD."member_writable", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."position", OLD."type"); RETURN NULL;',
                    hash="128377a7a07b2a446002442d19042571e4584581",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_1726f",
                    table="crm_attributedefinition",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="attributedefinition",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_attributedefinitionevent" ("archived_at", "choices", "code", "id", "label", "member_writable", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "type") VALUES (OLD."archived_at", OLD."choices", OLD."code", OLD."id", OLD."label", OLD."member_writable", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."position", OLD."type"); RETURN NULL;',
                    hash="0dccd68646aaabf48077be37e5226f4679b493fb",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_13783",
                    table="crm_attributedefinition",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_customerevent" ("attributes", "birth_year", "birthday", "birthday_index", "country", "created_at", "gender", "id", "language", "merged_into_id", "name", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "region", "search_name", "source", "state", "time_zone", "updated_at") VALUES (OLD."attributes", OLD."birth_year", OLD."birthday", OLD."birthday_index", OLD."country", OLD."created_at", OLD."gender", OLD."id", OLD."language", OLD."merged_into_id", OLD."name", OLD."number", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."region", OLD."search_name", OLD."source", OLD."state", OLD."time_zone", OLD."updated_at"); RETURN NULL;',
                    hash="772a5c66bdd556e558fc3edcdf6b8abf1031b2f5",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_2c843",
                    table="crm_customer",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_customerevent" ("attributes", "birth_year", "birthday", "birthday_index", "country", "created_at", "gender", "id", "language", "merged_into_id", "name", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "region", "search_name", "source", "state", "time_zone", "updated_at") VALUES (OLD."attributes", OLD."birth_year", OLD."birthday", OLD."birthday_index", OLD."country", OLD."created_at", OLD."gender", OLD."id", OLD."language", OLD."merged_into_id", OLD."name", OLD."number", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."region", OLD."search_name", OLD."source", OLD."state", OLD."time_zone", OLD."updated_at"); RETURN NULL;',
                    hash="ab7c7d336166ceca367404a25fcf7fd7731ffe02",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_21256",
                    table="crm_customer",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tag",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_tagevent" ("created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."created_at", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'update\', OLD."id"); RETURN NULL;',
                    hash="d2578f972291dba9a9964847759754de1ed795c5",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_ba07a",
                    table="crm_tag",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="tag",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_tagevent" ("created_at", "id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."created_at", OLD."id", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id"); RETURN NULL;',
                    hash="e194dbc12afd44dab48f32e2945d040e36dc1a21",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_440b5",
                    table="crm_tag",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="identity",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_identityevent" ("created_at", "customer_id", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "tail_index", "value", "value_index", "verified_at") VALUES (OLD."created_at", OLD."customer_id", OLD."id", OLD."kind", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."tail_index", OLD."value", OLD."value_index", OLD."verified_at"); RETURN NULL;',
                    hash="eb892b5c2488bcaa42069d20b5ee52e611177635",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_c0f59",
                    table="crm_identity",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="identity",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_identityevent" ("created_at", "customer_id", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "tail_index", "value", "value_index", "verified_at") VALUES (OLD."created_at", OLD."customer_id", OLD."id", OLD."kind", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."tail_index", OLD."value", OLD."value_index", OLD."verified_at"); RETURN NULL;',
                    hash="a9b04fa4d2459457642bf81f31b08aa25775e7b3",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_60823",
                    table="crm_identity",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="note",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_noteevent" ("author_id", "created_at", "customer_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "pinned", "text") VALUES (OLD."author_id", OLD."created_at", OLD."customer_id", OLD."id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."pinned", OLD."text"); RETURN NULL;',
                    hash="22e958a1ea27fb9bc10cada8983391f7b7edd530",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_0fea4",
                    table="crm_note",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="note",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_noteevent" ("author_id", "created_at", "customer_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "pinned", "text") VALUES (OLD."author_id", OLD."created_at", OLD."customer_id", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."pinned", OLD."text"); RETURN NULL;',
                    hash="0d0527669df5b41ea18a393a259d874fb0375afe",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_188d5",
                    table="crm_note",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="store",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_storeevent" ("accent_colour", "address", "brand_colour", "code", "country", "currency", "dkim_selector", "id", "is_default", "language", "logo", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reply_to", "sender_email", "sender_name", "time_zone") VALUES (OLD."accent_colour", OLD."address", OLD."brand_colour", OLD."code", OLD."country", OLD."currency", OLD."dkim_selector", OLD."id", OLD."is_default", OLD."language", OLD."logo", OLD."name", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."reply_to", OLD."sender_email", OLD."sender_name", OLD."time_zone"); RETURN NULL;',
                    hash="5a50e037a827dcd73ecfa9d875e87b6c5fbdf2c1",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_3ee79",
                    table="crm_store",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="store",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_storeevent" ("accent_colour", "address", "brand_colour", "code", "country", "currency", "dkim_selector", "id", "is_default", "language", "logo", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reply_to", "sender_email", "sender_name", "time_zone") VALUES (OLD."accent_colour", OLD."address", OLD."brand_colour", OLD."code", OLD."country", OLD."currency", OLD."dkim_selector", OLD."id", OLD."is_default", OLD."language", OLD."logo", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."reply_to", OLD."sender_email", OLD."sender_name", OLD."time_zone"); RETURN NULL;',
                    hash="8d799bd5d349e2ba7ae01ed46e82a21e66c3174d",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_db2f1",
                    table="crm_store",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ticket",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_ticketevent" ("assignee_id", "created_at", "customer_id", "id", "internal", "number", "order_id", "origin", "origin_ref", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "resolution_count", "resolved_at", "status", "subject", "updated_at", "waiting_since") VALUES (OLD."assignee_id", OLD."created_at", OLD."customer_id", OLD."id", OLD."internal", OLD."number", OLD."order_id", OLD."origin", OLD."origin_ref", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."priority", OLD."resolution_count", OLD."resolved_at", OLD."status", OLD."subject", OLD."updated_at", OLD."waiting_since"); RETURN NULL;',
                    hash="63e239f7e89f9277c9e5d9e89ad477f7b4494724",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_0d344",
                    table="crm_ticket",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ticket",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_ticketevent" ("assignee_id", "created_at", "customer_id", "id", "internal", "number", "order_id", "origin", "origin_ref", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "resolution_count", "resolved_at", "status", "subject", "updated_at", "waiting_since") VALUES (OLD."assignee_id", OLD."created_at", OLD."customer_id", OLD."id", OLD."internal", OLD."number", OLD."order_id", OLD."origin", OLD."origin_ref", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."priority", OLD."resolution_count", OLD."resolved_at", OLD."status", OLD."subject", OLD."updated_at", OLD."waiting_since"); RETURN NULL;',
                    hash="96fcf0dd47b12e57e6fa63ddff8696cc9955a22f",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_2089f",
                    table="crm_ticket",
                    when="AFTER",
                ),
            ),
        ),
        migrations.RunPython(add_builtin_kinds, migrations.RunPython.noop, elidable=False),
    ]
