"""Registrations of transactional messages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import campaigns.transactional.handlers  # noqa: F401
from campaigns.transactional.selectors import states_of
from core.security.scopes import SCOPES
from crm.desk.registry import DELIVERIES

DELIVERIES.register("messages", states_of)
SCOPES.register("messages:send", _("Send transactional messages to customers"))
