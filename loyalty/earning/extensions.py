"""Registrations of earning."""

from __future__ import annotations

import loyalty.earning.console.listing
import loyalty.earning.console.shell
import loyalty.earning.handlers  # noqa: F401
from core.jobs.services import WORK
from core.security.roles import Role, grant
from loyalty.earning import conditions
from loyalty.earning.services import dry_runs as earning_dry_runs

conditions.register_all()
WORK.register(earning_dry_runs.KIND, earning_dry_runs.run_planned)
grant(
    "loyalty.view_earningrule", "loyalty.view_earningruleversion", "loyalty.change_earningrule",
    "loyalty.add_earningrule", "loyalty.add_earningruleversion",
    to=[Role.MARKETER],
)  # fmt: skip
