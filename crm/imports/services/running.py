"""One import from its file to its result. It is applied in one transaction, so a killed import leaves nothing."""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import structlog
from celery import current_app
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from psycopg import errors as pg

from core.audit.tracking import acting
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, DomainError, Invalid
from core.db.functions import IS_HELD, is_interruption
from core.db.locks import lock_row
from core.jobs.models import Job
from core.jobs.services import GIVEN_UP, Progress, create_job, fail_job, finish_job, start_job
from core.text.csv_rows import Unreadable
from core.text.spreadsheets import restored
from crm.customers.models import Store
from crm.customers.services.customers import attribute_specs
from crm.imports.models import ImportMapping, ImportMode, ImportRun, ImportState
from crm.imports.registry import IMPORT_KINDS, IMPORT_PROFILES
from crm.imports.rules import detection as detect
from crm.imports.rules import formats as import_formats
from crm.imports.rules.formats import mapping_of, recognise
from crm.imports.rules.mapping import ImportField, WrongMapping, check_mapping, fields_of, suggest_mapping
from crm.imports.services import refusals
from crm.imports.services.context import Context, Handler
from crm.imports.services.effects import RECENT
from crm.imports.services.following import create_following
from crm.imports.services.people import Raced
from crm.imports.services.reading import UNPACKS_TOO_LARGE, FileFormat, open_rows, sample_rows, sniff
from crm.imports.services.refusals import listed_rows, refused_lines
from crm.imports.services.staging import Reading, Stager

log = structlog.get_logger("liuke.imports")
PREVIEW_ROWS = 50
DECIMAL_AMBIGUOUS = "decimal_ambiguous"
SIDES_ROWS = 100_000
ATTEMPTS = 3
LOST_ATTEMPTS = 10
IS_APPLIED = IS_HELD.format(name="'import:' || r.id")
OPTIONS = ("encoding", "delimiter", "decimal", "date_order", "time_zone", "currency", "store", "take_sound")
MESSAGES = {
    "unknown_field": _("There is no field %(name)s."),
    "unknown_column": _("The file has no column %(name)s."),
    "required": _("Choose the column for %(name)s."),
    "nobody": _("Map a column that identifies the customer: a customer number, an id, a phone number or an e-mail."),
    "no_price": _("Map the unit price, the amount of a line, or the total of the order."),
}


class Busy(Conflict):
    """Another worker is already running the import."""

    code = "import_running"
    message = _("This import is already running.")


@dataclass(frozen=True)
class ImportPreviewRow:
    """A row of the preview. `refused` and `skipped` are (field, code, detail), or None when they do not apply."""

    number: int
    cells: list[str]
    refused: tuple[str, str, str] | None = None
    skipped: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Preview:
    """The first rows of a file with the result of a dry run."""

    header: list[str]
    rows: list[ImportPreviewRow] = field(default_factory=list)
    accepted: int = 0
    unchanged: int = 0
    refused: int = 0
    skipped: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


MANY = 5_000


def keep_upload(upload: UploadedFile) -> str:
    """Store an uploaded file until it is imported. Returns its path."""
    storage = FileSystemStorage(location=Path(settings.MEDIA_ROOT) / "imports")
    return storage.path(storage.save(f"{get_random_string(20)}.csv", upload))


