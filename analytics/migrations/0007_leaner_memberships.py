from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

# The index is built while memberships go on being written; taking it as a constraint is a matter of moments.
ONCE = [
    """CREATE UNIQUE INDEX CONCURRENTLY analytics_membership_once
       ON analytics_segmentmembership (customer_id, segment_id, left_at) NULLS NOT DISTINCT""",
    """ALTER TABLE analytics_segmentmembership
       ADD CONSTRAINT analytics_membership_once UNIQUE USING INDEX analytics_membership_once""",
]
NOT_ONCE = ["ALTER TABLE analytics_segmentmembership DROP CONSTRAINT analytics_membership_once"]


class Migration(migrations.Migration):
    """Three indexes instead of four: entering costs a third less."""

    atomic = False

    dependencies = [("analytics", "0006_first_computed")]

    operations = [
        migrations.RunSQL(
            ONCE,
            NOT_ONCE,
            state_operations=[
                migrations.AddConstraint(
                    model_name="segmentmembership",
                    constraint=models.UniqueConstraint(
                        fields=["customer", "segment", "left_at"],
                        nulls_distinct=False,
                        name="analytics_membership_once",
                    ),
                )
            ],
        ),
        AddIndexConcurrently(
            model_name="segmentmembership",
            index=models.Index(
                fields=["segment", "entered_at", "left_at"],
                include=("customer",),
                name="analytics_membership_by_time",
            ),
        ),
        RemoveIndexConcurrently(model_name="segmentmembership", name="analytics_membership_history"),
        RemoveIndexConcurrently(model_name="segmentmembership", name="analytics_membership_of"),
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY analytics_membership_one_open",
            """CREATE UNIQUE INDEX analytics_membership_one_open
               ON analytics_segmentmembership (segment_id, customer_id) WHERE left_at IS NULL""",
            state_operations=[
                migrations.RemoveConstraint(model_name="segmentmembership", name="analytics_membership_one_open")
            ],
        ),
    ]
