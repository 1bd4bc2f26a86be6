from tests.loyalty.rewards import make_member, make_reward, member  # noqa: F401
