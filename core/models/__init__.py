from core.models.accounts import Theme, User
from core.models.api_keys import ApiKey
from core.models.events import DomainEvent, EventDelivery
from core.models.idempotency import IdempotencyRecord
from core.models.jobs import Job, JobState
from core.models.notices import Notice
from core.models.sending import HoldCause, SendingHold
from core.models.views import SavedView
from core.models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookState

__all__ = [
    "ApiKey",
    "DomainEvent",
    "EventDelivery",
    "HoldCause",
    "IdempotencyRecord",
    "Job",
    "JobState",
    "Notice",
    "SavedView",
    "SendingHold",
    "Theme",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookState",
]
