from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo import logins, replay, shop
from crm.customers.models import Customer

LANGUAGES = ("zh-hans", "en")


class Command(BaseCommand):
    help = "Load the demo shop into an empty shop; --reset empties it first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="delete all data first, also the ledger")
        parser.add_argument("--customers", type=int, default=2000)
        parser.add_argument("--seed", type=int, default=shop.SEED, help="the same seed creates the same shop")
        parser.add_argument(
            "--language", choices=LANGUAGES, default=LANGUAGES[0], help="language of names and texts (default zh-hans)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["customers"] < 1:
            raise CommandError("--customers must be at least 1.")
        if current_app.control.ping(timeout=1.0):
            raise CommandError("Stop `make up` and all workers first: they would act on the shop's past.")
        if options["reset"] or replay.was_interrupted():
            shop.empty_shop()
            logins.demo_key_file().unlink(missing_ok=True)
        elif Customer.objects.exists():
            raise CommandError("The shop is not empty. Use --reset to delete all data and start again.")
        logins.ensure_logins(options["language"])
        logins.ensure_key()
        try:
            shop.load_demo_shop(
                customers=options["customers"],
                seed=options["seed"],
                language=options["language"],
                say=lambda text: self.stdout.write(text, ending="\n"),
            )
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the shop is empty now. Run the command again.") from None
