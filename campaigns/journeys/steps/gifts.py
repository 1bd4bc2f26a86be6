"""Give points, coupons and tags."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.coupons.labels import worth
from campaigns.coupons.models import CodeMode, Coupon
from campaigns.coupons.services.codes import check_issuable, issue_to_many
from campaigns.journeys.registry import StepBatch, StepKind
from campaigns.journeys.rules import StepValues
from core.base import clock
from core.base.actor import SYSTEM
from core.base.errors import DomainError
from core.fields import Choices, Field, Text
from core.text.formatting import number
from crm.customers.models import CustomerTag, Tag
from crm.customers.services.customers import add_tag_to_many, checked_tag, remove_tag
from loyalty.ledger.models import Account
from loyalty.ledger.services.granting import Grant, grant_points
from loyalty.program.models import MemberState, Program


class GivePoints(StepKind):
    """Give spendable points immediately, once per run: the step record is written in the same transaction (L7)."""

    label = _("Give points")
    icon = "coins"
    effects = True
    fields = (Field("points", "number", _("Points"), least=1, most=1_000_000),)

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        program = Program.objects.default()
        accounts = (
            dict(
                Account.objects.filter(
                    member__customer_id__in=batch.customers,
                    member__program=program,
                    member__state=MemberState.ACTIVE,
                    point_type__spendable=True,
                ).values_list("member__customer_id", "pk")
            )
            if program
            else {}
        )
        members = [run for run in batch.runs if run.customer in accounts]
        if program and members:
            # Sort by account, so that two batches lock in the same order.
            pairs = sorted((accounts[run.customer], run.id) for run in members)
            grants = [Grant(account, batch.values["points"], batch.origin, batch.now) for account, _run in pairs]
            grant_points(program=program, grants=grants)
        return {run.id: "" if run.customer in accounts else "not_member" for run in batch.runs}

    def check(self, values: StepValues) -> Iterable[tuple[str, Text]]:
        if Program.objects.default() is None:
            yield "points", _("The shop has no membership program yet.")

    def words(self, values: StepValues) -> str:
        points = values.get("points") or 0
        return ngettext("%(count)s point", "%(count)s points", points) % {"count": number(points)}

    def outcome_label(self, outcome: str) -> Text:
        return _("not a member") if outcome == "not_member" else _("given")


def _coupons() -> Choices:
    now = clock.now()
    open_ones = Coupon.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), mode=CodeMode.UNIQUE, active=True)
    return [(str(coupon.pk), f"{coupon.name} · {worth(coupon)}") for coupon in open_ones.order_by("name")]


class GiveCoupon(StepKind):
    """Give a code to the customer, once per run; later messages show it as coupon.code."""

    label = _("Give a coupon")
    icon = "ticket"
    effects = True
    fields = (
        Field("coupon", "choice", _("Coupon"), choices=_coupons, help=_("Messages after this step can show the code.")),
    )

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        coupon = Coupon.objects.get(pk=batch.values["coupon"])
        try:
            check_issuable(coupon)
        except DomainError:
            # The coupon has ended: runs continue, and the counts show this outcome.
            return {run.id: "coupon_over" for run in batch.runs}
        issued = issue_to_many(coupon=coupon, wanted=[(run.customer, batch.cause(run)) for run in batch.runs])
        for run in batch.runs:
            batch.learned[run.id] = {"code": issued[run.customer, batch.cause(run)].pk}
        return {run.id: "" for run in batch.runs}

    def check(self, values: StepValues) -> Iterable[tuple[str, Text]]:
        coupon = Coupon.objects.filter(pk=values["coupon"]).first()
        try:
            if coupon is None:
                yield "coupon", _("Not one of the choices.")
            else:
                check_issuable(coupon)
        except DomainError as error:
            yield "coupon", error.message

    def words(self, values: StepValues) -> str:
        coupon = Coupon.objects.filter(pk=values.get("coupon") or 0).first()
        return f"{coupon.name} · {worth(coupon)}" if coupon else ""

    def outcome_label(self, outcome: str) -> Text:
        return _("coupon ended") if outcome == "coupon_over" else _("given")


ACTIONS: tuple[tuple[str, Text], ...] = (("add", _("Add")), ("remove", _("Remove")))


class SetTag(StepKind):
    label = _("Tag")
    icon = "tag"
    effects = True
    fields = (
        Field("action", "choice", _("Action"), choices=lambda: ACTIONS, default="add"),
        Field("tag", "text", _("Tag"), most=60),
    )

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        name = checked_tag(batch.values["tag"])
        if batch.values["action"] == "add":
            add_tag_to_many(customer_ids=batch.customers, name=name, actor=SYSTEM)
        elif (tag := Tag.objects.filter(name=name).first()) is not None:
            worn = CustomerTag.objects.filter(tag=tag, customer_id__in=batch.customers).select_related("customer")
            for row in worn.order_by("customer_id"):
                remove_tag(customer=row.customer, tag=tag, actor=SYSTEM)
        return {run.id: "" for run in batch.runs}

    def words(self, values: StepValues) -> str:
        tag = values.get("tag", "")
        return _t("Remove “%(tag)s”") % {"tag": tag} if values.get("action") == "remove" else tag
