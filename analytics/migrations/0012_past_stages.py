from django.db import migrations, models

# An open period says what the features say; where both are there, the period has the older truth about its beginning.
FORWARD = [
    """UPDATE analytics_customerfeature f SET stage_since = p.started_at FROM analytics_stageperiod p
       WHERE p.customer_id = f.customer_id AND p.ended_at IS NULL AND p.stage = f.stage
             AND p.started_at IS DISTINCT FROM f.stage_since""",
    "DELETE FROM analytics_stageperiod WHERE ended_at IS NULL",
]
BACK = [
    """INSERT INTO analytics_stageperiod (customer_id, stage, started_at)
       SELECT customer_id, stage, coalesce(stage_since, as_of) FROM analytics_customerfeature"""
]


class Migration(migrations.Migration):
    """The stage that a customer is in is said once, by their features: a fifth less to write for everyone."""

    # Changing what was just written needs a transaction of its own.
    atomic = False

    dependencies = [("analytics", "0011_segments_by_customer")]

    operations = [
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="stageperiod", name="analytics_stageperiod_one_open"),
        migrations.RunSQL(migrations.RunSQL.noop, BACK),
        migrations.AlterField(model_name="stageperiod", name="ended_at", field=models.DateTimeField(verbose_name="to")),
    ]
