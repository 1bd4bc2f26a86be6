"""Texts of journeys that several modules show."""

from __future__ import annotations

from django.utils.functional import Promise

from campaigns.journeys.models import EndReason, JourneyState, RunState

STATES: dict[str, str | Promise] = dict(JourneyState.choices)
RUN_STATES: dict[str, str | Promise] = dict(RunState.choices)
END_REASONS: dict[str, str | Promise] = dict(EndReason.choices)
RUN_TONES = {"active": "info", "held_out": "off", "ended": "good"}
