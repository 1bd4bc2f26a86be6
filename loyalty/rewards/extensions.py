"""Registrations of rewards."""

from __future__ import annotations

import loyalty.rewards.console.listing
import loyalty.rewards.console.redeeming
import loyalty.rewards.console.redemption_list
import loyalty.rewards.console.shell
import loyalty.rewards.events
import loyalty.rewards.webhooks  # noqa: F401
from core.base.facts import FACTS, count_of
from core.security import crypto
from core.security.encrypted_columns import ENCRYPTED, EncryptedColumn
from core.security.roles import EVERYONE, Role, grant
from loyalty.ledger.registry import REFERENCE_NAMES
from loyalty.rewards.benefits import ExclusiveRewards
from loyalty.rewards.kinds import Donation, Gift, Privilege, Voucher
from loyalty.rewards.models import Reward
from loyalty.rewards.registry import FULFILMENTS
from loyalty.rewards.services.codes import INDEX_CONTEXT
from loyalty.tiers.registry import BENEFITS

FULFILMENTS.register("gift", Gift())
FULFILMENTS.register("voucher", Voucher())
FULFILMENTS.register("privilege", Privilege())
FULFILMENTS.register("donation", Donation())
for _column in ("address", "code"):
    ENCRYPTED.register(
        f"loyalty.rewardredemption.{_column}",
        EncryptedColumn("loyalty_rewardredemption", _column, f"loyalty.rewardredemption.{_column}"),
    )
ENCRYPTED.register(
    "loyalty.rewardcode",
    EncryptedColumn(
        "loyalty_rewardcode",
        "value",
        "loyalty.rewardcode.value",
        (),
        {"value_index": lambda value, row: crypto.blind_index(value, INDEX_CONTEXT)},
    ),
)
grant("loyalty.view_reward", "loyalty.view_rewardcategory", "loyalty.view_rewardredemption", to=EVERYONE)
grant("loyalty.handle_redemptions", "loyalty.add_rewardredemption", to=[Role.AGENT, Role.LEAD])
grant(
    "loyalty.add_reward", "loyalty.change_reward", "loyalty.add_rewardcategory", "loyalty.change_rewardcategory",
    "loyalty.add_rewardcode",
    to=[Role.LEAD, Role.MARKETER],
)  # fmt: skip
REFERENCE_NAMES.register("reward", lambda: {row.code: row.label for row in Reward.objects.all()})
BENEFITS.register("exclusive_rewards", ExclusiveRewards())
FACTS.register("rewards", count_of("SELECT count(*) FROM loyalty_reward WHERE active"))
FACTS.register("redemptions", count_of("SELECT count(*) FROM loyalty_rewardredemption"))
