from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0020_lighter_messages"),
        ("loyalty", "0023_keys_of_callers"),
    ]

    operations = [
        sql_file("campaigns", "coupons.sql"),
    ]