def create_import(
    *,
    kind: str,
    source: str,
    path: str,
    actor: Actor,
    file_name: str = "",
    options: Mapping[str, Any] | None = None,
    mapping: Mapping[str, str] | None = None,
    mode: str = ImportMode.AUTO,
) -> ImportRun:
    """Detect the format of a file and create its import; the given `options` and `mapping` override the detection.

    Raises Invalid: invalid_choice (kind, mode), required (source), no_file, empty_file, file_damaged, or the code of a
    wrong option or mapping.
    """
    if kind not in IMPORT_KINDS:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="kind")
    _check_mode(mode)
    source = source.strip()
    if not source or len(source) > 40:
        raise Invalid(_("Enter a source name of 1 to 40 characters."), code="required", field="source")
    overrides = {name: value for name, value in (options or {}).items() if value not in (None, "")}
    remembered = ImportMapping.objects.filter(kind=kind, source=source).first()
    form = sniff(path, encoding=overrides.get("encoding", ""), delimiter=overrides.get("delimiter", ""))
    header, sample = sample_rows(path, form)
    fields = fields_of(kind, attribute_specs())
    known = recognise(kind, header) if "profile" not in overrides else None
    guessed: dict[str, str] = {}
    if remembered and set(remembered.mapping.values()) <= set(header):
        guessed = {name: column for name, column in remembered.mapping.items() if name in fields}
    # Guess again the columns that the previous file did not have.
    seen = remembered.options.get("header", header) if remembered and guessed else []
    fresh = mapping_of(known, header) if known else suggest_mapping(fields, header)
    guessed |= {name: column for name, column in fresh.items() if column not in seen and name not in guessed}
    # The given mapping wins, even over a guess of another field for the same column; an empty column cancels a guess.
    explicit = dict(mapping or {})
    chosen = explicit | {
        name: column for name, column in guessed.items() if name not in explicit and column not in explicit.values()
    }
    chosen = {name: column for name, column in chosen.items() if column}
    detected = _detected(fields, chosen, header, sample)
    if known:
        detected |= {"format": known.name, **known.options}
    remembered_options = {
        name: value for name, value in (remembered.options if remembered else {}).items() if name in OPTIONS[2:]
    }
    store = _store(overrides.get("store", ""))
    if "decimal" in overrides or "decimal" in remembered_options:
        detected.pop("decimal_asked", "")
        detected["decimal_sure"] = "1"
    run = ImportRun(
        kind=kind,
        source=source,
        file_name=(file_name or Path(path).name)[:255],
        path=path,
        options={
            "time_zone": store.time_zone if store else settings.TIME_ZONE,
            **detected,
            **remembered_options,
            **overrides,
            "encoding": form.encoding,
            "delimiter": form.delimiter,
            "header": header,
        },
        mapping=chosen,
        mode=mode,
        created_by_id=actor.user_id,
    )
    _check_options(run.options)
    if mapping and not run.options.get("decimal_asked"):
        _check_mapping(run)
    run.save()
    run.refresh_from_db()
    return run


def configure_import(
    *, run: ImportRun, options: Mapping[str, Any], mapping: Mapping[str, str], mode: str = ""
) -> ImportRun:
    """Change how a file is read before its import starts. Raises Invalid, or Conflict when the import has started."""
    if run.state not in {ImportState.UPLOADED, ImportState.FAILED}:
        raise Conflict(_("This import has already started."), code="import_begun")
    if mode:
        _check_mode(mode)
        run.mode = mode
    merged = {**run.options, **{name: options[name] for name in OPTIONS if options.get(name)}}
    if merged.get("decimal") and merged["decimal"] != run.options.get("decimal"):
        # A new value is the user's answer; an unchanged one is only the detected value that the page sends back.
        merged["decimal_sure"] = "1"
        merged.pop("decimal_asked", None)
    for name in ("currency", "store", "take_sound"):
        if name in options and not options[name]:
            merged.pop(name, None)
    _check_options(merged)
    form = sniff(run.path, encoding=merged["encoding"], delimiter=merged["delimiter"])
    merged["header"], sample = sample_rows(run.path, form)
    run.options = merged
    run.mapping = {name: column for name, column in mapping.items() if column}
    if not merged.get("decimal_sure"):
        detected = _detected(fields_of(run.kind, attribute_specs()), run.mapping, merged["header"], sample)
        if "decimal_asked" in detected:
            run.options = _unanswered(merged, detected["decimal_asked"])
    if not run.options.get("decimal_asked"):
        _check_mapping(run)
    run.save(update_fields=["options", "mapping", "mode"])
    return run


