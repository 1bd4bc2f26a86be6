"""Models of analytics, collected for Django."""

from analytics.features.models import (
    ChangedCustomer,
    ComputationState,
    CustomerFeature,
    RfmModel,
    ScoringVersion,
    Stage,
)
from analytics.segments.models import (
    CustomerSegments,
    ListRefusal,
    ListUpload,
    Segment,
    SegmentDay,
    SegmentKind,
    SegmentLeaving,
    SegmentMembership,
    SegmentState,
)

__all__ = [
    "ChangedCustomer",
    "ComputationState",
    "CustomerFeature",
    "CustomerSegments",
    "ListRefusal",
    "ListUpload",
    "RfmModel",
    "ScoringVersion",
    "Segment",
    "SegmentDay",
    "SegmentKind",
    "SegmentLeaving",
    "SegmentMembership",
    "SegmentState",
    "Stage",
]
