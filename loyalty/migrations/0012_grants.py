from django.db import migrations

from core.sqlfiles import sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0011_said_once"),
    ]

    operations = [
        sql_file("loyalty", "earning.sql"),
    ]