def preview_import(run: ImportRun, rows: int = PREVIEW_ROWS) -> Preview:
    """Return the result of the first rows, by the same code that imports them; nothing is stored."""
    _check_mapping(run)
    with transaction.atomic():
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '5s'")
            context, stager = _staged(run, SYSTEM, limit=rows)
            _handler(run).check(context)
            refused, skipped = (
                {row: (name, code, detail) for row, name, code, detail in context.rows(f"SELECT * FROM {table}")}  # noqa: S608 - fragments and column names of the code; values are parameters
                for table in ("lk_refused", "lk_skipped")
            )
            unchanged = context.value("SELECT count(*) FROM lk_unchanged")
            read = stager.read_count
        finally:
            transaction.set_rollback(True)
    shown = []
    header, _sample = sample_rows(run.path, _form(run), 1)
    with open_rows(run.path, _form(run)) as file_rows:
        for number, cells in file_rows:
            raw_cells = cells.cells if isinstance(cells, Unreadable) else cells
            shown.append(ImportPreviewRow(number, [restored(cell)[:200] for cell in raw_cells],
                                    refused.get(number), skipped.get(number)))  # fmt: skip
            if len(shown) >= read:
                break
    taken = read - unchanged - len(refused) - len(skipped)
    return Preview(header, shown, taken, unchanged, len(refused), len(skipped))


def dry_run(run: ImportRun, out: IO[str] | None = None) -> Preview:
    """Return the counts and reasons of the whole file without importing it; the refused rows are written to `out`."""
    _check_mapping(run)
    with transaction.atomic():
        context, stager = _staged(run, SYSTEM)
        _handler(run).check(context)
        refused = context.value("SELECT count(*) FROM lk_refused")
        unchanged = context.value("SELECT count(*) FROM lk_unchanged")
        skipped = context.value("SELECT count(*) FROM lk_skipped")
        if out is not None:
            out.writelines(refused_lines(run, listed_rows(run)))
        reasons = dict(context.rows("SELECT code, count(*) FROM lk_refused GROUP BY code ORDER BY 2 DESC, 1"))
        transaction.set_rollback(True)
    taken = stager.read_count - refused - unchanged - skipped
    return Preview([], [], taken, unchanged, refused, skipped, reasons)


@dataclass(frozen=True)
class Sides:
    """Numbers of orders older than two days and newer ones. `whole`: the whole file was read."""

    older: int
    recent: int
    whole: bool


def sides_of(run: ImportRun, rows: int = SIDES_ROWS) -> Sides:
    """Count the orders before and after the date that decides their effect, in the first `rows` rows.

    Nothing is stored.
    """
    _check_mapping(run)
    with transaction.atomic():
        try:
            context, stager = _staged(run, SYSTEM, limit=rows)
            older, recent = context.rows(
                f"""SELECT count(*) FILTER (WHERE at < now() - {RECENT}), count(*) FILTER (WHERE at >= now() - {RECENT})
                    FROM (SELECT min(coalesce(paid_at, placed_at)) AS at FROM lk_rows
                          WHERE number IS NOT NULL GROUP BY number) AS dated"""  # noqa: S608 - fragments and column names of the code; values are parameters
            )[0]
        finally:
            transaction.set_rollback(True)
    return Sides(older, recent, stager.read_count < rows)


def queue_import(*, run: ImportRun, actor: Actor) -> ImportRun:
    """Queue an import, or queue an abandoned one again. Raises Conflict when it is done or running."""
    with transaction.atomic():
        locked = lock_row(ImportRun.objects.filter(pk=run.pk))
        if locked.state == ImportState.DONE:
            raise Conflict(_("This import is done."), code="import_done")
        if locked.state in {ImportState.RUNNING, ImportState.QUEUED} and not is_stale(locked):
            raise Busy()
        _check_mapping(locked)
        locked.job = create_job(kind="crm.import", label=locked.file_name, created_by=locked.created_by, total=100)
        locked.state = ImportState.QUEUED
        locked.error = ""
        locked.save(update_fields=["job", "state", "error"])
        transaction.on_commit(lambda: _send(locked.pk))
    run.refresh_from_db()
    return run


