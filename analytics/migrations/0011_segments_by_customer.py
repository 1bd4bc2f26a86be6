import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.lookups
from django.db import migrations, models

VIEW = """
CREATE VIEW analytics_segmentmembership AS
SELECT s.id AS segment_id, k.customer_id, k.since[array_position(k.inside, s.id)] AS entered_at, NULL::timestamptz AS left_at
FROM analytics_segment s JOIN analytics_customersegments k ON s.id = ANY (k.inside)
UNION ALL
SELECT l.segment_id, gone.customer_id, gone.entered_at, l.left_at
FROM analytics_segmentleaving l CROSS JOIN LATERAL unnest(l.customers, l.entered) AS gone(customer_id, entered_at)"""
FORWARD = [
    """INSERT INTO analytics_customersegments (customer_id, inside, since)
       SELECT customer_id, array_agg(segment_id ORDER BY segment_id), array_agg(entered_at ORDER BY segment_id)
       FROM analytics_segmentmembership WHERE left_at IS NULL GROUP BY customer_id""",
    """INSERT INTO analytics_segmentleaving (segment_id, left_at, customers, entered)
       SELECT segment_id, left_at, array_agg(customer_id ORDER BY customer_id), array_agg(entered_at ORDER BY customer_id)
       FROM analytics_segmentmembership WHERE left_at IS NOT NULL GROUP BY segment_id, left_at""",
    "DROP TABLE analytics_segmentmembership",
    VIEW,
]
BACK = [
    "ALTER VIEW analytics_segmentmembership RENAME TO analytics_segmentmemberships",
    """CREATE TABLE analytics_segmentmembership (
           segment_id bigint NOT NULL, customer_id bigint NOT NULL, entered_at timestamptz NOT NULL, left_at timestamptz,
           CONSTRAINT analytics_membership_leaves_after_entering CHECK (left_at IS NULL OR left_at >= entered_at))""",
    "INSERT INTO analytics_segmentmembership SELECT * FROM analytics_segmentmemberships ORDER BY customer_id",
    "DROP VIEW analytics_segmentmemberships",
    """CREATE UNIQUE INDEX analytics_membership_key
       ON analytics_segmentmembership (segment_id, entered_at, customer_id) INCLUDE (left_at)""",
    """ALTER TABLE analytics_segmentmembership
       ADD CONSTRAINT analytics_membership_key PRIMARY KEY USING INDEX analytics_membership_key,
       ADD CONSTRAINT analytics_membership_once UNIQUE NULLS NOT DISTINCT (customer_id, segment_id, left_at)""",
]


def times(verbose_name):
    return django.contrib.postgres.fields.ArrayField(
        base_field=models.DateTimeField(), size=None, verbose_name=verbose_name
    )


def numbers(verbose_name):
    return django.contrib.postgres.fields.ArrayField(
        base_field=models.BigIntegerField(), size=None, verbose_name=verbose_name
    )


def paired(one, other, name):
    def cardinality(field):
        return models.Func(models.F(field), function="cardinality", output_field=models.IntegerField())

    condition = django.db.models.lookups.Exact(cardinality(one), cardinality(other))
    return models.CheckConstraint(condition=condition, name=name)


class Migration(migrations.Migration):
    """A row a customer instead of a row a membership: everything from nothing writes a tenth (docs/adr/0012).

    What was a table of intervals is a view of them.
    """

    dependencies = [("analytics", "0010_one_stage_open"), ("crm", "0010_covered_lines")]

    operations = [
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
                ("inside", numbers("segments")),
                ("since", times("entered")),
            ],
            options={
                "verbose_name": "segments of a customer",
                "verbose_name_plural": "segments of customers",
                "constraints": [paired("inside", "since", "analytics_customersegments_paired")],
            },
        ),
        migrations.CreateModel(
            name="SegmentLeaving",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("left_at", models.DateTimeField(verbose_name="left")),
                ("customers", numbers("customers")),
                ("entered", times("entered")),
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
                "constraints": [paired("customers", "entered", "analytics_segmentleaving_paired")],
                "indexes": [models.Index(fields=["segment", "left_at"], name="analytics_segmentleaving_at")],
            },
        ),
        migrations.RunSQL(FORWARD, BACK),
        migrations.AlterModelOptions(
            name="segmentmembership",
            options={
                "managed": False,
                "verbose_name": "segment membership",
                "verbose_name_plural": "segment memberships",
            },
        ),
    ]
