"""Merge two entries of one product: `manage.py merge_products KEEP OTHER`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.base.errors import DomainError
from crm.orders.services.product_merging import merge_products


class Command(BaseCommand):
    help = "Move order lines, activity and everything else of the product OTHER to the product KEEP, and remove OTHER."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("keep", help="SKU of the product that stays")
        parser.add_argument("other", help="SKU of the product that is merged into it and removed")

    def handle(self, *, keep: str, other: str, **_options: Any) -> None:
        try:
            moved = merge_products(keep=keep, other=other)
        except DomainError as error:
            raise CommandError(str(error.message)) from None
        self.stdout.write(f"{other} is part of {keep} now: {moved:,} rows moved.")
