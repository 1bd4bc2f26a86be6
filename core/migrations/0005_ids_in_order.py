from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_webhook_secrets"),
    ]

    operations = [
        sql_file("core", "ids.sql"),
    ]
