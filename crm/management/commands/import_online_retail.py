"""Import the whole UCI Online Retail file: `manage.py import_online_retail [--path FILE]`."""

import os
import resource
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.base.actor import SYSTEM
from core.base.errors import DomainError
from crm.import_kinds.services import online_retail
from crm.imports.models import ImportKind, ImportMode, ImportRun
from crm.imports.services import running as imports
from crm.management.following import finish

DEFAULT = Path(settings.BASE_DIR).parent / "shared" / "data" / "online_retail.csv.gz"


class Command(BaseCommand):
    help = "Import the UCI Online Retail file: 541,909 lines of a UK gift shop (CC BY 4.0, Dr. Daqing Chen)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--path", default=os.environ.get("ONLINE_RETAIL") or str(DEFAULT), help="the file, plain or .gz"
        )
        parser.add_argument("--no-deliver", action="store_true", help="let the workers update points and features")

        parser.add_argument(
            "--mode",
            choices=ImportMode.values,
            default=ImportMode.AUTO.value,
            help="effect of the orders: auto and remember only record, silent also awards points, live triggers all",
        )

    def handle(self, *, path: str, no_deliver: bool, mode: str = ImportMode.AUTO, **_options: Any) -> None:
        began = time.monotonic()
        if not Path(path).is_file():
            raise CommandError(f"There is no file {path}: name it with --path or ONLINE_RETAIL.")
        try:
            online_retail.prepare_store()
            run = imports.create_import(
                kind=ImportKind.ORDERS,
                source=online_retail.SOURCE,
                path=path,
                actor=SYSTEM,
                options=online_retail.OPTIONS,
                mapping=online_retail.MAPPING,
                mode=mode,
            )
            run = imports.run_import(run=run)
        except DomainError as error:
            raise CommandError(str(error.message)) from None
        seconds = time.monotonic() - began
        self._report(run, seconds)
        if not no_deliver:
            finish(run, self.stdout)

    def _report(self, run: ImportRun, seconds: float) -> None:
        write = self.stdout.write
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        write(
            f"Read {run.read_count:,} lines in {seconds:.1f} s ({run.read_count / seconds:,.0f} a second, "
            f"peak {peak:.0f} MB): {run.accepted_count:,} taken, {run.unchanged_count:,} already there, "
            f"{run.refused_count:,} refused."
        )
        result = run.result
        for name in ("invoices_read", "stock_codes_read", "countries_read"):
            write(f"  {name.replace('_', ' ')}: {result[name]:,}")
        for name, value in online_retail.figures().items():
            shown = f"{value / 100:,.2f} GBP" if name == "customer_sales" else f"{value:,}"
            write(f"  {name.replace('_', ' ')}: {shown}")
        if result["refunds_created"]:
            write(
                f"  cancelled lines: {result['refund_rows_matched']:,} refunded, "
                f"{result['refund_rows_partly_matched']:,} in part, "
                f"{result['refund_rows_unmatched']:,} without an earlier "
                f"purchase; {result['refunds_created']:,} refunds worth {result['refunded'] / 100:,.2f} GBP"
            )
        if result.get("adjustments_created"):
            write(
                f"  kept as adjustments: {result['adjustments_created']:,}, worth {result['adjusted'] / 100:,.2f} GBP: "
                "cancellations of what was bought before the file begins"
            )
        for code, count in result["refused"].items():
            write(f"  {code}: {count:,}")
        write(f"Each of these lines with its reason: on the page /imports/{run.pk}/ or with "
              f"`manage.py import_csv --refused-of {run.pk} --refused FILE`.")  # fmt: skip
