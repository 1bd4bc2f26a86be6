from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backup import keys, restoring
from core.backup.archive import ArchiveError
from core.backup.programs import NoPrograms
from core.embedded import places


class Command(BaseCommand):
    help = "Restore a shop from a backup, with sending held. See docs/operations.md."
    # The database may be empty or damaged.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("archive")
        parser.add_argument("--replace", action="store_true", help="replace the content of the database")
        parser.add_argument("--overwrite", action="store_true", help="replace uploads and keys that differ")
        parser.add_argument("--dry-run", action="store_true", help="restore into a scratch database only, and compare")
        parser.add_argument("--secrets-only", action="store_true", help="write the keys to var/restored-secrets.env")
        parser.add_argument("--passphrase-file", default="", help="instead of BACKUP_KEY")

    def handle(self, *args: Any, **options: Any) -> None:
        def say(text: str) -> None:
            print(text, flush=True)

        path = Path(options["archive"])
        try:
            key = keys.configured(options["passphrase_file"])
            if options["secrets_only"]:
                target = places.locations().directory / "restored-secrets.env"
                restoring.write_secrets(restoring.secrets_of(path, key), target)
                print(f"Wrote PII_KEYS and SECRET_KEY to {target}. Delete it when you have put them in place.")
                return
            if options["dry_run"]:
                wrong = restoring.verify(path=path, key=key, say=say)
            else:
                wrong = restoring.restore(
                    path=path, key=key, replace=options["replace"], overwrite=options["overwrite"], say=say
                )
        except FileNotFoundError:
            raise CommandError(f"The file {path} does not exist.") from None
        except (
            ArchiveError, keys.UnusableKey, NoPrograms, restoring.RestoreRefused, restoring.RestoreFailed
        ) as error:  # fmt: skip
            raise CommandError(str(error)) from None
        for line in wrong:
            print(f"DIFFERS  {line}")
        if wrong:
            raise SystemExit(1)
        if options["dry_run"]:
            print("Verified: counts, totals and invariants match the backup.")
        else:
            print(
                "Restored. Sending is held: start the shop, open Stop and start sending "
                "(or run manage.py sending status), decide about the messages and deliveries that were due, "
                "and start sending."
            )
