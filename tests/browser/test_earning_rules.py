"""A marketer changes an earning rule: a trial on a member first, then publication by its own button."""

import pytest
from playwright.sync_api import expect

from core.base.actor import SYSTEM
from core.security.roles import Role
from loyalty.earning.services.rules import create_rule
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors
from loyalty.program.models import PointType

pytestmark = pytest.mark.browser


def test_a_rule_is_tried_and_then_published(signed_in, customer):
    # given a member, and a rule that matches no order of this shop
    buyer = customer("Tang Mei", phone="13800137799")
    enrol_member(customer=buyer, program=selectors.default_program(), actor=SYSTEM)
    program = selectors.default_program()
    rule = create_rule(
        program=program,
        point_type=PointType.objects.get(program=program, spendable=True),
        name="Very large orders",
        terms={"points": 1, "per_amount": 100, "conditions": [{"kind": "minimum_amount", "amount": 10**9}]},
        actor=SYSTEM,
    )
    page = signed_in(Role.MARKETER)
    # when two points are entered, and tried on the member
    page.goto(f"/earning/{rule.pk}/edit/")
    page.get_by_label("Points", exact=False).first.fill("2")
    page.get_by_label("On a member's last orders").fill(buyer.number)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Tang Mei: 0 points")).to_be_visible()
    # then nothing is published yet
    assert rule.versions.count() == 1
    # when it is published
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(rule.name)
    expect(page.get_by_text("2 points per").first).to_be_visible()
    assert rule.versions.count() == 2
    assert rule.versions.order_by("-version").first().points == 2
