"""The list of rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from core.base import clock
from core.console.list_columns import Cell
from core.lists.columns import CURRENT_AND_OVER, created_column, ends_column, owner_column
from core.lists.declaration import Choices, Column, Empty, Filter, ObjectList, TopAction, register
from core.text.formatting import money, number
from loyalty.program.models import Program
from loyalty.rewards import selectors as catalogue
from loyalty.rewards.models import Reward
from loyalty.rewards.registry import FULFILMENTS
from loyalty.rewards.selectors import Taken
from loyalty.rewards.services import rewards as services

FEW_CODES = 10


@dataclass(frozen=True)
class RewardRow:
    item: Reward
    price: str
    kind: str
    state: tuple[str, str]
    taken: Taken
    codes_left: int | None

    @property
    def picture(self) -> str:
        return picture_url(self.item)


def picture_url(reward: Reward) -> str:
    name = (reward.picture.name or "").rpartition("/")[2]
    return reverse("reward_picture", args=[name]) if name else ""


def price(reward: Reward) -> str:
    text = ngettext("%(count)s point", "%(count)s points", reward.points) % {"count": number(reward.points)}
    if not reward.money:
        return text
    return f"{text} + {money(reward.money, reward.program.currency)}"


def kind_label(reward: Reward) -> str:
    fulfilment = FULFILMENTS.get(reward.kind)
    return str(fulfilment.label) if fulfilment else reward.kind


def standing(reward: Reward, now: datetime) -> tuple[str, str]:
    """Return (label, tone) of a reward at that time."""
    if not reward.active:
        return _t("Switched off"), "off"
    if reward.ends_at and reward.ends_at <= now:
        return _t("Ended"), "off"
    if reward.starts_at and reward.starts_at > now:
        return _t("Not started"), "info"
    if reward.stock == 0:
        return pgettext("rewards", "Sold out"), "warn"
    return pgettext("rewards", "On offer"), "good"


def _rows(_request: HttpRequest, rewards: Sequence[Reward]) -> list[RewardRow]:
    now = clock.now()
    taken, left = catalogue.taken(rewards), catalogue.codes_left(rewards)
    return [
        RewardRow(
            reward,
            price(reward),
            kind_label(reward),
            standing(reward, now),
            taken.get(reward.pk, Taken()),
            left.get(reward.pk),
        )
        for reward in rewards
    ]


def _kinds(_request: HttpRequest) -> Choices:
    return [(code, item.label) for code, item in FULFILMENTS.items()]


def short_of_codes(rewards: QuerySet[Reward]) -> list[int]:
    """Return the ids of these rewards that have few codes left."""
    return [pk for pk, count in catalogue.codes_left(rewards).items() if count < FEW_CODES]


def _with_few_codes(_request: HttpRequest, rewards: QuerySet[Reward], value: str) -> QuerySet[Reward]:
    return rewards.filter(pk__in=short_of_codes(rewards)) if value == "few" else rewards


def _codes_left(row: RewardRow) -> Cell:
    few = row.codes_left is not None and row.codes_left < FEW_CODES
    return Cell(number(row.codes_left), tone="bad" if few else "")


REWARDS = register(
    ObjectList(
        name="rewards",
        title=_("Rewards"),
        route="rewards",
        model=Reward,
        permission="loyalty.view_reward",
        change="loyalty.change_reward",
        add="loyalty.add_reward",
        select=lambda _request: Reward.objects.select_related("program", "category", "minimum_tier", "owner"),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda reward: reverse("reward", args=[reward.pk]),
        edit=lambda reward: reverse("reward_edit", args=[reward.pk]),
        order=("-id",),
        columns=[
            Column(
                "name",
                _("Reward"),
                lambda row: row.item.label,
                sort="name",
                template="loyalty/rewards/list_name.html",
            ),
            Column("state", _("State"), lambda row: Cell(row.state[0], badge=row.state[1]), on_cards=False),
            Column("price", _("Price"), lambda row: row.price, sort="points"),
            Column(
                "stock",
                pgettext_lazy("rewards", "Stock"),
                lambda row: number(row.item.stock),
                lambda row: row.item.stock,
                Coalesce("stock", Value(2**31 - 1)),
                number=True,
            ),
            Column("codes", _("Codes left"), _codes_left, lambda row: row.codes_left, number=True),
            Column(
                "redeemed",
                pgettext_lazy("rewards", "Redeemed"),
                lambda row: number(row.taken.count),
                lambda row: row.taken.count,
                number=True,
            ),
            Column(
                "to_send",
                _("To send"),
                lambda row: number(row.taken.placed),
                lambda row: row.taken.placed,
                number=True,
            ),
            ends_column(),
            owner_column(),
            created_column(),
        ],
        states=CURRENT_AND_OVER,
        search=("name", "name_zh", "code"),
        filters=[
            Filter("kind", _("Kind"), _kinds, lambda _request, rows, value: rows.filter(kind=value)),
            Filter("codes", _("Codes left"), lambda _request: [("few", _("Few"))], _with_few_codes, quiet=True),
        ],
        owned=True,
        busy=services.is_busy,
        duplicate=lambda reward, actor: services.duplicate_reward(reward=reward, actor=actor),
        top_actions=[
            TopAction(
                _("New reward"),
                "plus",
                lambda: reverse("reward_new"),
                "loyalty.add_reward",
                allowed=lambda: Program.objects.default() is not None,
            )
        ],
        empty=Empty(
            "gift",
            _("No rewards yet"),
            _("Members redeem points for rewards: a coupon, a gift by post, an e-voucher, a privilege, a donation."),
            _("Marketers make them."),
        ),
    )
)
