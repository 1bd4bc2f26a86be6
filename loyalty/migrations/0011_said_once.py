from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0010_counters_apart"),
    ]

    operations = [
        sql_file("loyalty", "ledger.sql"),
        sql_file("loyalty", "transfers.sql"),
    ]
