from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial"), ("crm", "0002_facts"), ("core", "0002_roles")]
    operations = [sql_file("loyalty", "ledger.sql"), sql_file("loyalty", "earning.sql")]
