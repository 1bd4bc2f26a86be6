"""Labels of RFM groups, and reasons of refused lines."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.customers.services.identities import REASONS

RFM_GROUPS = {
    "champion": _("Champions"),
    "loyal": _("Loyal"),
    "potential": _("Potential loyalists"),
    "recent": _("Recent"),
    "promising": _("Promising"),
    "need_attention": _("Need attention"),
    "about_to_sleep": _("About to sleep"),
    "at_risk": _("Slipping away"),
    "cant_lose": _("Can't lose them"),
    "hibernating": _("Hibernating"),
    "lost": _("Long gone"),
}
# Reasons why a line of a file identifies no customer.
LINE_REASONS: dict[str, str | Promise] = {**REASONS, "unknown_customer": _("There is no such customer.")}
