from analytics.models.features import ChangedCustomer, ComputationState, CustomerFeature, RfmModel, Stage, StagePeriod
from analytics.models.segments import Segment, SegmentDay, SegmentKind, SegmentMembership, SegmentState

__all__ = [
    "ChangedCustomer",
    "ComputationState",
    "CustomerFeature",
    "RfmModel",
    "Segment",
    "SegmentDay",
    "SegmentKind",
    "SegmentMembership",
    "SegmentState",
    "Stage",
    "StagePeriod",
]
