"""Check that templates fit experiments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from campaigns.coupons.models import Coupon
from campaigns.experiments.models import Experiment
from campaigns.templates.models import Template
from campaigns.templates.services.uses import CouponPresence, TemplateProblem, TextsOf, problems


def campaign_problems(
    template: Template,
    coupon: Coupon | None,
    experiment: Experiment | None,
    brings: Sequence[str],
    texts_of: TextsOf,
) -> Iterator[TemplateProblem]:
    """Check the campaign's own template and coupon, or each arm's. An arm without its own uses the campaign's."""
    pairs = [(template, coupon)]
    if experiment is not None:
        arms = experiment.arms.select_related("template", "coupon")
        pairs = [(arm.template or template, arm.coupon or coupon) for arm in arms]
    offered = any(own is not None for _template, own in pairs)
    for text, own in pairs:
        yield from problems(
            texts_of(text), given=CouponPresence.YES if own else CouponPresence.NO, brings=brings, offered=offered
        )
