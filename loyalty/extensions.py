"""Registrations of loyalty with the other apps: facts, scopes, roles, health checks, kinds and triggers."""

from __future__ import annotations

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core import crypto, health
from core.audit_log import LOGGED, OBJECTS, AuditedObject, Logged
from core.facts import FACTS
from core.notices import NOTICES, NoticeKind
from core.roles import Role, grant
from core.rotation import ENCRYPTED, EncryptedColumn
from core.scopes import SCOPES
from core.services.jobs import WORK
from crm import events as crm_events
from crm.import_kinds import ImportType, register_import
from crm.priorities import PRIORITIES
from loyalty import conditions, events, giving, giving_words, happenings, listening, panels, webhooks  # noqa: F401
from loyalty.benefit_kinds import (
    BirthdayPoints,
    ExclusiveProducts,
    ExclusiveRewards,
    FreeShipping,
    Multiplier,
    PriorityService,
    ticket_priority,
)
from loyalty.benefits import BENEFITS
from loyalty.console import earning_shell, growth_shell, rewards_shell, shell, tiers_shell  # noqa: F401
from loyalty.fulfilment import FULFILMENTS
from loyalty.models import BenefitGrant, GrantState, Reconciliation, TierBenefit
from loyalty.reward_kinds import Donation, Gift, Privilege, Voucher
from loyalty.services import earning_dry_runs, opening_balances, tier_proof
from loyalty.services.reward_codes import INDEX_CONTEXT
from loyalty.triggers import TRIGGERS, Trigger


def _tiers() -> dict[str, int]:
    """Return the members per tier of the default program, lowest first; `none` is below the first tier."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(t.code, 'none'), count(*) FROM loyalty_member m
               JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
               LEFT JOIN loyalty_tier t ON t.id = m.tier_id WHERE m.state = 'active'
               GROUP BY t.code, t.rank ORDER BY coalesce(t.rank, 0)"""
        )
        return dict(cursor.fetchall())


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
    from loyalty.services.reconciliation import find_differences

    accounts, rows, _shown = find_differences()
    return {"reconciles": rows == 0, "accounts": accounts, "differ": rows}


def _reconciled() -> tuple[bool, str]:
    last = Reconciliation.objects.order_by("-ran_at").first()
    if last is None:
        return True, "never ran yet"
    return (
        last.difference_count == 0,
        f"{last.difference_count} of {last.account_count} accounts differ, {last.ran_at:%F %R}",
    )


def _benefits() -> tuple[bool, str]:
    """Check for benefits that can't be given now and for grants to single members that were abandoned."""
    failing = TierBenefit.objects.filter(active=True).exclude(error="").count()
    grants = BenefitGrant.objects.exclude(state=GrantState.GIVEN).count()
    return not (failing or grants), f"{failing} failing, {grants} not given"


FACTS.register("members_per_tier", _tiers)
FACTS.register("points", _points)
FACTS.register("ledger", _ledger)
SCOPES.register("members:read", _("Read members, points and tiers"))
SCOPES.register("members:write", _("Enrol members, join tasks, set leaderboard names, record bought tiers"))
SCOPES.register("points:redeem", _("Hold and spend points"))
FULFILMENTS.register("gift", Gift())
FULFILMENTS.register("voucher", Voucher())
FULFILMENTS.register("privilege", Privilege())
FULFILMENTS.register("donation", Donation())
BENEFITS.register("multiplier", Multiplier())
BENEFITS.register("exclusive_rewards", ExclusiveRewards())
BENEFITS.register("points_birthday", BirthdayPoints())
BENEFITS.register("free_shipping", FreeShipping())
BENEFITS.register("exclusive_products", ExclusiveProducts())
BENEFITS.register("priority_service", PriorityService())
PRIORITIES.register("tier", ticket_priority)
for _column in ("address", "code"):
    ENCRYPTED.register(
        f"loyalty.rewardredemption.{_column}",
        EncryptedColumn("loyalty_rewardredemption", _column, f"loyalty.rewardredemption.{_column}"),
    )
ENCRYPTED.register(
    "loyalty.rewardcode",
    EncryptedColumn(
        "loyalty_rewardcode",
        "value",
        "loyalty.rewardcode.value",
        (),
        {"value_index": lambda value, row: crypto.blind_index(value, INDEX_CONTEXT)},
    ),
)
health.register("ledger", _reconciled)
health.register("tier_periods", tier_proof.check)
health.PROOFS.register("ledger", tier_proof.ledger_differences)
health.PROOFS.register("tier_periods", tier_proof.overlaps)
health.register("benefits", _benefits)
TRIGGERS.register("order", Trigger(_("Paid orders"), happenings.orders, "shopping-cart", money=True))
TRIGGERS.register("activity", Trigger(_("Activity"), happenings.activity, "activity", happenings.activity_kinds))
TRIGGERS.register("rating", Trigger(_("Rated answers"), happenings.rated_tickets, "star"))
TRIGGERS.register("profile", Trigger(_("Complete profile"), happenings.complete_profiles, "user-check", lasting=True))
TRIGGERS.register("referral", Trigger(_("First order of a referred friend"), happenings.referrals, "user-plus"))
conditions.register_all()

