"""Test care rules in the console: editing, preview, activation, and the outcomes of their messages."""

from __future__ import annotations

import pytest
from django.urls import reverse

from analytics.features.services.features import refresh_everything
from campaigns.care.models import CareRule
from campaigns.care.services.care import preview_audience
from campaigns.messages.models import Message
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from tests.campaigns.pages import PART, consented, settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


class TestCareRules:
    def test_a_new_rule_is_described_in_the_list(self, marketer, template):
        data = {"name": "Birthday", "trigger": "birthday", "days": "3", "template": template.pk, "send_at": "09:30",
                "holdout_percent": "10"}  # fmt: skip
        response = marketer.post(reverse("care_new"), data)
        rule = CareRule.objects.get()
        assert response.url == reverse("care_rule", args=[rule.pk])
        assert (rule.state, rule.days, rule.holdout_percent, f"{rule.send_at}") == ("draft", 3, 10, "09:30:00")
        page = marketer.get(reverse("care")).content.decode()
        assert "3 days before the birthday, at 09:30" in page

    def test_a_refusal_is_shown_at_its_field_and_saves_nothing(self, marketer, template, make_coupon):
        data = {"name": "Lapsed", "trigger": "no_order", "days": "0", "template": template.pk, "holdout_percent": "0"}
        response = marketer.post(reverse("care_new"), data)
        assert response.context["form"].errors == {"days": ["Enter the number of days without an order."]}
        public = make_coupon(code="SUMMER25")
        response = marketer.post(reverse("care_new"), {**data, "days": "90", "coupon": public.pk})
        assert list(response.context["form"].errors) == ["coupon"]
        response = marketer.post(reverse("care_new"), {**data, "trigger": "segment_entered"})
        assert list(response.context["form"].errors) == ["segment"]
        assert not CareRule.objects.exists()

    def test_another_trigger_shows_other_fields_and_keeps_entered_values(self, marketer, template):
        typed = {"name": "Typed name", "trigger": "segment_entered", "shown": "birthday", "do": "look"}
        part = marketer.post(reverse("care_new"), typed, headers=PART).content.decode()
        assert "<html" not in part
        assert "Typed name" in part
        assert 'name="days"' not in part
        part = marketer.post(reverse("care_new"), {**typed, "trigger": "no_order"}, headers=PART).content.decode()
        assert "Days without an order" in part
        assert 'name="days" value="90"' in part
        assert not CareRule.objects.exists()

    def test_a_transactional_template_is_not_offered(self, marketer, template):
        other = save_template(
            name="Receipt", channel="inbox", texts=[Text("en", "x")], message_class="transactional", actor=SYSTEM
        )
        data = {"name": "A", "trigger": "birthday", "days": "0", "template": other.pk, "holdout_percent": "0"}
        response = marketer.post(reverse("care_new"), data)
        assert list(response.context["form"].errors) == ["template"]
        assert not CareRule.objects.exists()

    def test_the_preview_equals_the_service(self, marketer, rule, make_customer, make_order):
        for number in range(7):
            customer = make_customer(f"C{number}", email=f"c{number}@example.com" if number < 5 else "")
            make_order(customer, days_ago=60)
            if number < 3:
                consented(customer)
        refresh_everything()
        found = preview_audience(rule)
        assert (found.total, found.sent, found.suppressed) == (7, 3, 4)
        assert found.reasons == {"no_address": 2, "no_consent": 2}
        response = marketer.get(reverse("care_preview", args=[rule.pk]), headers=PART)
        assert response.context["preview"] == found
        assert sorted(response.context["kept_back"]) == [("No address on this channel", 2), ("No consent", 2)]
        text = response.content.decode()
        assert "7 customers match now." in text
        assert "“Win back” starts now: 3 customers would get the message, 4 would not." in text
        whole = marketer.get(reverse("care_preview", args=[rule.pk])).content.decode()
        assert "<html" in whole
        assert "7 customers match now." in whole

    def test_activating_and_pausing(self, marketer, rule, message):
        Message.objects.filter(pk=message.pk).update(origin=f"care:{rule.pk}")
        marketer.post(reverse("care_activate", args=[rule.pk]))
        rule.refresh_from_db()
        assert rule.state == "active"
        page = marketer.get(reverse("care_rule", args=[rule.pk]))
        assert page.context["pause_text"] == (
            "1 waiting message will not be sent, and “Win back” takes no new customers."
        )
        marketer.post(reverse("care_pause", args=[rule.pk]))
        rule.refresh_from_db()
        assert rule.state == "paused"

    @pytest.mark.parametrize("name", ["care_rule", "care_preview"])
    def test_its_outcomes_open_the_rows_behind_them(self, marketer, rule, message, name):
        settled(message, "suppressed", reason="no_consent", origin=f"care:{rule.pk}")
        page = marketer.get(reverse(name, args=[rule.pk]))
        (reason,) = page.context["reasons"]
        assert (reason.label, reason.count) == ("No consent", 1)
        assert [row.message for row in marketer.get(reason.url).context["rows"]] == [message]
