from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0012_grants"),
    ]

    operations = [
        sql_file("loyalty", "batch.sql"),
    ]