for _event, _trigger in (
    (crm_events.ORDER_PAID, "order"),
    (crm_events.ACTIVITY_RECEIVED, "activity"),
    (crm_events.TICKET_RATED, "rating"),
    (crm_events.CUSTOMER_CREATED, "profile"),
    (crm_events.CUSTOMER_UPDATED, "profile"),
    (crm_events.IDENTITY_ADDED, "profile"),
    (crm_events.IDENTITY_MOVED, "profile"),
    # A customer who becomes a member through an order was no member yet when the order's event was handled.
    (events.MEMBER_ENROLLED, listening.ANY),
):
    listening.hear(_event, _trigger)
listening.hear(crm_events.ORDERS_IMPORTED, "order", asked=happenings.buyers_of_imports)
listening.hear(crm_events.ORDER_PAID, "referral", asked=happenings.referrers)
listening.hear(crm_events.ORDERS_IMPORTED, "referral", asked=happenings.referrers_of_imports)

WORK.register(earning_dry_runs.KIND, earning_dry_runs.run_planned)
NOTICES.register(
    "loyalty.adjustment_asked", NoticeKind("checks", giving_words.asked, lambda _payload: reverse("loyalty_approvals"))
)
NOTICES.register("loyalty.adjustment_decided", NoticeKind("checks", giving_words.decided, giving_words.customer_url))
NOTICES.register(
    "loyalty.adjustment_reversed", NoticeKind("arrow-back-up", giving_words.reversed_, giving_words.customer_url)
)
OBJECTS.register(
    "loyalty.givinglimit",
    AuditedObject(label=lambda row: giving.role_label(row["role"]), url=lambda _row: reverse("giving_limits")),
)
LOGGED.register("loyalty.points_adjusted", Logged())
grant("loyalty.view_loyalty", "loyalty.view_member", to=[Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST])
grant("loyalty.adjust_points", "loyalty.add_member", to=[Role.AGENT, Role.LEAD])
grant("loyalty.approve_adjustment", "loyalty.suspend_member", to=[Role.LEAD])
grant("loyalty.view_givinglimit", "loyalty.change_givinglimit", to=[])
grant("loyalty.add_reconciliation", to=[])
grant(
    "loyalty.view_program", "loyalty.view_tier", "loyalty.view_earningrule", "loyalty.view_earningruleversion",
    "loyalty.change_program", "loyalty.change_tier", "loyalty.change_earningrule", "loyalty.add_tier",
    "loyalty.add_earningrule", "loyalty.add_earningruleversion",
    "loyalty.view_pointtype", "loyalty.add_pointtype", "loyalty.change_pointtype",
    to=[Role.MARKETER],
)  # fmt: skip

LOGGED.register("loyalty.member_suspended", Logged())
LOGGED.register("loyalty.member_resumed", Logged())
LOGGED.register("loyalty.tier_set", Logged())
LOGGED.register("loyalty.tier_released", Logged())
grant("loyalty.add_giventier", to=[Role.LEAD])
grant("loyalty.view_tierbenefit", "loyalty.view_benefitgrant", to=[Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST])
grant(
    "loyalty.add_tierbenefit", "loyalty.change_tierbenefit", "loyalty.change_benefitgrant", "loyalty.view_tierperiod",
    to=[Role.MARKETER],
)  # fmt: skip

EVERYONE = [Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST]
grant("loyalty.view_reward", "loyalty.view_rewardcategory", "loyalty.view_rewardredemption", to=EVERYONE)
grant("loyalty.handle_redemptions", to=[Role.AGENT, Role.LEAD])
grant(
    "loyalty.add_reward", "loyalty.change_reward", "loyalty.add_rewardcategory", "loyalty.change_rewardcategory",
    "loyalty.add_rewardcode",
    to=[Role.LEAD, Role.MARKETER],
)  # fmt: skip

grant("loyalty.view_task", "loyalty.view_badge", to=EVERYONE)
grant("loyalty.add_task", "loyalty.change_task", "loyalty.add_badge", "loyalty.change_badge", to=[Role.MARKETER])

# Imported points have no limit, so only administrators may import them (L13).
grant("loyalty.import_opening", to=[])
register_import(
    "opening",
    ImportType(
        _("Opening points and tiers"),
        opening_balances.Opening,
        opening_balances.FIELDS,
        opening_balances.LABELS,
        permission="loyalty.import_opening",
        named=True,
        grown="loyalty_member, loyalty_account, loyalty_entry, loyalty_lot",
    ),
)
