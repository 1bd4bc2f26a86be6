import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0005_segment_days")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="segment",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="segment",
            name="delete_delete",
        ),
        migrations.AddField(
            model_name="segment",
            name="first_computed_at",
            field=models.DateTimeField(null=True, verbose_name="first computed"),
        ),
        migrations.AddField(
            model_name="segmentevent",
            name="first_computed_at",
            field=models.DateTimeField(null=True, verbose_name="first computed"),
        ),
        migrations.RunSQL(
            "UPDATE analytics_segment SET first_computed_at = computed_at WHERE computed_at IS NOT NULL",
            migrations.RunSQL.noop,
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="segment",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "analytics_segmentevent" ("computed_at", "computed_version", "created_at", "created_by_id", "description", "error", "first_computed_at", "id", "kind", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule", "size", "state", "updated_at", "version") VALUES (OLD."computed_at", OLD."computed_version", OLD."created_at", OLD."created_by_id", OLD."description", OLD."error", OLD."first_computed_at", OLD."id", OLD."kind", OLD."name", _pgh_attach_context(), NOW(), \'update\', OLD."id", OLD."rule", OLD."size", OLD."state", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="95ffeec20efe40d3448a4f7b1d0a14a250c8d600",
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
                    func='INSERT INTO "analytics_segmentevent" ("computed_at", "computed_version", "created_at", "created_by_id", "description", "error", "first_computed_at", "id", "kind", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "rule", "size", "state", "updated_at", "version") VALUES (OLD."computed_at", OLD."computed_version", OLD."created_at", OLD."created_by_id", OLD."description", OLD."error", OLD."first_computed_at", OLD."id", OLD."kind", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."rule", OLD."size", OLD."state", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="abeaac06533fe165f8b560685b9659411de57f40",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_424c3",
                    table="analytics_segment",
                    when="AFTER",
                ),
            ),
        ),
    ]
