from typing import Any

from django.core.management.base import BaseCommand

from core.security.rotation import rotate_keys


class Command(BaseCommand):
    help = "Re-encrypt personal data under the first key of PII_KEYS. Keep the old keys configured until it is done."

    def handle(self, *args: Any, **options: Any) -> None:
        say = self.stdout.write if options["verbosity"] else lambda text: None
        total = rotate_keys(say)
        say(
            f"{total} values are now under the first key. "
            "If none are left under the others, remove those from PII_KEYS."
        )
