from campaigns.models.broadcasts import Broadcast, BroadcastState
from campaigns.models.calendar import ShopDay
from campaigns.models.channel_accounts import ChannelAccount
from campaigns.models.coupons import CodeMode, Coupon, CouponCode, CouponTally, CouponUse, DiscountKind, UseState
from campaigns.models.experiments import (
    Experiment,
    ExperimentArm,
    ExperimentMetric,
    ExperimentScope,
    ExperimentState,
    Exposure,
)
from campaigns.models.journeys import (
    EndReason,
    Journey,
    JourneyRun,
    JourneyState,
    JourneyStepCount,
    JourneyStepRecord,
    JourneyVersion,
    RunState,
)
from campaigns.models.messages import (
    CareRule,
    CareState,
    CareTrigger,
    Message,
    MessageClass,
    MessageState,
    SendingPolicy,
    Suppression,
    Template,
    TemplateText,
)
from campaigns.models.tracking import LinkClick

__all__ = [
    "Broadcast",
    "BroadcastState",
    "CareRule",
    "CareState",
    "CareTrigger",
    "ChannelAccount",
    "CodeMode",
    "Coupon",
    "CouponCode",
    "CouponTally",
    "CouponUse",
    "DiscountKind",
    "EndReason",
    "Experiment",
    "ExperimentArm",
    "ExperimentMetric",
    "ExperimentScope",
    "ExperimentState",
    "Exposure",
    "Journey",
    "JourneyRun",
    "JourneyState",
    "JourneyStepCount",
    "JourneyStepRecord",
    "JourneyVersion",
    "LinkClick",
    "Message",
    "MessageClass",
    "MessageState",
    "RunState",
    "SendingPolicy",
    "ShopDay",
    "Suppression",
    "Template",
    "TemplateText",
    "UseState",
]
