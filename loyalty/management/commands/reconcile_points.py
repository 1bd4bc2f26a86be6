import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from loyalty.ledger.services.reconciliation import reconcile_points


class Command(BaseCommand):
    help = "Prove that every balance equals its lots and its entries. Exits 1 if one differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        result = reconcile_points()
        if options["json"]:
            print(
                json.dumps(
                    {
                        "accounts": result.account_count,
                        "differ": result.difference_count,
                        "differences": result.differences,
                        "seconds": round(result.seconds, 3),
                    }
                )
            )
        else:
            print(f"{result.account_count:,} accounts, {result.difference_count:,} differ, {result.seconds:.2f} s")
            for row in result.differences:
                print(
                    f"  account {row['account']}: stored {row['stored']}, entries {row['entries']}, lots {row['lots']}"
                )
        if result.difference_count:
            raise SystemExit(1)
