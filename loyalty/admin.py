"""Django admin of loyalty, collected for Django."""

import loyalty.earning.admin
import loyalty.growth.admin
import loyalty.ledger.admin
import loyalty.members.admin
import loyalty.rewards.admin
import loyalty.tiers.admin  # noqa: F401
