"""Test access to the pages of campaigns, and the query counts of their lists."""

from __future__ import annotations

import pytest
from django.urls import reverse

from analytics.segments.services.segments import create_segment
from campaigns import urls
from campaigns.care.services.care import activate_care_rule, create_care_rule
from campaigns.messages.services.messages import queue_message
from campaigns.messages.services.suppressions import suppress_customer
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.security.roles import Role
from tests.campaigns.pages import settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


WHO_MAY = {
    "care": "campaigns.view_carerule",
    "care_new": "campaigns.add_carerule",
    "care_rule": "campaigns.view_carerule",
    "care_edit": "campaigns.change_carerule",
    "care_preview": "campaigns.view_carerule",
    "care_activate": "campaigns.change_carerule",
    "care_pause": "campaigns.change_carerule",
    "experiments": "campaigns.view_experiment",
    "experiment_new": "campaigns.add_experiment",
    "experiment": "campaigns.view_experiment",
    "experiment_edit": "campaigns.change_experiment",
    "experiment_start": "campaigns.change_experiment",
    "experiment_end": "campaigns.change_experiment",
    "broadcasts": "campaigns.view_broadcast",
    "broadcast_new": "campaigns.add_broadcast",
    "broadcast": "campaigns.view_broadcast",
    "broadcast_counts": "campaigns.view_broadcast",
    "broadcast_edit": "campaigns.change_broadcast",
    "broadcast_preview": "campaigns.view_broadcast",
    "broadcast_schedule": "campaigns.change_broadcast",
    "broadcast_unschedule": "campaigns.change_broadcast",
    "broadcast_pause": "campaigns.change_broadcast",
    "broadcast_resume": "campaigns.change_broadcast",
    "broadcast_stop": "campaigns.change_broadcast",
    "broadcast_results": "campaigns.view_broadcast",
    "care_results": "campaigns.view_carerule",
    "coupon_results": "campaigns.view_coupon",
    "journey_message_results": "campaigns.view_journey",
    "campaign_compare": "campaigns.view_broadcast",
    "campaign_compare_export": "campaigns.view_broadcast",
    "suppressions": "campaigns.view_suppression",
    "suppressions_add": "campaigns.add_suppression",
    "suppressions_export": "campaigns.view_suppression",
    "deliverability": "campaigns.view_domainday",
    "calendar": "campaigns.view_broadcast",
    "calendar_remove": "campaigns.change_broadcast",
    "calendar_move_day": "campaigns.change_broadcast",
    "calendar_move_broadcast": "campaigns.change_broadcast",
    "calendar_settings": "campaigns.change_broadcast",
    "channels": "campaigns.view_channelaccount",
    "channel_new": "campaigns.change_channelaccount",
    "channel": "campaigns.change_channelaccount",
    "channel_switch": "campaigns.change_channelaccount",
    "journeys": "campaigns.view_journey",
    "journey_new": "campaigns.add_journey",
    "journey_run": "campaigns.view_journeyrun",
    "journey": "campaigns.view_journey",
    "journey_counts": "campaigns.view_journey",
    "journey_results": "campaigns.view_journey",
    "journey_customers": "campaigns.view_journey",
    "journey_customers_save": "analytics.add_segment",
    "coupon_for_segment": "campaigns.change_coupon",
    "coupon_uses": "campaigns.view_couponuse",
    "journey_try": "campaigns.view_journey",
    "journey_edit": "campaigns.change_journey",
    "journey_step": "campaigns.change_journey",
    "journey_add": "campaigns.change_journey",
    "journey_change": "campaigns.change_journey",
    "journey_tree": "campaigns.change_journey",
    "journey_publish": "campaigns.change_journey",
    "journey_pause": "campaigns.change_journey",
    "journey_resume": "campaigns.change_journey",
    "journey_stop": "campaigns.change_journey",
    "journey_delete": "campaigns.change_journey",
    "messages": "campaigns.view_message",
    "messages_save_list": "analytics.add_segment",
    "message": "campaigns.view_message",
    "message_body": "campaigns.view_message",
    "message_again": "campaigns.change_message",
    "message_sent": "campaigns.change_message",
    "templates": "campaigns.view_template",
    "template_new": "campaigns.add_template",
    "template_preview": "campaigns.change_template",
    "template_draft": "campaigns.change_template",
    "design_choose": "campaigns.add_template",
    "design_start": "campaigns.add_template",
    "design_preview": "campaigns.change_template",
    "design_upload": "campaigns.change_template",
    "design_test": "campaigns.change_template",
    "design_keep_block": "campaigns.change_template",
    "design_delete_block": "campaigns.change_template",
    "design_ready": "campaigns.view_template",
    "design_edit": "campaigns.change_template",
    "design_autosave": "campaigns.change_template",
    "design_publish": "campaigns.change_template",
    "design_discard": "campaigns.change_template",
    "template_design": "campaigns.change_template",
    "template": "campaigns.view_template",
    "template_edit": "campaigns.change_template",
    "template_body": "campaigns.view_template",
    "template_restore": "campaigns.change_template",
    "template_test": "campaigns.change_template",
    "coupons": "campaigns.view_coupon",
    "coupon_new": "campaigns.add_coupon",
    "coupon": "campaigns.view_coupon",
    "coupon_edit": "campaigns.change_coupon",
    "coupon_switch": "campaigns.change_coupon",
    "coupon_jobs": "campaigns.view_coupon",
    "coupon_issue": "campaigns.issue_coupon",
    "coupon_issue_segment": "campaigns.change_coupon",
    "coupon_generate": "campaigns.change_coupon",
    "coupon_codes_file": "campaigns.change_coupon",
    "coupon_give": "campaigns.issue_coupon",
    "why": "campaigns.view_message",
    "suppress": "campaigns.add_suppression",
    "suppression_lift": "campaigns.change_suppression",
    "sending": "campaigns.view_sendingpolicy",
    "sending_edit": "campaigns.change_sendingpolicy",
    "channel_test": "campaigns.change_channelaccount",
    "opportunity_draft": "campaigns.add_broadcast",
}


