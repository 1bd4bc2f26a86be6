"""Registrations of loyalty: those of its subjects, lowest first."""

# isort: off
import loyalty.program.extensions
import loyalty.ledger.extensions
import loyalty.triggers.extensions
import loyalty.tiers.extensions
import loyalty.earning.extensions
import loyalty.rewards.extensions
import loyalty.growth.extensions
import loyalty.members.extensions  # noqa: F401
