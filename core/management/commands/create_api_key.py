from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.base.errors import DomainError
from core.security.api_keys import create_api_key
from core.security.scopes import SCOPES


class Command(BaseCommand):
    help = "Create a server key and print its secret, which can't be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--scope", action="append", help=f"one of {', '.join(SCOPES.names())}; repeatable; default all"
        )
        parser.add_argument("--source", default="storefront", help="the system that uses the key")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _key, secret = create_api_key(
                name=options["name"], scopes=options["scope"] or SCOPES.names(), source=options["source"]
            )
        except DomainError as error:
            raise CommandError(str(error.message)) from None
        self.stdout.write(secret)