def test_each_page_names_its_permission():
    patterns = {pattern.name: pattern.callback for pattern in urls.console}
    assert {name: view.permission for name, view in patterns.items()} == WHO_MAY


@pytest.mark.parametrize(
    ("role", "care", "edit", "messages", "again", "coupons", "give", "segment", "block", "lift"),
    [
        (Role.AGENT, 403, 403, 200, 403, 200, 302, 403, 403, 403),
        (Role.LEAD, 403, 403, 200, 302, 200, 302, 403, 302, 403),
        (Role.MARKETER, 200, 200, 200, 302, 200, 302, 302, 302, 302),
        (Role.ANALYST, 200, 403, 200, 403, 200, 403, 403, 403, 403),
        (Role.ADMINISTRATOR, 200, 200, 200, 302, 200, 302, 302, 302, 302),
    ],
)
def test_roles_open_only_their_pages(
    as_role,
    rule,
    template,
    message,
    make_coupon,
    role,
    care,
    edit,
    messages,
    again,
    coupons,
    give,
    segment,
    block,
    lift,
):
    client, coupon = as_role(role), make_coupon()
    settled(message, "failed", reason="refused")
    everyone = create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
    number = message.customer.number
    for name, args in (
        ("care", []), ("care_rule", [rule.pk]), ("care_preview", [rule.pk]), ("templates", []),
        ("template", [template.pk]),
    ):  # fmt: skip
        assert client.get(reverse(name, args=args)).status_code == care, name
    body = client.get(reverse("template_body", args=[template.pk]), {"language": "en"})
    assert body.status_code == care
    for name, args in (("care_new", []), ("care_edit", [rule.pk]), ("template_new", []), ("coupon_new", [])):
        assert client.get(reverse(name, args=args)).status_code == edit, name
    assert client.get(reverse("messages")).status_code == messages
    assert client.get(reverse("message", args=[message.pk])).status_code == messages
    assert client.get(reverse("coupons")).status_code == coupons
    assert client.get(reverse("coupon", args=[coupon.pk])).status_code == coupons
    assert client.get(reverse("customer", args=[number])).status_code == 200
    assert client.post(reverse("message_again", args=[message.pk])).status_code == again
    assert client.post(reverse("coupon_give", args=[number]), {"coupon": coupon.pk}).status_code == give
    issued = client.post(reverse("coupon_issue_segment", args=[coupon.pk]), {"segment": everyone.pk})
    assert issued.status_code == segment
    assert client.post(reverse("suppress", args=[number]), {"channel": "email"}).status_code == block
    row = suppress_customer(customer=message.customer, channel="inbox", reason="manual", actor=SYSTEM)
    assert client.post(reverse("suppression_lift", args=[row.pk])).status_code == lift


def test_lists_cost_the_same_for_one_row_and_many(marketer, rule, message, make_customer, template,
                                                  django_assert_max_num_queries):  # fmt: skip
    activate_care_rule(rule=rule, actor=SYSTEM)
    addresses = [reverse("care"), reverse("messages"), reverse("templates"), reverse("coupons")]
    for address in addresses:
        marketer.get(address)
    with django_assert_max_num_queries(60) as before:
        for address in addresses:
            marketer.get(address)
    for number in range(8):
        create_care_rule(name=f"R{number}", trigger="birthday", template=template, actor=SYSTEM)
        queue_message(customer=make_customer(), template=template, origin=f"care:{number}", occurrence="1")
        save_template(name=f"T{number}", channel="inbox", texts=[Text("en", "x")], actor=SYSTEM)
    with django_assert_max_num_queries(len(before.captured_queries)):
        for address in addresses:
            marketer.get(address)
