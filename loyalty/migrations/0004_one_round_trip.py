from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_roles"),
        ("loyalty", "0003_fewer_indexes"),
    ]

    operations: list[migrations.operations.base.Operation] = [sql_file("loyalty", "ledger.sql")]
