from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0007_points_expiring"),
        ("core", "0005_ids_in_order"),
    ]

    operations = [
        sql_file("campaigns", "coupons.sql"),
    ]
