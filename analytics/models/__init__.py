from analytics.models.features import ChangedCustomer, ComputationState, CustomerFeature, RfmModel, Stage
from analytics.models.segments import (
    CustomerSegments,
    Segment,
    SegmentDay,
    SegmentKind,
    SegmentLeaving,
    SegmentMembership,
    SegmentState,
)
from analytics.models.uploads import ListRefusal, ListUpload

__all__ = [
    "ChangedCustomer",
    "ComputationState",
    "CustomerFeature",
    "CustomerSegments",
    "ListRefusal",
    "ListUpload",
    "RfmModel",
    "Segment",
    "SegmentDay",
    "SegmentKind",
    "SegmentLeaving",
    "SegmentMembership",
    "SegmentState",
    "Stage",
]
