"""Check the attribution window: for how many days after a message an order counts for its campaign."""

from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid

MOST_DAYS = 90


def check_attribution(days: int) -> None:
    """Check the number of days in which orders count. Raises Invalid `out_of_range`."""
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(_("Orders count for 1 to 90 days."), code="out_of_range", field="attribution_days")
