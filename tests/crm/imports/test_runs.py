"""A run from its file to its result: previews, refusals, repeated runs, and files with false claims."""

from __future__ import annotations

import gzip
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from core.jobs.models import Job, JobState
from core.text import csv_rows
from crm.customers.models import Customer
from crm.imports.models import ImportMapping, ImportRun
from crm.imports.services import running as imports
from crm.imports.services.refusals import REASONS, open_row, refused_csv, translated
from crm.orders.models import Order, Product

pytestmark = pytest.mark.django_db

TEXT = "number,placed_at,sku,quantity,unit_price\nA,2024-01-01,T,1,5\nB,2024-01-01,T,x,5\n"


@pytest.fixture
def created(store, tmp_path):
    def make(content: str | bytes = TEXT, kind: str = "orders", source: str = "shop", **given):
        path = tmp_path / f"file-{ImportRun.objects.count()}.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return imports.create_import(kind=kind, source=source, path=str(path), actor=SYSTEM, **given)

    return make


def test_a_preview_shows_the_result_and_stores_nothing(created):
    run = created()
    preview = imports.preview_import(run)
    assert preview.header == ["number", "placed_at", "sku", "quantity", "unit_price"]
    assert [(row.number, row.refused) for row in preview.rows] == [(2, None), (3, ("quantity", "not_a_number", ""))]
    assert (preview.accepted, preview.unchanged, preview.refused) == (1, 0, 1)
    assert not Order.objects.exists()
    assert not Product.objects.exists()
    assert not DomainEvent.objects.exists()
    done = imports.run_import(run=run)
    assert (done.accepted_count, done.refused_count) == (1, 1)


def test_a_preview_shows_fifty_rows(created):
    run = created("sku\n" + "".join(f"S{n}\n" for n in range(200)), kind="products")
    preview = imports.preview_import(run)
    assert len(preview.rows) == 50
    assert imports.dry_run(run).accepted == 200
    assert not Product.objects.exists()


def test_applying_a_run_twice_applies_it_once(created):
    run = imports.run_import(run=created())
    again = imports.run_import(run=run)
    assert (again.accepted_count, again.refused_count, again.state) == (1, 1, "done")
    assert Order.objects.count() == 1
    assert run.refusals.count() == 1
    assert DomainEvent.objects.filter(kind="crm.orders_imported").count() == 1


def test_the_database_refuses_a_result_that_does_not_account_for_every_row(created):
    run = imports.run_import(run=created())
    with pytest.raises(IntegrityError, match="every_row_is_accounted_for"), transaction.atomic():
        ImportRun.objects.filter(pk=run.pk).update(read_count=99)


def test_a_refused_row_is_stored_unchanged_and_encrypted(created):
    run = imports.run_import(run=created("phone,name\n13800000001,=1+1\n12,王小明\n", kind="customers"))
    refusal = run.refusals.get()
    assert open_row(refusal) == ["12", "王小明"]
    assert "王小明" not in refusal.raw
    assert refusal.reason == "This is not a phone number of the store's country"


def test_refused_rows_are_exported_without_active_formulas(created, bring):
    run = imports.run_import(run=created("sku,name,price\nA,=cmd|'/c calc',x\n,plain,1\n", kind="products"))
    text = "".join(refused_csv(run))
    assert text == (
        "\ufeffrow,field,code,reason,sku,name,price\r\n"
        "2,price,not_a_number,This is not a number in the chosen decimal notation,A,'=cmd|'/c calc',x\r\n"
        "3,sku,required,A value is needed here,,plain,1\r\n"
    )
    # When the corrected file is imported again, the added columns are ignored.
    again = bring("products", text.replace(",x\r\n", ",1.50\r\n").replace("here,,plain", "here,B,plain"))
    assert (again.accepted_count, again.refused_count) == (2, 0)


def test_reasons_are_shown_in_the_readers_language(created):
    run = imports.run_import(run=created())
    with translation.override("en"):
        assert translated(run.refusals.get()) == REASONS["not_a_number"]


def test_a_mapping_is_remembered_per_source(created):
    odd = "a,b,c,d,e\nA,2024-01-01,T,1,5\n"
    mapping = {"number": "a", "placed_at": "b", "sku": "c", "quantity": "d", "unit_price": "e"}
    imports.run_import(run=created(odd, mapping=mapping, options={"time_zone": "Europe/Paris"}))
    assert ImportMapping.objects.get().mapping == mapping
    again = created(odd)
    assert again.mapping == mapping
    assert again.options["time_zone"] == "Europe/Paris"
    assert created(odd, source="other").mapping == {}


def test_gzip_byte_order_mark_and_utf_16(created):
    for content in (gzip.compress(TEXT.encode()), b"\xef\xbb\xbf" + TEXT.encode(), TEXT.encode("utf-16")):
        run = created(content, source=f"s{len(content)}")
        assert (imports.run_import(run=run).accepted_count, run.read_count) == (1, 2)


