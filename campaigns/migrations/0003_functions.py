from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_initial"),
        ("crm", "0002_facts"),
        ("loyalty", "0002_ledger"),
        ("analytics", "0002_initial"),
    ]
    operations = [sql_file("campaigns", "coupons.sql"), sql_file("campaigns", "gate.sql")]
