import json

from django.core.management.base import BaseCommand

from core.facts import collect


class Command(BaseCommand):
    help = "The shop in numbers, the same that the home page shows. Amounts are minor units (cents, fen)."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args, **options):
        facts = collect()
        if options["json"]:
            print(json.dumps(facts, ensure_ascii=False, indent=1))
            return
        width = max(len(name) for name in facts)
        for name, value in facts.items():
            if isinstance(value, dict):
                value = ", ".join(f"{key} {part:,}" if isinstance(part, int) else f"{key} {part}" for key, part in value.items())
            elif isinstance(value, list):
                value = "; ".join(f"{row['name']} {row['size']:,}" for row in value)
            elif isinstance(value, int):
                value = f"{value:,}"
            print(f"{name.replace('_', ' '):<{width}}  {value or '–'}")
