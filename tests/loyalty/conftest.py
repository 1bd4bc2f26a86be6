from tests.loyalty.earning import make_rule, only  # noqa: F401
from tests.loyalty.growing import make_badge, make_old_member, make_task  # noqa: F401
from tests.loyalty.rewards import make_member, make_reward, member  # noqa: F401
