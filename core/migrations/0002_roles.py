from django.db import migrations

ROLES = ["service_agent", "service_lead", "marketer", "analyst", "administrator"]


def add_roles(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    """The roles; what each may do is declared by the apps and synchronised after every migrate."""

    dependencies = [("core", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(add_roles, migrations.RunPython.noop, elidable=False)]
