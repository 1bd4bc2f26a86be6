from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0015_points_snapshots"),
        ("core", "0005_ids_in_order"),
    ]

    operations = [
        sql_file("loyalty", "ledger.sql"),
        sql_file("loyalty", "transfers.sql"),
        sql_file("loyalty", "batch.sql"),
    ]
