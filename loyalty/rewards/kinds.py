"""The kinds of reward that loyalty delivers itself; coupons come from campaigns."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Refused
from core.fields import Field
from loyalty.rewards.models import Reward, RewardCode, RewardRedemption
from loyalty.rewards.registry import Delivery, Fulfilment, not_cancellable


class Gift(Fulfilment):
    label = _("Gift by post")
    help = _("The member gives an address. Staff send the gift, and the points are spent then.")
    at_once = False
    needs_address = True


class Voucher(Fulfilment):
    """A code of the uploaded pool, such as phone credit or a partner's code."""

    label = _("E-voucher code")
    help = _("Each member gets one of the codes that you upload, such as phone credit or a partner's code.")
    has_codes = True

    def fulfil(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> Delivery:
        with connection.cursor() as cursor:
            # SKIP LOCKED: two buyers never wait for the same code, and neither gets a code that the other is getting.
            cursor.execute(
                """UPDATE loyalty_rewardcode SET redemption_id = %s, given_at = clock_timestamp()
                   WHERE id = (SELECT id FROM loyalty_rewardcode WHERE reward_id = %s AND redemption_id IS NULL
                               ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id""",
                [redemption.pk, reward.pk],
            )
            row = cursor.fetchone()
        if row is None:
            raise Refused(_("This reward has no codes left."), code="no_codes_left")
        return Delivery(code=RewardCode.objects.values_list("value", flat=True).get(pk=row[0]))


class Privilege(Fulfilment):
    """A right that staff grant when the member asks for it: a table, a private sale, a free alteration."""

    label = _("Privilege")
    returnable = True
    help = _("A service by staff for the member who shows it, such as a free alteration.")
    settings = (Field("how", "text", _("How to use it"), help=_("The member reads this after redeeming.")),)

    def fulfil(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> Delivery:
        return Delivery(reference=reward.settings.get("how", ""))

    def take_back(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> None:
        """Take a privilege back. No record shows its use, so only staff can say that it was not used."""
        if actor.kind != "user":
            raise not_cancellable(redemption)


class Donation(Fulfilment):
    label = _("Donation")
    help = _("The points are donated. A donation can't be undone.")
    settings = (Field("cause", "text", _("Purpose"), help=_("The organisation or project that gets it.")),)

    def fulfil(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> Delivery:
        return Delivery(reference=reward.settings.get("cause", ""))
