from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0018_campaigns_run_experiments"),
    ]

    operations = [
        sql_file("campaigns", "experiments.sql"),
    ]
