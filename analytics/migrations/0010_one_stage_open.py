from django.db import migrations

# Migration 0003 dropped it unseen: where a foreign key's own index goes, Django drops every index of that column alone.
# The few rows that it would refuse can only be there if a hand wrote them; the newest is kept open.
FORWARD = [
    """UPDATE analytics_stageperiod p SET ended_at = p.started_at WHERE ended_at IS NULL AND EXISTS (
           SELECT FROM analytics_stageperiod later WHERE later.customer_id = p.customer_id AND later.ended_at IS NULL
                  AND (later.started_at, later.id) > (p.started_at, p.id))""",
    """CREATE UNIQUE INDEX IF NOT EXISTS analytics_stageperiod_one_open ON analytics_stageperiod (customer_id)
       WHERE ended_at IS NULL""",
]


class Migration(migrations.Migration):
    """One open stage a customer, as the model says."""

    dependencies = [("analytics", "0009_membership_key")]

    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
