"""Import a CSV file: `manage.py import_csv FILE --kind orders --source shop [--map number=OrderNo ...]`."""

import sys
import time
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.base.actor import SYSTEM
from core.base.errors import DomainError
from crm.imports.models import ImportMode, ImportRun
from crm.imports.registry import IMPORT_KINDS
from crm.imports.services import running as imports
from crm.imports.services.refusals import reason_text, refused_csv
from crm.management.following import finish


class Command(BaseCommand):
    help = "Import a CSV file (plain or gzip): orders, refunds, customers, opening points and other kinds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", help="the file")
        parser.add_argument("--kind", choices=IMPORT_KINDS.names())
        parser.add_argument("--source", help="where the file comes from; orders and events are unique per source")
        parser.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help="may be repeated")
        for name, text in (
            ("encoding", "utf-8, gb18030, latin-1, cp1252 or utf-16; detected by default"),
            ("delimiter", "detected by default; write tab for a tab"),
            ("decimal", "comma or dot: the decimal mark; detected when the file shows it"),
            ("date-order", "dmy or mdy for dates such as 31/12/2024; detected by default"),
            ("time-zone", "for times without a time zone; that of the store by default"),
            ("currency", "refuse the file if the store uses another currency"),
            ("store", "code of the store; the default store otherwise"),
        ):
            parser.add_argument(f"--{name}", default="", help=text)
        parser.add_argument(
            "--take-sound-lines",
            action="store_true",
            help="import an order without its refused lines instead of refusing it whole",
        )
        parser.add_argument(
            "--mode",
            choices=ImportMode.values,
            default=ImportMode.AUTO.value,
            help="effect of the orders: auto (orders older than two days are only recorded and count for tiers), "
            "remember (only recorded), silent (also points, no messages), live",
        )
        parser.add_argument("--dry-run", action="store_true", help="only check and count; import nothing")
        parser.add_argument(
            "--strict",
            action="store_true",
            help="exit with 3 when any row is refused (default: only when all rows are)",
        )
        parser.add_argument("--refused", metavar="OUT.CSV", help="write the refused rows with their reasons")
        parser.add_argument(
            "--refused-of", type=int, metavar="RUN", help="only write the refused rows of an earlier import"
        )
        parser.add_argument("--no-deliver", action="store_true", help="let the workers update points and features")

    def handle(self, **options: Any) -> None:
        if options["refused_of"]:
            run = ImportRun.objects.filter(pk=options["refused_of"]).first()
            if run is None or not options["refused"]:
                raise CommandError("Name the import and the output file: --refused-of RUN --refused OUT.CSV.")
            return self._write_refused(run, options["refused"])
        if not (options["file"] and options["kind"] and options["source"]):
            raise CommandError("Name the file, its kind and its source: FILE --kind KIND --source SOURCE.")
        try:
            return self._bring_in(options)
        except DomainError as error:
            raise CommandError(str(error.message)) from None

    def _bring_in(self, options: dict[str, Any]) -> None:
        settings = {name: options[name] for name in imports.OPTIONS if name in options}
        settings["decimal"] = {"comma": ",", "dot": "."}.get(settings["decimal"], settings["decimal"])
        settings["take_sound"] = "1" if options["take_sound_lines"] else ""
        settings["delimiter"] = "\t" if settings["delimiter"] in {"tab", "\\t"} else settings["delimiter"]
        run = imports.create_import(
            kind=options["kind"],
            source=options["source"],
            path=str(Path(options["file"]).resolve()),
            actor=SYSTEM,
            options=settings,
            mapping=self._mapping(options["map"]),
            mode=options["mode"],
        )
        self.stdout.write("Columns: " + ", ".join(f"{name} = {column}" for name, column in run.mapping.items()))
        began = time.monotonic()
        reasons: dict[str, int] = {}
        if options["dry_run"]:
            preview = self._try(run, options["refused"])
            counts = (preview.accepted, preview.unchanged, preview.refused, preview.skipped)
            reasons = preview.reasons
        else:
            run = self._run(run)
            counts = (run.accepted_count, run.unchanged_count, run.refused_count, run.skipped_count)
            for name in ("refused", "skipped", "noted"):
                reasons |= run.result.get(name, {})
        read = sum(counts)
        seconds = max(time.monotonic() - began, 0.001)
        would = "would be " if options["dry_run"] else ""
        self.stdout.write(
            f"Read {read:,} rows in {seconds:.1f} s ({read / seconds:,.0f} a second): {counts[0]:,} {would}taken, "
            f"{counts[1]:,} already there, {counts[2]:,} {would}refused, {counts[3]:,} {would}skipped."
        )
        for code, count in reasons.items():
            self.stdout.write(f"  {code} ({reason_text(code)}): {count:,}")
        if not options["dry_run"]:
            if options["refused"]:
                self._write_refused(run, options["refused"])
            if not options["no_deliver"]:
                finish(run, self.stdout)
        if counts[2] and (options["strict"] or counts[2] == read):
            sys.exit(3)

    @staticmethod
    def _run(run: ImportRun) -> ImportRun:
        try:
            return imports.run_import(run=run)
        except DomainError as error:
            if error.field == "decimal" or error.code.startswith("mapping_"):
                # The next call passes the missing option and creates a run of its own.
                run.delete()
            raise

    def _try(self, run: ImportRun, path: str | None) -> Any:
        try:
            if not path:
                return imports.dry_run(run)
            with self._opened(path) as out:
                return imports.dry_run(run, out)
        finally:
            run.delete()

    @staticmethod
    def _mapping(pairs: list[str]) -> dict[str, str]:
        mapping = {}
        for pair in pairs:
            name, equals, column = pair.partition("=")
            if not (equals and name.strip() and column.strip()):
                raise CommandError(f"Write --map FIELD=COLUMN, not {pair!r}.")
            mapping[name.strip()] = column.strip()
        return mapping

    @staticmethod
    def _opened(path: str) -> TextIO:
        try:
            return open(path, "w", encoding="utf-8", newline="")
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}.") from None

    def _write_refused(self, run: ImportRun, path: str) -> None:
        with self._opened(path) as out:
            out.writelines(refused_csv(run))
        self.stdout.write(f"Refused rows: {path}")
