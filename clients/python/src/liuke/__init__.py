"""Client of the Liuke API.

with Liuke("https://crm.example.com", "lk_…") as liuke:
    liuke.points.redeem("10000001", 500, reference="A-1001", key="redeem:A-1001")
"""

from liuke.client import Liuke
from liuke.errors import (
    ApiError,
    Conflict,
    CouponRefused,
    Forbidden,
    HoldEnded,
    IdempotencyKeyReused,
    InsufficientPoints,
    Invalid,
    LiukeError,
    NotFound,
    NotReached,
    Refused,
    ServerError,
    TooManyRequests,
    Unauthorized,
)
from liuke.webhooks import Event, WebhookInvalid, verify

__all__ = [
    "ApiError",
    "Conflict",
    "CouponRefused",
    "Event",
    "Forbidden",
    "HoldEnded",
    "IdempotencyKeyReused",
    "InsufficientPoints",
    "Invalid",
    "Liuke",
    "LiukeError",
    "NotFound",
    "NotReached",
    "Refused",
    "ServerError",
    "TooManyRequests",
    "Unauthorized",
    "WebhookInvalid",
    "verify",
]