def _send(run_id: int) -> None:
    try:
        current_app.send_task("crm.run_import", [run_id], retry=False)
    except Exception as error:
        # The import stays queued; the page offers to start it again when the queue is back.
        log.warning("import_not_queued", run=run_id, error=str(error)[:200])


def is_stale(run: ImportRun) -> bool:
    """Whether a queued or running import has had no heartbeat for ten minutes and no transaction applies it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT coalesce(j.heartbeat_at, j.created_at, r.created_at) < clock_timestamp() - interval '10 minutes'
                      AND NOT {IS_APPLIED}
               FROM crm_importrun r LEFT JOIN core_job j ON j.id = r.job_id WHERE r.id = %s""",  # noqa: S608 - fragments and column names of the code; values are parameters
            [run.pk],
        )
        return bool(cursor.fetchone()[0])


def restart_lost_imports() -> list[int]:
    """Queue imports again that no transaction applies any more.

    A killed import left nothing, so it starts from scratch.

    A waiting import is queued again each minute, because the queue may have lost it. An import that was lost
    `LOST_ATTEMPTS` times fails, because it may be the cause that ends its workers. Returns the queued runs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT r.id, r.job_id, j.attempts >= %s FROM crm_importrun r JOIN core_job j ON j.id = r.job_id
                WHERE r.state IN ('running', 'queued') AND NOT {IS_APPLIED}
                  AND coalesce(j.heartbeat_at, j.created_at)
                      < clock_timestamp() - CASE r.state WHEN 'running' THEN interval '10 seconds'
                                                     ELSE interval '1 minute' END
                ORDER BY r.id""",  # noqa: S608 - fragments and column names of the code; values are parameters
            [LOST_ATTEMPTS],
        )
        lost = cursor.fetchall()
    for run_id, job_id, exhausted in lost:
        if exhausted:
            _fail(run_id, Job(pk=job_id), GIVEN_UP % LOST_ATTEMPTS)
        else:
            Job.objects.filter(pk=job_id).update(heartbeat_at=Now())
            _send(run_id)
    return [run_id for run_id, _job, exhausted in lost if not exhausted]


def run_import(*, run: ImportRun, actor: Actor = SYSTEM, wait: int = 60) -> ImportRun:
    """Import a file whole or not at all; importing again changes nothing. Returns the run with its counts.

    Raises Busy when another process still applies it after `wait` seconds. Raises Invalid or OSError when the file or
    its description is wrong; the run is then `failed` and holds the error.
    """
    job = run.job or create_job(kind="crm.import", label=run.file_name, created_by=run.created_by, total=100)
    started = ImportRun.objects.filter(pk=run.pk).exclude(state=ImportState.DONE)
    if not started.update(state=ImportState.RUNNING, job=job, error=""):
        run.refresh_from_db()
        return run
    start_job(job)
    try:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _apply(run.pk, actor, job, wait)
                break
            except (Raced, OperationalError) as error:
                deadlock = isinstance(error.__cause__, pg.DeadlockDetected | pg.SerializationFailure)
                if attempt == ATTEMPTS or not (deadlock or isinstance(error, Raced)):
                    raise
    except Busy:
        run.refresh_from_db()
        raise
    except Exception as error:
        # A lost database does not mean a wrong file: the run stays open, and `restart_lost_imports` queues it again.
        if not is_interruption(error) or job.attempts >= LOST_ATTEMPTS:
            message = str(error.message) if isinstance(error, DomainError) else f"{type(error).__name__}: {error}"
            _fail(run.pk, job, message)
            if isinstance(error, DomainError) and error.code == DECIMAL_AMBIGUOUS:
                ImportRun.objects.filter(pk=run.pk).update(
                    options=_unanswered(run.options, str(error.details["column"]))
                )
            if isinstance(error, DomainError) and error.code == UNPACKS_TOO_LARGE:
                # Another attempt would fail in the same way.
                drop_upload(run.path)
                ImportRun.objects.filter(pk=run.pk).update(path="")
            run.refresh_from_db()
        raise
    run.refresh_from_db()
    _remember(run)
    drop_upload(run.path)
    return run


