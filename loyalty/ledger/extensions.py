"""Registrations of the points ledger."""

from __future__ import annotations

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

import loyalty.ledger.events
import loyalty.ledger.webhooks  # noqa: F401
from core.audit.log import LOGGED, OBJECTS, AuditedObject, Logged
from core.base.facts import FACTS
from core.health import checks as health
from core.notices.registry import NOTICES, NoticeKind
from core.security.roles import Role, grant
from core.security.scopes import SCOPES
from loyalty.ledger import labels
from loyalty.ledger.models import Reconciliation
from loyalty.ledger.selectors import allowances
from loyalty.ledger.services.reconciliation import find_differences, ledger_differences


def _points() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(available), 0)::bigint, coalesce(sum(pending), 0)::bigint,
                      coalesce(sum(held), 0)::bigint, coalesce(sum(debt), 0)::bigint
               FROM loyalty_account a JOIN loyalty_pointtype t ON t.id = a.point_type_id WHERE t.spendable"""
        )
        return dict(zip(("available", "pending", "held", "debt"), cursor.fetchone(), strict=True))


def _ledger() -> dict:
    """Prove the ledger again at each call, because a stored "yes" would be a claim, not a fact."""
    accounts, rows, _shown = find_differences()
    return {"reconciles": rows == 0, "accounts": accounts, "differ": rows}


def _reconciled() -> tuple[bool, str]:
    last = Reconciliation.objects.order_by("-ran_at").first()
    if last is None:
        return True, _t("never ran yet")
    values = {"count": last.difference_count, "accounts": last.account_count, "time": f"{last.ran_at:%F %R}"}
    return last.difference_count == 0, _t("%(count)s of %(accounts)s accounts differ, %(time)s") % values


FACTS.register("points", _points)
FACTS.register("ledger", _ledger)
SCOPES.register("points:redeem", _("Hold and spend points"))
health.register("ledger", _reconciled)
health.PROOFS.register("ledger", ledger_differences)
NOTICES.register(
    "loyalty.adjustment_asked", NoticeKind("checks", labels.asked, lambda _payload: reverse("loyalty_approvals"))
)
NOTICES.register("loyalty.adjustment_decided", NoticeKind("checks", labels.decided, labels.customer_url))
NOTICES.register("loyalty.adjustment_reversed", NoticeKind("arrow-back-up", labels.reversed_, labels.customer_url))
OBJECTS.register(
    "loyalty.givinglimit",
    AuditedObject(label=lambda row: allowances.role_label(row["role"]), url=lambda _row: reverse("giving_limits")),
)
LOGGED.register("loyalty.points_adjusted", Logged())
grant("loyalty.adjust_points", to=[Role.AGENT, Role.LEAD])
grant("loyalty.approve_adjustment", to=[Role.LEAD])
grant("loyalty.view_givinglimit", "loyalty.change_givinglimit", to=[])
grant("loyalty.add_reconciliation", to=[])
