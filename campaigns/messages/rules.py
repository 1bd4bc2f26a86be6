"""Verdicts and reasons of the gate (J1): whether a message may be sent now.

`campaigns.messages.services.gate` decides a batch in one statement. `tests/reference/gate.py` decides the same on plain
values; a test runs both over random inputs.
"""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The verdict of the gate about one message."""

    SEND = "send"
    HOLD = "hold"
    SUPPRESS = "suppress"


class GateReason(StrEnum):
    """Reasons against sending, in the order in which they are checked."""

    CUSTOMER_NOT_ACTIVE = "customer_not_active"
    DUPLICATE = "duplicate"
    HOLDOUT = "holdout"
    RULE_PAUSED = "rule_paused"
    STOPPED = "stopped"
    LEFT_SEGMENT = "left_segment"
    STALE = "stale"
    NO_ADDRESS = "no_address"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    QUIET_HOURS = "quiet_hours"
    CAP_DAY = "cap_day"
    CAP_WEEK = "cap_week"
    CAP_PURPOSE_DAY = "cap_purpose_day"
    CAP_PURPOSE_WEEK = "cap_purpose_week"