def _fail(run_id: int, job: Job, message: str) -> None:
    ImportRun.objects.filter(pk=run_id).exclude(state=ImportState.DONE).update(
        state=ImportState.FAILED, error=message[:2000], finished_at=Now()
    )
    fail_job(job, message)


def _lock_of(run_id: int) -> str:
    return f"import:{run_id}"


def _apply(run_id: int, actor: Actor, job: Job, wait: int) -> None:
    progress = Progress(job)
    with transaction.atomic(), acting(actor, import_run=run_id):
        _lock(run_id, wait)
        run = ImportRun.objects.get(pk=run_id)
        if run.state == ImportState.DONE:
            return
        _check_options(run.options)
        _check_mapping(run)
        run.refusals.all().delete()
        context, stager = _staged(run, actor, progress=lambda share: progress(int(share * 50), 100))
        progress(50, 100, force=True)
        handler = _handler(run)
        handler.check(context)
        progress(70, 100, force=True)
        handler.apply(context)
        progress(95, 100, force=True)
        refused = context.value("SELECT count(*) FROM lk_refused")
        unchanged = context.value("SELECT count(*) FROM lk_unchanged")
        skipped = context.value("SELECT count(*) FROM lk_skipped")
        refusals.store_refusals(run_id, run.path, _form(run))
        counts = {
            "read_count": stager.read_count,
            "accepted_count": stager.read_count - unchanged - refused - skipped,
            "unchanged_count": unchanged,
            "skipped_count": skipped,
            "refused_count": refused,
        }
        if counts["accepted_count"] >= MANY and IMPORT_KINDS[run.kind].grown:
            # Statistics without these rows would give bad plans for the next steps (points, figures, the same file
            # again).
            context.execute(f"ANALYZE {IMPORT_KINDS[run.kind].grown}")
        by_code = dict(context.rows("SELECT code, count(*) FROM lk_refused GROUP BY code ORDER BY 2 DESC, 1"))
        listed = {
            name: dict(context.rows(f"SELECT code, count(*) FROM lk_{name} GROUP BY code ORDER BY 2 DESC, 1"))  # noqa: S608 - fragments and column names of the code; values are parameters
            for name in ("skipped", "noted")
        }
        ImportRun.objects.filter(pk=run_id).update(
            following=create_following(run),
            state=ImportState.DONE,
            result={**context.result, "refused": by_code, **{name: of for name, of in listed.items() if of}},
            finished_at=Now(),
            error="",
            **counts,
        )
        finish_job(job, {**counts, "run": run_id})
        Job.objects.filter(pk=job.pk).update(done_count=100, total_count=100)


