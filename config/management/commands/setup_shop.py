from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.base.errors import DomainError
from crm.customers.services.setup import ensure_store
from loyalty.earning.services.setup import ensure_default_program


class Command(BaseCommand):
    help = "Create the default store and loyalty program of an empty shop. Existing ones stay unchanged."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--currency", required=True, help="ISO 4217, for example CNY")
        parser.add_argument("--time-zone", required=True, help="for example Asia/Shanghai")
        parser.add_argument(
            "--country", required=True, help="two letters; used for phone numbers without a country code"
        )
        parser.add_argument("--language", default="en", choices=["en", "zh-hans"])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            store = ensure_store(
                name=options["name"],
                currency=options["currency"].upper(),
                time_zone=options["time_zone"],
                country=options["country"].upper(),
                language=options["language"],
            )
        except DomainError as error:
            raise CommandError(f"{error.field}: {error.message}") from None
        program = ensure_default_program()
        self.stdout.write(f"Store {store.name} ({store.currency}, {store.time_zone}), program {program}.")
