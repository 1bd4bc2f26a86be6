from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0005_requests_rewards"),
    ]

    operations = [
        sql_file("loyalty", "earning.sql"),
        sql_file("loyalty", "transfers.sql"),
    ]
