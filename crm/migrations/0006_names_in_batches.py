from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0005_covered_channel"),
    ]

    operations = [
        sql_file("crm", "facts.sql"),
    ]
