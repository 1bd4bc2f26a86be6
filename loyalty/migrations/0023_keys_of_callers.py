from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0022_fewer_statements"),
    ]

    operations = [
        sql_file("loyalty", "ledger.sql"),
        sql_file("loyalty", "batch.sql"),
        sql_file("loyalty", "transfers.sql"),
    ]
