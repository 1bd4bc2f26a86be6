"""Run one process of the site, for containers and service managers, which keep it running."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.processes import command_lines


class Command(BaseCommand):
    help = "Run the web server, a worker or the scheduler: for a service manager, which starts it again when it ends."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", choices=list(command_lines()))

    def handle(self, *args: Any, **options: Any) -> None:
        command = command_lines()[options["process"]]
        os.umask(0o077)
        os.execv(command[0], command)  # noqa: S606 - our own command line
