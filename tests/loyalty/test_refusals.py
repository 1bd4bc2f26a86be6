"""Tests of refusals of the ledger, rewards and tiers that no other test covers: code, field, and nothing changed."""

from __future__ import annotations

import pytest

from core.base.actor import SYSTEM
from core.base.errors import Conflict, DomainError, Invalid, NotFound, Refused
from loyalty.earning.services.rules import new_rule
from loyalty.growth.services.badges import create_badge, update_badge
from loyalty.ledger.models import Entry, Hold
from loyalty.ledger.services.redemption import capture_hold, hold_points, release_hold
from loyalty.ledger.services.transfers import merge_members, transfer_points
from loyalty.program.models import Member, PointType, Program
from loyalty.program.selectors import default_program
from loyalty.rewards.models import RewardCode
from loyalty.rewards.services.codes import FILE_BYTES, upload_reward_codes
from loyalty.tiers.models import Tier
from loyalty.tiers.services.bought_tiers import refund_tier
from loyalty.tiers.services.setup import change_policy, update_tier
from tests.loyalty.rewards.samples import account_of

pytestmark = pytest.mark.django_db


def snapshot() -> tuple:
    return (
        list(Entry.objects.order_by("id").values_list("id", flat=True)),
        list(Hold.objects.order_by("id").values_list("id", "state")),
        list(Member.objects.order_by("id").values_list("id", "state")),
        RewardCode.objects.count(),
    )


def refused(kind: type[DomainError], call, **arguments) -> tuple[str, str | None]:
    """Return (code, field) of the refusal, after checking that it changed nothing."""
    before = snapshot()
    with pytest.raises(kind) as caught:
        call(**arguments)
    assert snapshot() == before
    return caught.value.code, caught.value.field


def test_a_hold_is_captured_up_to_its_points_and_not_after_its_release(program, member):
    # given 300 of 1,000 points set aside
    account = account_of(member)
    hold = hold_points(account=account, points=300, key="h", actor=SYSTEM)["hold"]
    # when, then
    code, field = refused(Refused, capture_hold, program=program, hold=hold, points=301, key="c1", actor=SYSTEM)
    assert (code, field) == ("capture_exceeds_hold", "points")
    release_hold(program=program, hold=hold, key="r", actor=SYSTEM)
    assert (
        refused(Conflict, capture_hold, program=program, hold=hold, points=300, key="c2", actor=SYSTEM)[0]
        == "hold_released"
    )


def test_points_that_are_not_spendable_can_be_neither_held_nor_transferred(member, make_member):
    account, other = account_of(member), account_of(make_member(0))
    PointType.objects.filter(pk=account.point_type_id).update(spendable=False)
    assert refused(Refused, hold_points, account=account, points=1, key="h", actor=SYSTEM)[0] == "points_not_spendable"
    code, _field = refused(Refused, transfer_points, sender=account, receiver=other, points=1, key="t", actor=SYSTEM)
    assert code == "points_not_spendable"


def test_members_of_two_programs_are_not_merged(member, program, make_customer):
    other = Program.objects.create(code="other", name="Other", currency=program.currency)
    stranger = Member.objects.create(customer=make_customer(), program=other)
    for target in (stranger, member):
        assert refused(Conflict, merge_members, source=member, target=target, actor=SYSTEM) == ("not_one_program", None)


def test_a_shop_without_a_program_is_reported(store):
    assert refused(NotFound, default_program) == ("no_program", None)


def test_a_reward_without_a_pool_refuses_codes(make_reward):
    gift = make_reward("gift")
    assert refused(Conflict, upload_reward_codes, reward=gift, content=b"A1", actor=SYSTEM)[0] == "no_pool"


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"A" * (FILE_BYTES + 1), "too_large"), (b"\x00\xff\xfe\x00binary\x00", "not_a_text"), (b"\n\n", "empty")],
)
def test_an_unreadable_file_of_codes_is_refused(make_reward, content, code):
    reward = make_reward("voucher")
    assert refused(Invalid, upload_reward_codes, reward=reward, content=content, actor=SYSTEM) == (code, "codes")


def test_fixed_fields_can_not_be_changed(program):
    badge = create_badge(program=program, name="Regular", actor=SYSTEM)
    tier = Tier.objects.filter(program=program).first()
    assert refused(Invalid, update_badge, badge=badge, actor=SYSTEM, code="new") == ("fixed", "code")
    assert refused(Invalid, update_tier, tier=tier, actor=SYSTEM, code="new") == ("fixed", "code")
    assert refused(Invalid, change_policy, program=program, actor=SYSTEM, currency="USD") == ("fixed", "currency")
    badge.refresh_from_db()
    assert badge.code == "regular"


def test_an_unknown_tier_purchase_is_not_refunded(member):
    assert refused(NotFound, refund_tier, member=member, reference="NONE", actor=SYSTEM) == (
        "unknown_purchase",
        "reference",
    )


def test_an_unknown_tier_can_not_be_bought(api, member):
    answer = api.post(
        f"/api/v1/members/{member.customer.number}/tier/purchase",
        {"tier": "diamond", "reference": "T-1", "amount": 100},
        format="json",
        HTTP_IDEMPOTENCY_KEY="k",
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "unknown_tier")
    assert not member.given_tiers.exists()


def test_an_earning_rule_with_an_unknown_trigger_is_refused(program):
    point_type = program.point_types.first()
    code, field = refused(Invalid, new_rule, program=program, point_type=point_type, name="R", trigger="none")
    assert (code, field) == ("unknown_trigger", "trigger")
