"""Run everything that a shop needs on one machine, in one terminal: `make up`."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection, connections

from config import env
from config.demo import logins, replay, shop
from config.processes import command_lines
from core import embedded
from core.embedded import places, postgres, valkey
from core.health import checks as health
from core.http import static_files
from core.processes import startup
from core.processes.supervisor import SupervisedProgram, Supervisor, WatchedServer
from core.security.models import User
from crm.customers.models import Store

# Addresses that a browser on this machine reaches as localhost.
LOCAL = {"127.0.0.1", "0.0.0.0", "::1"}  # noqa: S104


class Command(BaseCommand):
    help = "Start the servers without a configured URL, migrate, load the demo shop once, run web, workers and beat."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="leave an empty shop empty")

    def handle(self, *args: Any, **options: Any) -> None:
        port, bind = env.integer("PORT", 8000), env.text("BIND", "127.0.0.1")
        self._check_address(bind, port)
        # Set early, so that a terminal that is closed while the demo loads still stops the started servers.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            # Media and imports are stored there even when every server is external.
            places.make_private(places.locations())
            embedded.attach()
            if static_files.needs_manifest():
                self.stdout.write("Collecting static files ...")
                static_files.collect_when_changed()
            # All files that are written from here on may hold personal data.
            os.umask(0o077)
            self._prepare(options)
            url = f"http://{'localhost' if bind in LOCAL else bind}:{port}"
            self._run(url)
        except KeyboardInterrupt:
            pass
        except places.ConfigurationError as error:
            raise CommandError(str(error)) from None
        finally:
            connections.close_all()
            embedded.detach()

    def _check_address(self, bind: str, port: int) -> None:
        if not 1 <= port <= 65535:
            raise CommandError(f"PORT must be from 1 to 65535, not {port}.")
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except PermissionError:
                raise CommandError(
                    f"This user can't listen on port {port}: choose a port above 1023, for example PORT=8000."
                ) from None
            except OSError as error:
                raise CommandError(
                    f"Port {port} on {bind} is not free ({error.strerror}): stop the program that uses it, "
                    f"or start with PORT={port + 1} make up."
                ) from None

    def _prepare(self, options: dict[str, Any]) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            reason = str(error).strip().splitlines()[0]
            raise CommandError(f"The database of DATABASE_URL can't be reached: {reason}") from None
        self._check_redis()
        if not health.migrations()[0]:
            self.stdout.write("Preparing the database ...")
            call_command("migrate", verbosity=0, interactive=False)
        startup.check()
        if options["no_demo"] or env.text("DJANGO_SETTINGS_MODULE").endswith("production"):
            return
        if replay.was_interrupted():
            shop.empty_shop()
        if not Store.objects.exists():
            self.stdout.write("Loading the demo shop, the first time only (about a minute) ...")
            logins.ensure_logins()
            shop.load_demo_shop(customers=2000, say=lambda text: self.stdout.write(f"  {text}"))
        if not User.objects.exists():
            logins.ensure_logins()
        logins.ensure_key()

    def _check_redis(self) -> None:
        try:
            for name in ("REDIS_URL", "CACHE_URL"):
                redis.Redis.from_url(getattr(settings, name), socket_connect_timeout=3).ping()
        except (redis.RedisError, ValueError) as error:
            raise CommandError(f"The Redis of {name} can't be reached: {error}") from None

    def _run(self, url: str) -> None:
        place = places.locations()
        environment = {**os.environ, **places.urls(place), "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
        logins.print_welcome(url)
        connections.close_all()
        programs = [SupervisedProgram(name, command, environment) for name, command in command_lines().items()]
        Supervisor(programs, servers(place)).run()


def servers(place: places.Locations) -> list[WatchedServer]:
    """Return the embedded servers in use, as the supervisor watches them."""
    use = places.needed()
    watched = [
        ("postgresql", use.postgres, lambda: bool(postgres.pid_of(place))),
        ("valkey", use.queue, lambda: bool(valkey.pid_of(place, valkey.QUEUE))),
        ("cache", use.cache, lambda: bool(valkey.pid_of(place, valkey.CACHE))),
    ]
    return [
        WatchedServer(name, is_running, lambda: embedded.start_servers(place))
        for name, used, is_running in watched
        if used
    ]
