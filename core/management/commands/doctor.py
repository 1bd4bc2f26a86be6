from django.core.management.base import BaseCommand

from core.health import examine


class Command(BaseCommand):
    help = "Say what is configured, reachable, migrated and lagging. Exits 2 when something essential is wrong, 1 for a warning."

    def add_arguments(self, parser):
        parser.add_argument("--essential", action="store_true", help="only what decides whether the site can work")

    def handle(self, *args, **options):
        findings = examine(essential_only=options["essential"])
        for finding in findings:
            mark = "ok  " if finding.ok else ("FAIL" if finding.essential else "warn")
            print(f"{mark}  {finding.name:<14} {finding.detail}")
        if any(not finding.ok and finding.essential for finding in findings):
            raise SystemExit(2)
        if any(not finding.ok for finding in findings):
            raise SystemExit(1)
