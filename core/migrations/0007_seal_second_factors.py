from django.db import migrations


def seal(apps, schema_editor):
    """Encrypt the keys of authenticator apps and recovery codes that were stored in clear."""
    from core import crypto
    from core.accounts import SECRETS_CONTEXT

    for authenticator in apps.get_model("mfa", "Authenticator").objects.filter(type__in=["totp", "recovery_codes"]):
        key = "secret" if authenticator.type == "totp" else "seed"
        stored = authenticator.data.get(key, "")
        if stored and not stored.startswith(crypto.SEALED):
            authenticator.data[key] = crypto.seal_text(stored, SECRETS_CONTEXT)
            authenticator.save(update_fields=["data"])


class Migration(migrations.Migration):
    dependencies = [("core", "0006_sending_held"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [migrations.RunPython(seal, migrations.RunPython.noop)]
