from django.db import migrations

from core.sqlfiles import sql_file

KINDS = {
    "view": "Viewed a product",
    "search": "Searched",
    "cart": "Added to cart",
    "share": "Shared",
    "review": "Reviewed",
    "check_in": "Checked in",
}


def add_builtin_kinds(apps, schema_editor):
    kind = apps.get_model("crm", "ActivityKind")
    kind.objects.bulk_create(
        [kind(code=code, label=label, builtin=True) for code, label in KINDS.items()], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]
    operations = [
        sql_file("crm", "facts.sql"),
        migrations.RunPython(add_builtin_kinds, migrations.RunPython.noop, elidable=False),
    ]
