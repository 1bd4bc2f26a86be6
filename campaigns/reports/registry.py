"""Registry of opportunities: groups of customers that deserve a campaign now, each with a rule and a sentence.

OPPORTUNITIES.register("at_risk", AtRisk())        # one file in campaigns/reports/kinds, one line in extensions.py
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.functional import Promise

from analytics.conditions.rules.trees import Node
from core.base.registry import Registry


class Opportunity:
    """Define an opportunity.

    `label` names its segment and broadcast. `value` is SQL over a feature row `f`, summed over the customers.
    `template_words` are parts of the names of templates that fit; without one the newest template is offered.
    """

    label: str | Promise
    value: str = "0"
    template_words: Sequence[str] = ()
    icon: str = "bulb"

    def rule(self) -> Node:
        """Return the rule of the segment."""
        raise NotImplementedError

    def sentence(self, count: int, value: int, currency: str) -> str:
        """Say in one sentence how many customers there are and why they matter."""
        raise NotImplementedError


OPPORTUNITIES: Registry[Opportunity] = Registry("opportunity")
