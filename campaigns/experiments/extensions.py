"""Registrations of experiments."""

import campaigns.experiments.console.listing
import campaigns.experiments.events  # noqa: F401
from core.audit.log import BY_NAME, LOGGED, OBJECTS, by_route
from core.base.facts import FACTS, count_of
from core.security.roles import Role, grant

grant("campaigns.view_experiment", to=[Role.MARKETER, Role.ANALYST])
grant("campaigns.add_experiment", "campaigns.change_experiment", to=[Role.MARKETER])
OBJECTS.register("campaigns.experiment", by_route("experiment"))
LOGGED.register("campaigns.experiment_started", BY_NAME)
LOGGED.register("campaigns.experiment_ended", BY_NAME)
FACTS.register("experiments", count_of("SELECT count(*) FROM campaigns_experiment WHERE state <> 'draft'"))
