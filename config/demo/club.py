"""The members' club of the demo shop: tiers at plausible spends, rewards with redemptions, tasks and badges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from config.demo.pictures import reward_picture
from config.demo.world import World
from core.base.actor import SYSTEM, Actor, of_user
from core.base.errors import DomainError
from core.security.models import User
from crm.simulation.services.history import Purchase
from loyalty.growth.services.badges import create_badge
from loyalty.growth.services.leaderboard import set_leaderboard_name
from loyalty.growth.services.tasks import Level, create_task
from loyalty.ledger.models import Account
from loyalty.ledger.services.redemption import redeem_points
from loyalty.program.models import Member, Program
from loyalty.rewards.models import Reward, RewardRedemption
from loyalty.rewards.services.codes import upload_reward_codes
from loyalty.rewards.services.redemptions import cancel_redemption, redeem_reward, ship_redemption
from loyalty.rewards.services.rewards import create_reward
from loyalty.tiers.models import Tier
from loyalty.tiers.services.setup import update_tier

# Share of members who reach each tier by their spend of a year, from the lowest tier.
TIER_SHARES = (0.40, 0.25, 0.10, 0.03)
LEADERBOARD = {
    "zh": ("山茶花", "早安拿铁", "小熊不加糖", "手冲阿明", "深烘爱好者", "猫与咖啡", "慢慢喝",
           "半糖主义", "豆子先生", "茶味人间"),
    "en": ("Bean hunter", "Slow drip", "Fox", "Mocha", "Camellia", "Oat flat white", "Decaf Dan",
           "Crema", "Teapot", "Kettle"),
}  # fmt: skip
# (code, kind, English, Chinese, points, share of the redemptions, stock)
REWARDS = (
    ("coupon10", "coupon", "¥10 coupon", "10 元优惠券", 200, 0.3, None),
    ("drip-bags", "gift", "Drip bags, 5 pieces", "挂耳咖啡 5 包", 380, 0.18, 400),
    ("mug", "gift", "Camellia mug", "山茶马克杯", 880, 0.1, 150),
    ("cinema", "voucher", "Cinema ticket", "电影票兑换码", 600, 0.1, None),
    ("tasting", "privilege", "Tasting for two", "双人品鉴会", 500, 0.1, 60),
    ("engraving", "privilege", "Free engraving", "免费刻字", 260, 0.1, None),
    ("school", "donation", "Books for a village school", "捐赠乡村图书角", 100, 0.07, None),
    ("grinder", "gift", "Hand grinder", "手摇磨豆机", 2600, 0.05, 20),
)
REDEEM_SHARE = 0.01
POINTS_SHARE = 0.06
VOUCHERS = 120
TASK_DAYS = 34


def set_thresholds(program: Program, purchases: Sequence[Purchase]) -> dict[str, int]:
    """Set the thresholds of the tiers, so that the stated shares of members reach them. Return {tier: minor units}."""
    latest = purchases[-1].at if purchases else None
    spent: dict[int, int] = defaultdict(int)
    for purchase in purchases:
        inside = latest and purchase.at > latest - timedelta(days=program.tier_window_days)
        spent[purchase.owner] += purchase.subtotal - purchase.discount if inside else 0
    amounts = sorted(spent.values(), reverse=True) or [0]
    thresholds, least = {}, 0
    for tier, share in zip(Tier.objects.filter(program=program).order_by("rank"), TIER_SHARES, strict=True):
        exact = amounts[min(len(amounts) - 1, int(share * len(amounts)))]
        step = 50_00 if exact < 500_00 else 100_00
        least = max(least + step, round(exact / step) * step)
        update_tier(tier=tier, threshold=least, actor=SYSTEM)
        thresholds[tier.code] = least
    return thresholds


class Club:
    """Plan the rewards and tasks of the history, and let members spend points."""

    def __init__(self, world: World, *, coupon_id: int) -> None:
        self.world, self.coupon_id = world, coupon_id
        self.rewards: dict[str, Reward] = {}

    def plan(self) -> None:
        """Create the rewards, and plan the redemptions of each half month and the tasks of the last weeks."""
        world = self.world
        self._create_rewards()
        at, number = world.history.first_day + timedelta(days=45), 0
        while at < world.end:
            world.agenda.add(at, lambda number=number: self.redeem(number))
            at, number = at + timedelta(days=10), number + 1
        world.agenda.add(world.end - timedelta(days=3), lambda: self.redeem(-1))
        world.agenda.add(world.end - timedelta(hours=5), lambda: self.redeem(-2))
        world.agenda.add(world.before_end(TASK_DAYS), self._create_tasks)
        world.truth["redeem_share_every_ten_days"] = REDEEM_SHARE

    def spend_points(self, order_ids: dict[int, str]) -> int:
        """Let some buyers pay a part with points. `order_ids`: {customer: number of the order}. Return how many."""
        chosen = {pk: number for pk, number in order_ids.items() if self.world.chance("points", number) < POINTS_SHARE}
        accounts = Account.objects.filter(
            member__customer_id__in=chosen, point_type__spendable=True, available__gte=200
        ).select_related("member__program")
        for account in accounts.order_by("pk"):
            number = chosen[account.member.customer_id]
            points = 100 * (1 + int(self.world.chance("how many", number) * (account.available // 100 - 1)))
            redeem_points(account=account, points=points, key=f"demo-{number}", actor=SYSTEM, reference=number)
        return len(chosen)

    def redeem(self, number: int) -> None:
        """Let some members redeem a reward that they can pay."""
        world = self.world
        payable = Account.objects.filter(available__gte=100, point_type__spendable=True, member__state="active")
        drawn = [
            pk
            for pk in payable.order_by("pk").values_list("pk", flat=True)
            if world.chance("redeem", pk, number) < REDEEM_SHARE
        ]
        accounts = Account.objects.filter(pk__in=drawn).select_related("member__program", "member__customer")
        for account in accounts.order_by("pk"):
            key = (account.pk, number)
            reward = self._choose(account.available, world.chance("which", *key))
            if reward is not None:
                self._redeem(account.member, reward, key)

    def _choose(self, available: int, chance: float) -> Reward | None:
        payable = [row for row in REWARDS if row[4] <= available]
        rest = chance * sum(row[5] for row in payable)
        for row in payable:
            rest -= row[5]
            if rest < 0:
                return self.rewards[row[0]]
        return None

    def _redeem(self, member: Member, reward: Reward, key: tuple[int, int]) -> None:
        world = self.world
        address = {"name": member.customer.name, "phone": "19000000000", "country": "CN", "region": "上海市",
                   "city": "上海市", "line": "示例路 1 号", "postcode": "200000"}  # fmt: skip
        try:
            answer = redeem_reward(
                member=member,
                reward=reward,
                key=f"demo-{key[0]}-{key[1]}",
                actor=Actor("member", member.customer_id),
                address=address if reward.kind == "gift" else None,
            )
        except DomainError:
            # Out of stock, or the member's limit is reached: the member keeps the points.
            return
        after = world.clock.now + timedelta(days=1 + 2 * world.chance("sent after", *key))
        fate = world.chance("fate", *key)
        if reward.kind == "gift" and fate < 0.85:
            world.agenda.add(after, lambda: self._ship(answer["redemption"], key))
        elif (reward.kind == "gift" and fate < 0.93) or (reward.kind in {"coupon", "privilege"} and fate < 0.08):
            world.agenda.add(after, lambda: self._cancel(answer["redemption"]))

    def _ship(self, redemption: str, key: tuple[int, int]) -> None:
        row = RewardRedemption.objects.get(pk=redemption)
        ship_redemption(redemption=row, tracking=f"SF{1_000_000 + key[0] * 100 + key[1]}", actor=_staff())

    def _cancel(self, redemption: str) -> None:
        reason = self.world.say("The member changed their mind", "会员改变主意")
        try:
            cancel_redemption(redemption=RewardRedemption.objects.get(pk=redemption), actor=_staff(), reason=reason)
        except DomainError:
            # The coupon has been used by now, so it stays redeemed.
            return

    def _create_rewards(self) -> None:
        world = self.world
        how = world.say("Show this to our staff.", "向店员出示即可。")
        settings = {
            "coupon": {"coupon": str(self.coupon_id)},
            "privilege": {"how": how},
            "donation": {"cause": world.say("Village libraries", "乡村图书角")},
        }
        for position, (code, kind, name, name_zh, points, _share, stock) in enumerate(REWARDS):
            self.rewards[code] = create_reward(
                program=world.program, kind=kind, name=name, name_zh=name_zh, points=points, code=code, stock=stock,
                description=f"{name}, for {points} points.", description_zh=f"{points} 积分兑换{name_zh}。",
                settings=settings.get(kind, {}), position=position, picture=reward_picture(code), actor=SYSTEM,
            )  # fmt: skip
        codes = "\n".join(f"CINEMA-{number:05d}" for number in range(VOUCHERS))
        upload_reward_codes(reward=self.rewards["cinema"], content=codes.encode(), actor=SYSTEM)

    def _create_tasks(self) -> None:
        """Create three tasks and three badges, and put some members on the leaderboard."""
        program, world = self.world.program, self.world
        regular, gourmet, explorer = (
            create_badge(
                program=program, code=code, name=name, name_zh=name_zh, description=text, description_zh=text_zh,
                icon=icon, actor=SYSTEM,
            )
            for code, name, name_zh, text, text_zh, icon in (
                ("regular", "Regular", "常客", "Ordered three times in a month", "一个月内下单三次", "heart"),
                ("gourmet", "Gourmet", "品味家", "Spent ¥500 in a season", "一个赛季消费满 500 元", "crown"),
                ("explorer", "Explorer", "探店达人", "Looked around on three days in a row", "连续三天来逛", "rocket"),
            )
        )  # fmt: skip
        starts_at = world.clock.now
        create_task(
            program=program, code="monthly-orders", name="Orders of the month", name_zh="每月下单", icon="shopping-bag",
            description="Order twice or three times in a month.", description_zh="一个月内下单两次、三次，逐级有奖。",
            trigger="order", period="month", starts_at=starts_at, position=1, actor=SYSTEM,
            levels=[Level(1, growth=5), Level(2, points=50, growth=10), Level(3, points=100, growth=20, badge=regular)],
        )  # fmt: skip
        create_task(
            program=program, code="tasting", name="Season's tasting", name_zh="时令品鉴", icon="crown",
            season=world.say("This season", "本季"), description="Spend ¥200 or ¥500 before the season ends.",
            description_zh="赛季结束前消费满 200 元、500 元。", trigger="order", measure="amount", starts_at=starts_at,
            ends_at=starts_at + timedelta(days=60), position=2, actor=SYSTEM,
            levels=[Level(200_00, points=50, growth=20), Level(500_00, points=200, growth=60, badge=gourmet)],
        )  # fmt: skip
        create_task(
            program=program, code="come-by", name="Come by three days in a row", name_zh="连续三天来逛",
            icon="calendar-event", description="Look at our coffee on three days in a row.",
            description_zh="连续三天来看看我们的咖啡。", trigger="activity", event_kind="view", measure="days",
            starts_at=starts_at, position=3, actor=SYSTEM,
            levels=[Level(2, points=5), Level(3, points=10, growth=5, badge=explorer)],
        )  # fmt: skip
        leaders = Member.objects.filter(program=program).select_related("program").order_by("-qualifying", "pk")
        for member, name in zip(leaders, LEADERBOARD[world.language[:2]], strict=False):
            set_leaderboard_name(member=member, name=name, actor=SYSTEM)


def _staff() -> Actor:
    lead = User.objects.filter(username="lead").first()
    return of_user(lead) if lead else SYSTEM