def test_text_that_is_not_in_the_encoding_is_refused_row_by_row(created):
    content = "sku,name\nA,好茶\nB,".encode() + b"\xff\xfe\xfa" + "\nC,茶\n".encode()
    run = imports.run_import(run=created(content, kind="products", options={"encoding": "utf-8"}))
    assert list(run.refusals.values_list("row_number", "field", "code")) == [(3, "name", "undecodable")]
    assert Product.objects.count() == 2


def test_encoding_is_found_behind_a_long_plain_beginning(created):
    rows = "".join(f"S{n},plain name {n}\n" for n in range(30_000))
    run = created(("sku,name\n" + rows + "X,绿茶\n").encode("gb18030"), kind="products")
    assert run.options["encoding"] == "gb18030"


@pytest.mark.parametrize(
    ("content", "options", "code"),
    [
        (b"", {}, "empty_file"),
        (b"\n\n", {}, "empty_file"),
        (gzip.compress(TEXT.encode() * 1000)[:-200], {}, "file_damaged"),
        (TEXT.encode(), {"encoding": "klingon"}, "unknown_encoding"),
        (TEXT.encode(), {"decimal": "x"}, "invalid_choice"),
        (TEXT.encode(), {"time_zone": "Mars/Base"}, "unknown_time_zone"),
        (TEXT.encode(), {"currency": "EUR"}, "wrong_currency"),
        (TEXT.encode(), {"store": "nowhere"}, "unknown_store"),
    ],
)
def test_an_invalid_file_or_option_is_refused_at_once(created, content, options, code):
    with pytest.raises(Invalid) as refused:
        imports.run_import(run=created(content, options=options))
    assert refused.value.code == code
    assert not Order.objects.exists()


def test_a_truncated_file_imports_nothing_and_reports_it(created, tmp_path):
    rows = "".join(f"S{n},{n * 7919 % 1000003}\n" for n in range(200_000))
    run = created("sku,name\n" + rows, kind="products")
    with open(run.path, "wb") as handle:
        handle.write(gzip.compress(("sku,name\n" + rows).encode())[:-5000])
    with pytest.raises(Invalid):
        imports.run_import(run=run)
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "The file can't be read completely: it is damaged or truncated.")
    assert run.job.state == JobState.FAILED
    assert not Product.objects.exists()


def test_a_mapping_without_required_columns_is_refused(created):
    with pytest.raises(Invalid) as refused:
        imports.preview_import(created("a,b\n1,2\n"))
    assert (refused.value.code, refused.value.field) == ("mapping_required", "number")


def test_changing_how_a_file_is_read(created):
    run = created("number;placed_at;sku;quantity;unit_price\nA;2024-01-01;T;1;5\n", options={"delimiter": ","})
    assert run.mapping == {}
    run = imports.configure_import(
        run=run,
        options={"delimiter": ";"},
        mapping={"number": "number", "placed_at": "placed_at", "sku": "sku", "unit_price": "unit_price"},
    )
    assert imports.run_import(run=run).accepted_count == 1
    with pytest.raises(Conflict):
        imports.configure_import(run=run, options={}, mapping=run.mapping)


def test_a_queued_run_is_not_queued_again(created, django_capture_on_commit_callbacks):
    run = imports.queue_import(run=created(), actor=SYSTEM)
    assert (run.state, run.job.kind) == ("queued", "crm.import")
    with pytest.raises(imports.Busy):
        imports.queue_import(run=run, actor=SYSTEM)
    run.job.__class__.objects.filter(pk=run.job_id).update(created_at="2020-01-01T00:00:00Z")
    assert imports.queue_import(run=run, actor=SYSTEM).state == "queued"
    imports.run_import(run=run)
    with pytest.raises(Conflict):
        imports.queue_import(run=run, actor=SYSTEM)


def test_a_lost_import_is_queued_again(created, monkeypatch):
    # given a worker that was killed half-way, a lost message, and a run that is being applied
    sent: list[int] = []
    monkeypatch.setattr(
        "crm.imports.services.running.current_app.send_task", lambda name, args, **_options: sent.append(args[0])
    )
    ended, unheard, applied, weary = (imports.queue_import(run=created(), actor=SYSTEM) for _ in range(4))
    ImportRun.objects.filter(pk__in=[ended.pk, applied.pk, weary.pk]).update(state="running")
    Job.objects.filter(pk__in=[ended.job_id, applied.job_id, weary.job_id]).update(heartbeat_at="2020-01-01T00:00:00Z")
    Job.objects.filter(pk=unheard.job_id).update(created_at="2020-01-01T00:00:00Z")
    Job.objects.filter(pk=weary.job_id).update(attempts=10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"import:{applied.pk}"])

    # when the sweep runs, then the lost runs are queued again, once
    assert imports.restart_lost_imports() == sent == [ended.pk, unheard.pk]
    assert imports.restart_lost_imports() == []

    # and a run that was lost ten times has an error
    weary.refresh_from_db()
    assert (weary.state, weary.error) == ("failed", "The worker process ended 10 times before the job finished.")


