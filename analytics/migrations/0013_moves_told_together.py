from django.db import migrations

FORWARD = """
UPDATE core_domainevent SET payload = jsonb_build_object(
    'segments', jsonb_build_array(payload->'segment'), 'names', jsonb_build_array(payload->'name'))
WHERE kind IN ('analytics.segment_entered', 'analytics.segment_left') AND payload ? 'segment'"""
BACK = """
WITH told AS (
    DELETE FROM core_domainevent
    WHERE kind IN ('analytics.segment_entered', 'analytics.segment_left') AND payload ? 'segments' RETURNING *)
INSERT INTO core_domainevent (kind, subject_id, payload, actor, request_id, occurred_at, recorded_at)
SELECT told.kind, told.subject_id, jsonb_build_object('segment', one.segment, 'name', one.name, 'version', 1), told.actor,
       told.request_id, told.occurred_at, told.recorded_at
FROM told CROSS JOIN LATERAL ROWS FROM (
    jsonb_array_elements(told.payload->'segments'), jsonb_array_elements(told.payload->'names')) AS one(segment, name)
ORDER BY told.id"""


class Migration(migrations.Migration):
    """What one computation moves a customer into is one event, which names all of those segments."""

    dependencies = [("analytics", "0012_past_stages"), ("core", "0005_ids_in_order")]

    operations = [migrations.RunSQL(FORWARD, BACK)]
