from django.db import migrations

FORWARD = """
UPDATE core_domainevent SET payload = jsonb_build_object(
    'segments', jsonb_build_array(payload->'segment'), 'names', jsonb_build_array(payload->'name'))
WHERE kind IN ('analytics.segment_entered', 'analytics.segment_left') AND payload ? 'segment'"""
BACK = """
UPDATE core_domainevent SET payload = jsonb_build_object(
    'segment', payload->'segments'->0, 'name', payload->'names'->0, 'version', 1)
WHERE kind IN ('analytics.segment_entered', 'analytics.segment_left') AND payload ? 'segments'"""


class Migration(migrations.Migration):
    """What one computation moves a customer into is one event, which names all of those segments."""

    dependencies = [("analytics", "0012_past_stages"), ("core", "0005_ids_in_order")]

    operations = [migrations.RunSQL(FORWARD, BACK)]