def _lock(run_id: int, wait: int) -> None:
    """Wait for the process that applies this run, then for other imports, because two at once could deadlock."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        # A worker may be killed in a long statement: this setting ends its session within seconds, with nothing
        # applied.
        cursor.execute("SET LOCAL client_connection_check_interval = '2s'")
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute(f"SET LOCAL lock_timeout = '{int(wait)}s'")
        try:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_lock_of(run_id)])
        except OperationalError as error:
            if isinstance(error.__cause__, pg.LockNotAvailable):
                raise Busy() from None
            raise
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('imports', 0))")


def _staged(
    run: ImportRun, actor: Actor, *, limit: int | None = None, progress: Callable[[float], None] | None = None
) -> tuple[Context, Stager]:
    """Stage the file. Leaves lk_rows, lk_identity and empty lk_refused and lk_unchanged."""
    store = _store(run.options.get("store", ""))
    if store is None:
        raise Invalid(
            _("There is no store yet. Add one, or enter the code of a store."), code="unknown_store", field="store"
        )
    specs = attribute_specs()
    fields = fields_of(run.kind, specs)
    known_file = IMPORT_PROFILES.get(run.options.get("profile", ""))
    profile = known_file.reading if known_file else None
    known = import_formats.BY_NAME.get(run.options.get("format", ""))
    stager = Stager(
        fields,
        run.mapping,
        Reading(
            form=_form(run),
            decimal=run.options.get("decimal", "."),
            zone=run.options.get("time_zone", store.time_zone),
            date_order=run.options.get("date_order", "dmy"),
            country=store.country,
            specs=specs,
            clean=profile.clean if profile else known.clean if known else {},
            words=known.words if known else {},
            decimal_sure=bool(run.options.get("decimal_sure")),
        ),
    )
    with connection.cursor() as cursor:
        # Drop tables that an earlier import left in the same transaction.
        cursor.execute(
            """SELECT string_agg(format('DROP %s IF EXISTS pg_temp.%I CASCADE',
                                        CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, relname), ';')
               FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname ~ '^lk_' AND relkind IN ('r', 'v')"""
        )
        if leftovers := cursor.fetchone()[0]:
            cursor.execute(leftovers)
        cursor.execute(
            """CREATE TEMP TABLE lk_refused (row_number bigint PRIMARY KEY, field text, code text, detail text)
                   ON COMMIT DROP;
               CREATE TEMP TABLE lk_skipped (row_number bigint PRIMARY KEY, field text, code text, detail text)
                   ON COMMIT DROP;
               CREATE TEMP TABLE lk_noted (row_number bigint PRIMARY KEY, field text, code text, detail text)
                   ON COMMIT DROP;
               CREATE TEMP TABLE lk_unchanged (row_number bigint PRIMARY KEY) ON COMMIT DROP"""
        )
    stager.stage(run.path, limit=limit, progress=progress)
    if unclear := detect.unclear_decimals(stager.signs):
        raise _ambiguous(unclear)
    context = Context(run.pk or 0, run.source, store, actor, fields, stager.mapping, run.options, run.mode)
    return context, stager


def _handler(run: ImportRun) -> Handler:
    known_file = IMPORT_PROFILES.get(run.options.get("profile", ""))
    if known_file:
        return known_file.handler()
    return IMPORT_KINDS[run.kind].handler()


def _form(run: ImportRun) -> FileFormat:
    return FileFormat(run.options["encoding"], run.options["delimiter"])


def _store(code: str) -> Store | None:
    return Store.objects.filter(code=code).first() if code else Store.objects.default_or_none()


def _detected(
    fields: Mapping[str, ImportField], mapping: Mapping[str, str], header: list[str], sample: list[list[str]]
) -> dict[str, str]:
    """Detect the decimal mark and the date order from the mapped columns that show them."""

    def cells(shapes: set[str]) -> Iterator[str]:
        columns = {header.index(column) for name, column in mapping.items()
                   if name in fields and fields[name].shape in shapes and column in header}  # fmt: skip
        for row in sample:
            for position in columns:
                if position < len(row):
                    yield row[position]

    signs: dict[str, set[str]] = {}
    for name, column in mapping.items():
        if name in fields and fields[name].shape in {"number", "quantity"} and column in header:
            place = header.index(column)
            signs[column] = {detect.decimal_sign(row[place]) for row in sample if place < len(row)}
    unclear = detect.unclear_decimals(signs)
    return {
        **(
            {"decimal_asked": unclear} if unclear else {"decimal": detect.detect_decimal(cells({"number", "quantity"}))}
        ),
        "date_order": detect.detect_date_order(cells({"time", "birthday"})),
    }


def _check_mode(mode: str) -> None:
    if mode not in ImportMode.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="mode")


def _check_options(options: Mapping[str, Any]) -> None:
    if options.get("take_sound") not in (None, "", True, "1"):
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="take_sound")
    choices: dict[str, tuple[str, ...]] = {
        "encoding": detect.ENCODINGS,
        "delimiter": tuple(detect.DELIMITERS),
        "decimal": (".", ","),
        "date_order": ("dmy", "mdy"),
    }
    for name, allowed in choices.items():
        if name in options and options[name] not in allowed:
            raise Invalid(_("Not one of the choices."), code="invalid_choice", field=name)
    zone = options.get("time_zone")
    if zone and zone not in zoneinfo.available_timezones():
        raise Invalid(_("Use a zone such as Asia/Shanghai."), code="unknown_time_zone", field="time_zone")
    store = _store(options.get("store", ""))
    if options.get("store") and store is None:
        raise Invalid(_("There is no such store."), code="unknown_store", field="store")
    currency = options.get("currency")
    if currency and store and currency != store.currency:
        raise Invalid(
            _("This store sells in %(currency)s.") % {"currency": store.currency},
            code="wrong_currency",
            field="currency",
        )


def _ambiguous(column: str) -> Invalid:
    return Invalid(
        _("The numbers in column %(name)s can be read in two ways, such as 1,234, or 1.234,50 beside 1,234.50. "
          "Choose the decimal mark.") % {"name": column},
        code=DECIMAL_AMBIGUOUS,
        field="decimal",
        column=column,
    )  # fmt: skip


def _unanswered(options: Mapping[str, Any], column: str) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "decimal"} | {"decimal_asked": column}


def _check_mapping(run: ImportRun) -> None:
    if run.options.get("decimal_asked"):
        raise _ambiguous(run.options["decimal_asked"])
    try:
        check_mapping(run.kind, fields_of(run.kind, attribute_specs()), run.options.get("header", []), run.mapping)
    except WrongMapping as wrong:
        raise Invalid(_all_wrong(run, wrong), code=f"mapping_{wrong.code}", field=wrong.name) from None


def _all_wrong(run: ImportRun, wrong: WrongMapping) -> str:
    names: dict[str, list[str]] = {}
    for code, name in wrong.problems:
        names.setdefault(code, []).append(name)
    parts = [str(MESSAGES[code] % {"name": ", ".join(field_names)}) for code, field_names in names.items()]
    if "unknown_field" in names:
        parts.append(_t("The fields are: %(names)s.") % {"names": ", ".join(fields_of(run.kind, attribute_specs()))})
    if {"unknown_column", "required"} & names.keys():
        parts.append(
            _t("The columns of the file are: %(names)s.") % {"names": ", ".join(run.options.get("header", []))}
        )
    return " ".join(parts)


def _remember(run: ImportRun) -> None:
    if run.options.get("profile"):
        return
    ImportMapping.objects.update_or_create(
        kind=run.kind,
        source=run.source,
        defaults={
            "mapping": run.mapping,
            "options": {"header": run.options.get("header", [])}
            | {
                name: run.options[name]
                for name in OPTIONS
                if run.options.get(name) and (name != "decimal" or run.options.get("decimal_sure"))
            },
            "updated_at": Now(),
        },
    )


def drop_upload(path: str) -> None:
    """Delete an uploaded file after its import or when it is of no use, because it holds unencrypted personal data."""
    if Path(path).is_relative_to(Path(settings.MEDIA_ROOT) / "imports"):
        with contextlib.suppress(OSError):
            Path(path).unlink()


def drop_stale_uploads(*, days: int = 7) -> int:
    """Delete uploads that were not imported within `days` days. Returns how many."""
    old = ImportRun.objects.filter(
        state__in=[ImportState.UPLOADED, ImportState.FAILED],
        created_at__lt=Now() - timedelta(days=days),
    ).exclude(path="")
    dropped = 0
    for run in old:
        drop_upload(run.path)
        dropped += ImportRun.objects.filter(pk=run.pk).update(path="")
    return dropped
