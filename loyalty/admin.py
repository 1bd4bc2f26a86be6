"""Django admin of loyalty, collected for Django."""

import loyalty.earning.admin  # noqa: F401
import loyalty.growth.admin  # noqa: F401
import loyalty.ledger.admin  # noqa: F401
import loyalty.members.admin  # noqa: F401
import loyalty.rewards.admin  # noqa: F401
import loyalty.tiers.admin  # noqa: F401
