"""Models of core, collected for Django."""

from core.console.models import KeptFigure, SavedView
from core.db.models import IdempotencyRecord
from core.events.models import DomainEvent, EventDelivery
from core.jobs.models import Job, JobState
from core.lists.models import ListColumns
from core.notices.models import Notice
from core.security.models import ApiKey, Theme, User
from core.sending.models import HoldCause, SendingHold
from core.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookState

__all__ = [
    "ApiKey",
    "DomainEvent",
    "EventDelivery",
    "HoldCause",
    "IdempotencyRecord",
    "Job",
    "JobState",
    "KeptFigure",
    "ListColumns",
    "Notice",
    "SavedView",
    "SendingHold",
    "Theme",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookState",
]
