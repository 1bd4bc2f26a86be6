"""Checks at the start of every process: the keys fit the database, and the database is not an older copy."""

from __future__ import annotations

import sys

import structlog
from django.db import Error, connections

from core.embedded.places import ConfigurationError
from core.security.pii_check import refuse_wrong_keys
from core.sending.services import notice_restore

log = structlog.get_logger("liuke.startup")


def check() -> None:
    """Raise ConfigurationError for keys that don't fit the database; hold sending in a restored database.

    A database that is unavailable or not migrated is not an error here; the next code that needs it reports it.
    """
    refuse_wrong_keys()
    try:
        notice_restore()
    except Error as error:
        log.warning("restore_not_looked_for", error=str(error).strip().splitlines()[0])


def check_or_exit() -> None:
    """Run the checks for entry points without a command line: exit with one sentence instead of a stack trace."""
    try:
        check()
    except ConfigurationError as error:
        sys.exit(str(error))
    finally:
        # The thread that starts a process rarely serves requests.
        connections.close_all()
