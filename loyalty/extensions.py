"""Registrations of loyalty: those of its subjects, lowest first."""

# isort: off
import loyalty.program.extensions  # noqa: F401
import loyalty.ledger.extensions  # noqa: F401
import loyalty.triggers.extensions  # noqa: F401
import loyalty.tiers.extensions  # noqa: F401
import loyalty.earning.extensions  # noqa: F401
import loyalty.rewards.extensions  # noqa: F401
import loyalty.growth.extensions  # noqa: F401
import loyalty.members.extensions  # noqa: F401
