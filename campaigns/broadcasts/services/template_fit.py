"""Check that templates fit broadcasts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.experiments.services.template_fit import campaign_problems
from campaigns.templates.models import Template
from campaigns.templates.services.uses import TextsOf, refuse_problems, saved_texts
from core.base.errors import Conflict


def check_broadcast(broadcast: Broadcast, texts_of: TextsOf = saved_texts) -> None:
    """Raise Invalid `coupon_not_shown`, `coupon_missing`, `field_not_brought` or `unknown_field`."""
    refuse_problems(campaign_problems(broadcast.template, broadcast.coupon, broadcast.experiment, (), texts_of))


def check_transactional(template: Template) -> None:
    """Raise Conflict `used_by_broadcast`: a broadcast that has not ended sends marketing only."""
    ended = (BroadcastState.DONE, BroadcastState.STOPPED)
    if template.broadcasts.exclude(state__in=ended).exists():
        raise Conflict(
            _("A broadcast uses this template, so it must stay marketing."),
            code="used_by_broadcast",
            field="message_class",
        )
