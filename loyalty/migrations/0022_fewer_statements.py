from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0021_tiers_by_night"),
    ]

    operations = [
        sql_file("loyalty", "ledger.sql"),
    ]
