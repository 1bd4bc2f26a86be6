from tests.loyalty.earning.samples import make_rule, only  # noqa: F401
from tests.loyalty.growth.samples import make_badge, make_old_member, make_task  # noqa: F401
from tests.loyalty.rewards.samples import make_member, make_reward, member  # noqa: F401
