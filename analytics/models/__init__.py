from analytics.models.features import ChangedCustomer, ComputationState, CustomerFeature, RfmModel, Stage, StagePeriod
from analytics.models.segments import Segment, SegmentDay, SegmentKind, SegmentMembership, SegmentState
from analytics.models.uploads import ListRefusal, ListUpload

__all__ = [
    "ChangedCustomer",
    "ComputationState",
    "CustomerFeature",
    "ListRefusal",
    "ListUpload",
    "RfmModel",
    "Segment",
    "SegmentDay",
    "SegmentKind",
    "SegmentMembership",
    "SegmentState",
    "Stage",
    "StagePeriod",
]
