from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0008_refund_times"),
    ]

    operations = [sql_file("loyalty", "sweeps.sql")]
