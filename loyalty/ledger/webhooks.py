"""Events of loyalty for the merchant's own systems. Points are whole numbers, negative when they were taken."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.webhooks.registry import publish
from crm.customers.webhooks import about_customer, picking
from loyalty.ledger import events as kinds
from loyalty.program import events as program_events

_OF_ORDER = about_customer(picking("points", order="reference"))
_SPENT = about_customer(picking("points", "reference"))
publish("member.enrolled", program_events.MEMBER_ENROLLED, _("Became a member"), about_customer())
publish("member.suspended", program_events.MEMBER_SUSPENDED, _("Member suspended"), about_customer(picking("reason")))
publish("member.resumed", program_events.MEMBER_RESUMED, _("Member resumed"), about_customer())
publish("points.earned", kinds.POINTS_EARNED, _("Points earned"), _OF_ORDER)
publish("points.held", kinds.POINTS_HELD, _("Points held"), _SPENT)
publish("points.redeemed", kinds.POINTS_REDEEMED, _("Points spent"), _SPENT)
publish("points.released", kinds.HOLD_RELEASED, _("Hold released"), _SPENT)
publish("points.returned", kinds.POINTS_RETURNED, _("Points given back"), _SPENT)
publish("points.taken_back", kinds.POINTS_TAKEN_BACK, _("Points taken back"), _OF_ORDER)
publish(
    "points.adjusted",
    kinds.POINTS_ADJUSTED,
    _("Points adjusted"),
    about_customer(picking("points", "reason", "reference")),
)
publish("points.expired", kinds.POINTS_EXPIRED, _("Points expired"), about_customer(picking("points")))
publish(
    "points.expiring",
    kinds.POINTS_EXPIRING,
    _("Points about to expire"),
    about_customer(picking("points", last_day="on")),
)
publish(
    "points.transferred",
    kinds.POINTS_SENT,
    _("Points given to another member"),
    about_customer(picking("points", to="other")),
)
