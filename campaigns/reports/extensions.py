"""Registrations of the reports on campaigns."""

from django.utils.translation import gettext_lazy as _

import campaigns.reports.console.columns
import campaigns.reports.console.home
import campaigns.reports.console.moments
import campaigns.reports.console.panels
import campaigns.reports.console.shell  # noqa: F401
from campaigns.reports.kinds.at_risk import AtRisk
from campaigns.reports.kinds.birthdays import Birthdays
from campaigns.reports.kinds.expiring_points import ExpiringPoints
from campaigns.reports.kinds.near_tier import NearTier
from campaigns.reports.kinds.second_order import SecondOrder
from campaigns.reports.registry import OPPORTUNITIES
from core.jobs.labels import name_work
from core.security.scopes import SCOPES

name_work({
    "campaigns.ask_satisfaction": _("Ask customers how satisfied they are"),
    "campaigns.send_replies": _("Send replies on tickets"),
    "campaigns.journeys": _("Let customers enter journeys"),
    "campaigns.care_for_orders": _("Apply care rules to orders"),
    "campaigns.care_for_import": _("Apply care rules to imported orders"),
    "campaigns.care_for_entering": _("Apply care rules to customers who enter a segment"),
    "campaigns.mark_suppressed": _("Stop messages to blocked addresses"),
    "campaigns.give_back_coupons": _("Give back coupons of returned orders"),
    "campaigns.give_back_coupons_of_imports": _("Give back coupons of imported returns"),
    "campaigns.issue_to_segment": _("Give coupons to a segment"),
    "campaigns.generate_codes": _("Generate coupon codes"),
    "campaigns.end_stopped_journeys": _("End the runs of stopped journeys"),
    "campaigns.enter_journeys": _("Let customers enter journeys by date or timetable"),
    "campaigns.advance_journeys": _("Move customers on in journeys"),
    "campaigns.reconcile_messages": _("Ask providers about uncertain messages"),
    "campaigns.sweep_reservations": _("Release coupon reservations that ran out"),
    "campaigns.run_broadcasts": _("Start and finish broadcasts"),
    "campaigns.run_care_rules": _("Apply care rules"),
})  # fmt: skip
OPPORTUNITIES.register("at_risk", AtRisk())
OPPORTUNITIES.register("second_order", SecondOrder())
OPPORTUNITIES.register("near_tier", NearTier())
OPPORTUNITIES.register("expiring_points", ExpiringPoints())
OPPORTUNITIES.register("birthdays", Birthdays())
SCOPES.register("calendar:read", _("Read the marketing calendar"))
