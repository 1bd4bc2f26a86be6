from urllib.parse import parse_qsl, urlencode

from django.db import migrations


def forget_search(apps, schema_editor):
    """Take what was typed into the search field out of saved views: it names people. A view of nothing else goes."""
    for view in apps.get_model("core", "SavedView").objects.all():
        query = urlencode([(name, value) for name, value in parse_qsl(view.query) if name != "q"])
        if not query:
            view.delete()
        elif query != view.query:
            view.query = query
            view.save(update_fields=["query"])


class Migration(migrations.Migration):
    dependencies = [("core", "0007_seal_second_factors")]

    operations = [migrations.RunPython(forget_search, migrations.RunPython.noop)]
