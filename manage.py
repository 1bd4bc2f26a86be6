#!/usr/bin/env python
"""Django's command line. Starts the embedded servers for the command when no external ones are configured."""

import os
import sys

WITHOUT_SERVERS = {"help", "version", "makemessages", "collectstatic", "translations", "up", "run", "spectacular"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    from config.env import ConfigurationError

    try:
        command = sys.argv[1] if len(sys.argv) > 1 else "help"
        if command not in WITHOUT_SERVERS and "--help" not in sys.argv:
            from core import embedded

            embedded.attach()

        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
