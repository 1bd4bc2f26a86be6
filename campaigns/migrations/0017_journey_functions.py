from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0016_journeys"),
    ]

    operations = [
        sql_file("campaigns", "journeys.sql"),
        sql_file("campaigns", "gate.sql"),
    ]
