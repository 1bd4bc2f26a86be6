import json
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.base.facts import SUPERSEDED, Amounts, collect
from core.text.currencies import exponent


class Command(BaseCommand):
    help = "Print the figures of the shop, as on the home page. With --json, amounts are minor units (cents, fen)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object to standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        facts = collect()
        if options["json"]:
            print(json.dumps(facts, ensure_ascii=False, indent=1))
            return
        figures = {name.removesuffix("_minor"): value for name, value in facts.items() if name not in SUPERSEDED}
        width = max(len(name) for name in figures)
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):<{width}}  {_in_words(value) or '–'}")


def _in_words(value: Any) -> str:
    if isinstance(value, Amounts):
        return ", ".join(_amount(minor, currency) for currency, minor in value.items())
    if isinstance(value, dict):
        return ", ".join(f"{key} {_in_words(part)}" for key, part in value.items())
    if isinstance(value, list):
        return "; ".join(f"{row['name']} {row['size']:,}" for row in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _amount(minor: int, currency: str) -> str:
    """Format an amount the same in every language: -123456 GBP -> -1,234.56 GBP."""
    digits = exponent(currency)
    return f"{Decimal(minor).scaleb(-digits):,.{digits}f} {currency}"
