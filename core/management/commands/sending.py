from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.base.actor import Actor
from core.base.errors import DomainError
from core.sending import services as sending_hold
from core.sending.registry import WAITING, HoldChoice


class Command(BaseCommand):
    help = (
        "Stop all outgoing messages and webhooks, show what is pending, decide about it after a restore, start again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["status", "hold", "decide", "release"])
        parser.add_argument("--note", default="", help="the reason for the hold")
        parser.add_argument("--kind", choices=WAITING.names(), help="the kind of held work to decide about")
        parser.add_argument(
            "--choice", choices=[choice.value for choice in HoldChoice], help="the decision about this kind"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        actor = Actor("system", None, "manage.py")
        try:
            if options["action"] == "hold":
                sending_hold.hold(note=options["note"], actor=actor)
            elif options["action"] == "release":
                sending_hold.doubt_due()
                sending_hold.start(actor=actor)
            elif options["action"] == "decide":
                if not options["kind"] or not options["choice"]:
                    raise CommandError("Give --kind and --choice.")
                sending_hold.doubt_due()
                count = sending_hold.decide(
                    kind=options["kind"], choice=options["choice"], actor=actor, seconds=float("inf")
                )
                print(f"{options['kind']}: {options['choice']} for {count}")
        except DomainError as error:
            raise CommandError(f"{error.code}: {error.message}") from None
        self._status()

    def _status(self) -> None:
        row = sending_hold.state()
        if not row.held:
            print("Sending is not held.")
            return
        print(f"Sending is held since {row.held_at:%F %T} UTC ({row.cause}){': ' + row.note if row.note else ''}.")
        for name, figures in sending_hold.count_waiting(row).items():
            decided = f", decided: {row.decisions[name]}" if name in row.decisions else ""
            print(
                f"  {name:<20} {figures.uncertain:>9,} may have been sent, "
                f"{figures.waiting:>9,} go out at the start{decided}"
            )
