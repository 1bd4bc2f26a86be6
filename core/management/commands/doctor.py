from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.health.checks import examine, mend, prove


class Command(BaseCommand):
    help = (
        "Check configuration, servers, migrations and lag. "
        "Exits with 2 if an essential check fails, with 1 for a warning."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--essential", action="store_true", help="run only the checks that decide whether the site can work"
        )

        parser.add_argument(
            "--fix", action="store_true", help="repair faults that are safe to repair: sequences, missing partitions"
        )
        parser.add_argument(
            "--prove", action="store_true", help="also check the invariants of all rows: ledger, tiers, personal data"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["fix"]:
            for line in mend():
                print(f"done  {line}")
        findings = examine(essential_only=options["essential"])
        for finding in findings:
            mark = "ok  " if finding.ok else ("FAIL" if finding.essential else "warn")
            print(f"{mark}  {finding.name:<16} {finding.detail}")
        wrong = prove() if options["prove"] else []
        for line in wrong:
            print(f"FAIL  {line}")
        if wrong:
            raise SystemExit(2)
        if any(not finding.ok and finding.essential for finding in findings):
            raise SystemExit(2)
        if any(not finding.ok for finding in findings):
            raise SystemExit(1)
