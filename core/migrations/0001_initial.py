import core.db.fields
import django.contrib.auth.models
import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("pghistory", "0007_auto_20250421_0444"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("url", models.URLField(max_length=500, verbose_name="address")),
                ("description", models.CharField(blank=True, default="", max_length=200, verbose_name="description")),
                ("secret", core.db.fields.EncryptedTextField(editable=True)),
                ("previous_secret", core.db.fields.EncryptedTextField(default=b"", editable=True)),
                ("previous_until", models.DateTimeField(null=True)),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), default=list, size=None, verbose_name="events"
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("failing_since", models.DateTimeField(null=True, verbose_name="failing since")),
                (
                    "disabled_reason",
                    models.CharField(
                        blank=True,
                        choices=[("gone", "It answered 410 Gone."), ("failing", "Every attempt failed for 5 days.")],
                        default="",
                        max_length=200,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "permissions": [("manage_webhooks", "Can manage webhooks and see what they were sent")],
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpointEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                ("url", models.URLField(max_length=500, verbose_name="address")),
                ("description", models.CharField(blank=True, default="", max_length=200, verbose_name="description")),
                ("secret", core.db.fields.EncryptedTextField(editable=True)),
                ("previous_secret", core.db.fields.EncryptedTextField(default=b"", editable=True)),
                ("previous_until", models.DateTimeField(null=True)),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), default=list, size=None, verbose_name="events"
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("failing_since", models.DateTimeField(null=True, verbose_name="failing since")),
                (
                    "disabled_reason",
                    models.CharField(
                        blank=True,
                        choices=[("gone", "It answered 410 Gone."), ("failing", "Every attempt failed for 5 days.")],
                        default="",
                        max_length=200,
                    ),
                ),
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
                        to="core.webhookendpoint",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                ("language", models.CharField(blank=True, default="", max_length=10, verbose_name="language")),
                ("time_zone", models.CharField(blank=True, default="", max_length=64, verbose_name="time zone")),
                (
                    "theme",
                    models.CharField(
                        choices=[("auto", "As the device"), ("light", "Light"), ("dark", "Dark")],
                        default="auto",
                        max_length=5,
                        verbose_name="theme",
                    ),
                ),
                ("invited_at", models.DateTimeField(editable=False, null=True, verbose_name="invited")),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "staff member",
                "verbose_name_plural": "staff",
                "permissions": [
                    ("view_jobs", "Can see jobs, deliveries and their lag"),
                    ("view_audit", "Can see the audit log"),
                    ("manage_apikeys", "Can create and revoke API keys"),
                    ("manage_team", "Can invite staff, change their roles and deactivate them"),
                ],
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("prefix", models.CharField(max_length=12, unique=True, verbose_name="prefix")),
                ("digest", models.BinaryField(max_length=32)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None, verbose_name="scopes"
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        default="storefront",
                        help_text="The system that this key speaks for; order and event numbers are unique within it.",
                        max_length=40,
                        verbose_name="source",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
                ("last_used_at", models.DateTimeField(null=True, verbose_name="last used")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked")),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
            },
        ),
        migrations.CreateModel(
            name="DomainEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=80, verbose_name="kind")),
                (
                    "subject_id",
                    models.BigIntegerField(
                        help_text="The person whose timeline this is on.", null=True, verbose_name="subject"
                    ),
                ),
                ("payload", models.JSONField(default=dict, verbose_name="payload")),
                ("actor", models.CharField(default="system", max_length=80, verbose_name="actor")),
                ("request_id", models.CharField(blank=True, default="", max_length=64, verbose_name="request")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                ("effect", models.PositiveSmallIntegerField(db_default=3, default=3, editable=False)),
            ],
            options={
                "verbose_name": "domain event",
                "verbose_name_plural": "domain events",
                "indexes": [
                    models.Index(fields=["subject_id", "-occurred_at", "-id"], name="core_event_timeline"),
                    models.Index(fields=["kind", "-recorded_at"], name="core_event_kind_recent"),
                ],
            },
        ),
        migrations.CreateModel(
            name="EventDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.BigIntegerField()),
                ("handler", models.CharField(max_length=80, verbose_name="handler")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "due_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="due at"),
                ),
                ("dead_at", models.DateTimeField(null=True, verbose_name="given up at")),
                ("last_error", models.TextField(blank=True, default="", verbose_name="last error")),
            ],
            options={
                "verbose_name": "event delivery",
                "verbose_name_plural": "event deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("dead_at", None)), fields=["handler", "id"], name="core_delivery_owed"
                    ),
                    models.Index(
                        condition=models.Q(("dead_at__isnull", False)), fields=["dead_at"], name="core_delivery_dead"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.CharField(max_length=60)),
                ("key", models.CharField(max_length=200)),
                ("digest", models.BinaryField(max_length=32)),
                ("answer", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "key"), name="core_idempotency_key_once_per_scope")
                ],
            },
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=60, verbose_name="kind")),
                ("label", models.CharField(blank=True, default="", max_length=200, verbose_name="label")),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
                        default="queued",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("done_count", models.BigIntegerField(default=0, verbose_name="done")),
                ("total_count", models.BigIntegerField(default=0, verbose_name="total")),
                ("result", models.JSONField(blank=True, default=dict, verbose_name="result")),
                ("error", models.TextField(blank=True, default="", verbose_name="error")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
                ("started_at", models.DateTimeField(null=True, verbose_name="started")),
                ("heartbeat_at", models.DateTimeField(null=True, verbose_name="last heartbeat")),
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
            ],
            options={
                "verbose_name": "job",
                "verbose_name_plural": "jobs",
                "indexes": [
                    models.Index(fields=["-created_at"], name="core_job_recent"),
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "running"])), fields=["state"], name="core_job_open"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("page", models.CharField(max_length=40, verbose_name="page")),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.CharField(max_length=1000, verbose_name="filters")),
                ("shared", models.BooleanField(default=False, verbose_name="for all staff")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "owner",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "saved view",
                "verbose_name_plural": "saved views",
                "indexes": [models.Index(fields=["page"], name="core_savedview_of_page")],
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "page", "name"), name="core_savedview_one_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="KeptFigure",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("value", models.JSONField()),
                ("counted_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("seconds", models.FloatField(default=0)),
            ],
            options={
                "verbose_name": "kept figure",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SendingHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("site", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("line", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("home", models.CharField(blank=True, default="", editable=False, max_length=80)),
                ("held", models.BooleanField(default=False)),
                (
                    "cause",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("manual", "Stopped by hand"),
                            ("restored", "Restored from a backup"),
                            ("older", "An older copy of the database was put back"),
                            ("moved", "The database was copied to another place"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=400, verbose_name="note")),
                ("held_at", models.DateTimeField(null=True)),
                ("held_by", models.CharField(blank=True, default="", max_length=80)),
                ("uncertain_before", models.DateTimeField(null=True)),
                ("doubted_at", models.DateTimeField(null=True)),
                ("decisions", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "sending",
                "verbose_name_plural": "sending",
                "default_permissions": ("change",),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("pk", 1)), name="core_sendinghold_only_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("held", False),
                            models.Q(("held_at__isnull", False), models.Q(("cause", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="core_sendinghold_held_has_cause",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("event_id", models.BigIntegerField()),
                ("event_type", models.CharField(max_length=80, verbose_name="event")),
                ("body", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("delivered", "Delivered"),
                            ("dead", "Given up"),
                            ("uncertain", "Uncertain"),
                        ],
                        default="pending",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="next attempt"
                    ),
                ),
                ("leased_until", models.DateTimeField(null=True)),
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="answer")),
                ("answer", models.CharField(blank=True, default="", max_length=500)),
                ("error", models.CharField(blank=True, default="", max_length=300, verbose_name="error")),
                ("milliseconds", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="core.webhookendpoint",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["endpoint", "due_at"],
                        name="core_webhookdelivery_owed",
                    ),
                    models.Index(fields=["endpoint", "-created_at"], name="core_webhookdelivery_recent"),
                    models.Index(
                        condition=models.Q(("state", "dead")),
                        fields=["endpoint", "-created_at"],
                        name="core_webhookdelivery_dead",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("endpoint", "event_id", "event_type"), name="core_webhookdelivery_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=60, verbose_name="kind")),
                ("subject", models.CharField(blank=True, default="", max_length=80)),
                ("payload", models.JSONField(default=dict)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
                ("read_at", models.DateTimeField(null=True, verbose_name="read")),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["user", "-created_at", "-id"], name="core_notice_of_user"),
                    models.Index(condition=models.Q(("read_at", None)), fields=["user"], name="core_notice_unread"),
                    models.Index(
                        condition=models.Q(("read_at", None)), fields=["subject"], name="core_notice_open_subject"
                    ),
                    models.Index(fields=["created_at"], name="core_notice_by_age"),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="webhookendpoint",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "core_webhookendpointevent" ("active", "created_at", "description", "disabled_reason", "event_types", "failing_since", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "previous_secret", "previous_until", "secret", "url") VALUES (OLD."active", OLD."created_at", OLD."description", OLD."disabled_reason", OLD."event_types", OLD."failing_since", OLD."id", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."previous_secret", OLD."previous_until", OLD."secret", OLD."url"); RETURN NULL;',
                    hash="a104c4a04877d5aaa0ca66929190c19b5fe27490",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_85ed2",
                    table="core_webhookendpoint",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="webhookendpoint",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "core_webhookendpointevent" ("active", "created_at", "description", "disabled_reason", "event_types", "failing_since", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "previous_secret", "previous_until", "secret", "url") VALUES (OLD."active", OLD."created_at", OLD."description", OLD."disabled_reason", OLD."event_types", OLD."failing_since", OLD."id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."previous_secret", OLD."previous_until", OLD."secret", OLD."url"); RETURN NULL;',
                    hash="97166c5d971b4ed2cb411762ec5ce2598de25c8a",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_78f57",
                    table="core_webhookendpoint",
                    when="AFTER",
                ),
            ),
        ),
        migrations.CreateModel(
            name="ListColumns",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("page", models.CharField(max_length=40, verbose_name="page")),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None, verbose_name="columns"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="list_columns",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "columns of a list",
                "verbose_name_plural": "columns of lists",
                "constraints": [models.UniqueConstraint(fields=("user", "page"), name="core_listcolumns_once")],
            },
        ),
    ]