def test_uploads_are_deleted_after_the_import(store, settings, tmp_path):
    from django.core.files.uploadedfile import SimpleUploadedFile

    settings.MEDIA_ROOT = str(tmp_path / "media")
    path = imports.keep_upload(SimpleUploadedFile("x.csv", TEXT.encode()))
    run = imports.create_import(kind="orders", source="shop", path=path, file_name="x.csv", actor=SYSTEM)
    imports.run_import(run=run)
    assert not (tmp_path / "media" / "imports").joinpath(path).exists()
    old = imports.keep_upload(SimpleUploadedFile("y.csv", TEXT.encode()))
    left = imports.create_import(kind="orders", source="shop", path=old, actor=SYSTEM)
    assert imports.drop_stale_uploads() == 0
    ImportRun.objects.filter(pk=left.pk).update(created_at="2020-01-01T00:00:00Z")
    assert imports.drop_stale_uploads() == 1


def test_the_command(store, tmp_path):
    path, refused = tmp_path / "o.csv", tmp_path / "refused.csv"
    path.write_text(TEXT.replace("number", "OrderNo"))
    said = StringIO()
    arguments = [str(path), "--kind", "orders", "--source", "shop", "--map", "number=OrderNo", "--map", "sku=sku",
                 "--map", "placed_at=placed_at", "--map", "quantity=quantity",
                 "--map", "unit_price=unit_price"]  # fmt: skip
    call_command("import_csv", *arguments, "--dry-run", stdout=said)
    assert "1 would be taken, 0 already there, 1 would be refused" in said.getvalue()
    assert not Order.objects.exists()
    assert not ImportRun.objects.exists()
    call_command("import_csv", *arguments, "--refused", str(refused), "--no-deliver", stdout=said)
    assert "1 taken, 0 already there, 1 refused" in said.getvalue()
    assert refused.read_text("utf-8-sig").splitlines()[1].startswith("3,quantity,not_a_number,")
    with pytest.raises(SystemExit) as left:
        call_command("import_csv", *arguments, "--strict", "--no-deliver", stdout=said)
    assert left.value.code == 3
    for wrong, message in (
        (["/nowhere.csv", "--kind", "orders", "--source", "s"], "The file can't be opened"),
        ([str(path), "--kind", "orders", "--source", "s"], None),
        ([str(path), "--kind", "orders", "--source", "s", "--map", "number=Nope"], "The file has no column Nope."),
        ([str(path), "--kind", "orders", "--source", "s", "--map", "number"], "Write --map FIELD=COLUMN"),
        ([], "Name the file, its kind and its source"),
    ):
        if message:
            with pytest.raises(CommandError, match=message):
                call_command("import_csv", *wrong, stdout=said)


def test_a_thousand_people_at_once_are_created_once(created):
    text = "phone,name\n" + "".join(f"138{n:08d},N{n}\n" for n in range(1000))
    imports.run_import(run=created(text, kind="customers"))
    assert Customer.objects.count() == 1000


def test_a_started_or_finished_import_is_not_changed_or_queued_again(created):
    # given
    run = imports.run_import(run=created())
    before = ImportRun.objects.values().get()
    # when, then
    with pytest.raises(Conflict) as refused:
        imports.configure_import(run=run, options={}, mapping={})
    assert refused.value.code == "import_begun"
    with pytest.raises(Conflict) as refused:
        imports.queue_import(run=run, actor=SYSTEM)
    assert refused.value.code == "import_done"
    assert ImportRun.objects.values().get() == before


def test_a_missing_file_and_one_without_a_first_line_are_refused(store, tmp_path):
    (tmp_path / "empty.csv").write_text("\n\n")
    for name, code in (("none.csv", "no_file"), ("empty.csv", "empty_file")):
        with pytest.raises(Invalid) as refused:
            imports.create_import(kind="orders", source="shop", path=str(tmp_path / name), actor=SYSTEM)
        assert (refused.value.code, refused.value.field) == (code, "file")
    assert ImportRun.objects.count() == 0


def test_a_file_with_too_many_broken_rows_is_abandoned(created, monkeypatch):
    monkeypatch.setattr(csv_rows, "BROKEN_ROWS", 3)
    with pytest.raises(Invalid) as refused:
        created(TEXT + '"open,1,2\n' * 5)
    assert (refused.value.code, refused.value.field) == ("broken_rows", "file")
    assert Order.objects.count() == 0
