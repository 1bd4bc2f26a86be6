"""An import in the console, from the upload to the result, without scripts."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse

from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.imports.models import ImportRun
from crm.imports.services import running
from crm.imports.services import running as imports
from crm.orders.models import Order

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.crm.imports.urls")]

TEXT = "OrderNo,date,sku,qty,price,mobile\nA,2024-01-01,T,1,5,13800000001\nB,2024-01-01,T,x,5,13800000002\n"
MAPPING = {
    "map-number": "OrderNo",
    "map-placed_at": "date",
    "map-sku": "sku",
    "map-quantity": "qty",
    "map-unit_price": "price",
}


@pytest.fixture
def signed_in(client, staff, store, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")

    def sign_in(role: Role):
        client.force_login(staff(role))
        return client

    return sign_in


@pytest.fixture
def uploaded(signed_in):
    client = signed_in(Role.MARKETER)
    response = client.post(
        reverse("import_new"),
        {"kind": "orders", "source": "shop", "file": SimpleUploadedFile("orders.csv", TEXT.encode())},
    )
    run = ImportRun.objects.get()
    assert response.url == reverse("import_map", args=[run.pk])
    return client, run


def test_upload_shows_the_columns_and_the_first_rows_with_their_errors(uploaded):
    client, run = uploaded
    assert (run.file_name, run.source, run.created_by.get_username()) == (
        "orders.csv",
        "shop",
        client.get("/").wsgi_request.user.get_username(),
    )
    page = client.get(reverse("import_map", args=[run.pk])).content.decode()
    assert "Checking the first rows…" in page
    assert "This is not a number" not in page
    # the page loads the preview; without a script a link opens it
    part = client.get(reverse("import_preview", args=[run.pk]), headers={"HX-Request": "true"}).content.decode()
    whole = client.get(reverse("import_preview", args=[run.pk]))
    assert whole.url == f"{reverse('import_map', args=[run.pk])}?preview=yes"
    body = client.get(whole.url).content.decode()
    assert part in body
    sides = client.get(f"{reverse('import_preview', args=[run.pk])}?sides", headers={"HX-Request": "true"})
    assert "In this file: 1 orders older than two days, 0 newer ones." in sides.content.decode()
    assert "In this file: 1 orders older than two days" in body
    assert "This is not a number in the chosen decimal notation" in body
    assert "1 to import, 0 unchanged, 1 refused" in body
    assert not Order.objects.exists()


def test_columns_are_changed_previewed_and_imported(uploaded):
    client, run = uploaded
    response = client.post(
        reverse("import_map", args=[run.pk]), {**MAPPING, "time_zone": "Europe/Paris", "action": "preview"}
    )
    assert response.url == reverse("import_map", args=[run.pk])
    run.refresh_from_db()
    assert run.mapping == {name.removeprefix("map-"): column for name, column in MAPPING.items()}
    assert run.options["time_zone"] == "Europe/Paris"
    response = client.post(reverse("import_map", args=[run.pk]), {**MAPPING, "action": "run"})
    assert response.url == reverse("import_run", args=[run.pk])
    run.refresh_from_db()
    assert run.state == "queued"
    assert "Waiting for a worker" in client.get(response.url).content.decode()
    part = client.get(reverse("import_progress", args=[run.pk]), headers={"HX-Request": "true"})
    assert "progress-line" in part.content.decode()
    imports.run_import(run=run)
    part = client.get(reverse("import_progress", args=[run.pk]), headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Redirect"]) == (204, reverse("import_run", args=[run.pk]))
    body = client.get(reverse("import_run", args=[run.pk])).content.decode()
    assert "Why rows were refused" in body
    body = client.get(reverse("import_refused", args=[run.pk])).content.decode()
    assert "13800000002" in body
    text = b"".join(client.get(reverse("import_refused_file", args=[run.pk])).streaming_content).decode()
    assert text.splitlines()[1] == (
        "3,quantity,not_a_number,This is not a number in the chosen decimal notation,B,2024-01-01,T,x,5,13800000002"
    )
    assert client.get(reverse("imports")).status_code == 200


def test_a_wrong_mapping_is_reported_and_not_imported(uploaded):
    client, run = uploaded
    response = client.post(
        reverse("import_map", args=[run.pk]), {"map-number": "OrderNo", "action": "run"}, follow=True
    )
    assert "Choose the column for placed_at." in response.content.decode()
    run.refresh_from_db()
    assert run.state == "uploaded"


@pytest.mark.parametrize(("content", "said"), [(b"", "The submitted file is empty."), (b"\n \n", "The file is empty.")])
def test_an_unreadable_file_is_reported_at_its_field(signed_in, settings, content, said):
    client = signed_in(Role.MARKETER)
    response = client.post(
        reverse("import_new"),
        {"kind": "orders", "source": "shop", "file": SimpleUploadedFile("orders.csv", content)},
    )
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not ImportRun.objects.exists()
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.csv"))


def test_staff_without_upload_permission_see_results_without_rows(signed_in, tmp_path):
    path = tmp_path / "o.csv"
    path.write_text(TEXT)
    run = imports.run_import(run=imports.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM))
    client = signed_in(Role.ANALYST)
    body = client.get(reverse("import_refused", args=[run.pk])).content.decode()
    assert "This is not a number" in body
    assert "13800000002" not in body
    for name, arguments in (
        ("import_new", []),
        ("import_map", [run.pk]),
        ("import_refused_file", [run.pk]),
    ):
        assert client.get(reverse(name, args=arguments)).status_code == 403
    assert client.post(reverse("import_start", args=[run.pk])).status_code == 403
    client = signed_in(Role.AGENT)
    assert client.get(reverse("imports")).status_code == 403


def test_an_abandoned_run_is_started_again(uploaded):
    client, run = uploaded
    client.post(reverse("import_map", args=[run.pk]), {**MAPPING, "action": "run"})
    run.refresh_from_db()
    type(run.job).objects.filter(pk=run.job_id).update(created_at="2020-01-01T00:00:00Z")
    assert "Start again" in client.get(reverse("import_run", args=[run.pk])).content.decode()
    client.post(reverse("import_start", args=[run.pk]))
    old = run.job_id
    run.refresh_from_db()
    assert run.state == "queued"
    assert run.job_id != old


def test_the_lock_of_another_shop_on_the_same_server_is_ignored(uploaded):
    client, run = uploaded
    client.post(reverse("import_map", args=[run.pk]), {**MAPPING, "action": "run"})
    run.refresh_from_db()
    type(run.job).objects.filter(pk=run.job_id).update(created_at="2020-01-01T00:00:00Z")
    take = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
    for database, stale in (("postgres", True), (connection.settings_dict["NAME"], False)):
        with psycopg.connect(
            **{**connection.get_connection_params(), "dbname": database, "cursor_factory": None}
        ) as other:
            other.execute(take, [running._lock_of(run.pk)])
            assert running.is_stale(run) is stale


def test_a_worker_runs_the_import(uploaded):
    from crm.imports.tasks import run_import

    client, run = uploaded
    client.post(reverse("import_map", args=[run.pk]), {**MAPPING, "action": "run"})
    run_import(run.pk)
    run_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.accepted_count, run.refused_count, run.job.state) == ("done", 1, 1, "done")
    assert Order.objects.count() == 1
