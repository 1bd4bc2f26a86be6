from analytics.models.features import ChangedCustomer, ComputationState, CustomerFeature, RfmModel, Stage, StagePeriod
from analytics.models.segments import Segment, SegmentKind, SegmentMembership, SegmentSize, SegmentState

__all__ = [
    "ChangedCustomer",
    "ComputationState",
    "CustomerFeature",
    "RfmModel",
    "Segment",
    "SegmentKind",
    "SegmentMembership",
    "SegmentSize",
    "SegmentState",
    "Stage",
    "StagePeriod",
]
