"""What every process asks before it works: are the keys right, and is this the database that it was?"""

from __future__ import annotations

import sys

import structlog
from django.db import Error, connections

from core.embedded import ConfigurationError
from core.pii_check import refuse_wrong_keys
from core.services.sending_hold import notice_restore

log = structlog.get_logger("liuke.startup")


def check() -> None:
    """Raise ConfigurationError for keys that don't fit the database; hold sending in one that was put back.

    A database that is away or not migrated is left to whoever needs it next.
    """
    refuse_wrong_keys()
    try:
        notice_restore()
    except Error as error:
        log.warning("restore_not_looked_for", error=str(error).strip().splitlines()[0])


def check_or_exit() -> None:
    """The same for entry points that no command line wraps: one sentence instead of a stack trace."""
    try:
        check()
    except ConfigurationError as error:
        sys.exit(str(error))
    finally:
        # The thread that starts a process is rarely one that serves.
        connections.close_all()
