from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backup import keys, making, restoring
from core.backup.archive import ArchiveError
from core.backup.programs import NoPrograms
from core.embedded import places
from core.sending import services as sending_hold


class Command(BaseCommand):
    help = "Write an encrypted backup: database, uploads and secrets in one file. See docs/operations.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", help="a folder, or a file that ends in .backup; default: var/backups")
        parser.add_argument("--no-media", action="store_true", help="leave out the uploads")
        parser.add_argument(
            "--keep", type=int, help="keep this many archives of this shop in the folder and delete older ones"
        )
        parser.add_argument(
            "--verify", action="store_true", help="restore the archive into a scratch database and compare"
        )
        parser.add_argument("--passphrase-file", default="", help="instead of BACKUP_KEY")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep needs at least 1.")
        target = Path(options["output"] or places.locations().directory / "backups")

        def say(text: str) -> None:
            print(text, flush=True)

        try:
            key = keys.configured(options["passphrase_file"], make=True, say=say)
            path = making.make(target=target, key=key, with_media=not options["no_media"], say=say)
            wrong = restoring.verify(path=path, key=key, say=say) if options["verify"] else []
        except (
            ArchiveError, keys.UnusableKey, NoPrograms, making.BackupFailed, restoring.RestoreRefused,
            restoring.RestoreFailed
        ) as error:  # fmt: skip
            raise CommandError(str(error)) from None
        for line in wrong:
            print(f"DIFFERS  {line}")
        if wrong:
            raise SystemExit(1)
        if options["verify"]:
            print("Verified: counts, totals and invariants match the shop.")
        if options["keep"]:
            making.drop_older(folder=path.parent, keep=options["keep"], site=str(sending_hold.state().site), say=say)
