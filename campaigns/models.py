"""Models of campaigns, collected for Django."""

from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.calendar.models import CalendarSettings, ShopDay
from campaigns.care.models import CareRule, CareState, CareTrigger
from campaigns.channels.models import ChannelAccount
from campaigns.coupons.models import (
    CodeMode,
    Coupon,
    CouponBudget,
    CouponCode,
    CouponTally,
    CouponUse,
    DiscountKind,
    UseState,
)
from campaigns.designs.models import DesignPicture, SavedBlock
from campaigns.experiments.models import (
    SHARE_METRICS,
    Experiment,
    ExperimentArm,
    ExperimentMetric,
    ExperimentScope,
    ExperimentState,
    Exposure,
)
from campaigns.journeys.models import (
    EndReason,
    Journey,
    JourneyRun,
    JourneyState,
    JourneyStepCount,
    JourneyStepRecord,
    JourneyVersion,
    RunState,
)
from campaigns.messages.models import DomainDay, LinkClick, Message, MessageState, SendingPolicy, Suppression
from campaigns.templates.models import MessageClass, Template, TemplateDesign, TemplateDraft, TemplateText, TestAddress

__all__ = [
    "SHARE_METRICS",
    "Broadcast",
    "BroadcastState",
    "CalendarSettings",
    "CareRule",
    "CareState",
    "CareTrigger",
    "ChannelAccount",
    "CodeMode",
    "Coupon",
    "CouponBudget",
    "CouponCode",
    "CouponTally",
    "CouponUse",
    "DesignPicture",
    "DiscountKind",
    "DomainDay",
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
    "SavedBlock",
    "SendingPolicy",
    "ShopDay",
    "Suppression",
    "Template",
    "TemplateDesign",
    "TemplateDraft",
    "TemplateText",
    "TestAddress",
    "UseState",
]
