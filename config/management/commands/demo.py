from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import demo
from crm.customers.models import Customer


class Command(BaseCommand):
    help = "Load the demo shop into an empty shop; --reset empties it first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="delete all data first, also the ledger")
        parser.add_argument("--customers", type=int, default=2000)
        parser.add_argument("--seed", type=int, default=20260101, help="the same seed creates the same shop")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["customers"] < 1:
            raise CommandError("--customers must be at least 1.")
        if options["reset"]:
            demo.empty_shop()
            demo.demo_key_file().unlink(missing_ok=True)
        elif Customer.objects.exists():
            raise CommandError("The shop is not empty. Use --reset to delete all data and start again.")
        demo.ensure_logins()
        demo.ensure_key()
        demo.load_demo_shop(
            customers=options["customers"], seed=options["seed"], say=lambda text: self.stdout.write(text, ending="\n")
        )
