"""Test templates in the console: versions, errors at their line, previews without code execution, tests to oneself."""

from __future__ import annotations

import pytest
from django.core import mail
from django.urls import reverse

from campaigns.messages.models import Message
from campaigns.templates.models import Template
from core.security.roles import Role
from tests.campaigns.pages import PART

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


class TestTemplates:
    def data(self, **changes):
        return {
            "name": "Hi", "channel": "email", "message_class": "marketing", "subject_en": "Hi", "body_en": "<p>Hi</p>",
            "subject_zh-hans": "", "body_zh-hans": "", **changes,
        }  # fmt: skip

    def test_saving_is_a_new_version_and_an_empty_language_is_left_out(self, marketer):
        marketer.post(reverse("template_new"), self.data())
        made = Template.objects.get()
        assert list(made.texts.values_list("version", "language")) == [(1, "en")]
        both = self.data(**{"subject_zh-hans": "您好", "body_zh-hans": "您好"})
        marketer.post(reverse("template_edit", args=[made.pk]), both)
        made.refresh_from_db()
        assert made.version == 2
        page = marketer.get(reverse("template", args=[made.pk]), {"version": "1"})
        assert [side.language for side in page.context["sides"]] == ["en"]
        assert "This is an older version." in page.content.decode()

    def test_an_error_names_the_line_beside_its_text_and_saves_nothing(self, marketer):
        wrong = self.data(**{"subject_zh-hans": "您好", "body_zh-hans": "您好\n{{ settings.SECRET }}"})
        response = marketer.post(reverse("template_new"), wrong)
        (message,) = response.context["form"].errors["body_zh-hans"]
        assert "2" in message
        assert message.endswith("{{ settings.SECRET }}")
        assert list(response.context["form"].errors) == ["body_zh-hans"]
        assert not Template.objects.exists()

    def test_the_preview_is_the_text_as_the_chosen_customer_reads_it(self, marketer, make_customer):
        customer = make_customer("Grace Hopper")
        wrong = {"body_zh-hans": "{% if %}", "subject_zh-hans": "您好"}
        body = "<p>Dear {{ customer.first_name }}, {{ coupon.code }}</p>"
        response = marketer.post(
            reverse("template_preview"), self.data(**{"as": customer.number, "body_en": body, **wrong}), headers=PART
        )
        english, chinese = response.context["sides"]
        body, foot = english.rendered.body.split("\n")
        assert body == "<p>Dear Grace, 23456-789AC-DEFGH</p>"
        assert foot.endswith('/u/example/">Unsubscribe</a> · Test Shop</p>')
        assert chinese.error
        frame = marketer.get(reverse("template_draft", args=[english.mark]))
        assert "Dear Grace" in frame.content.decode()
        assert not Template.objects.exists()

    def test_a_script_in_a_text_neither_survives_nor_could_run(self, marketer, as_role):
        attack = (
            '<p onclick="alert(1)">Hi</p><script>alert(1)</script>'
            "<img src=x onerror=alert(1)><a href='javascript:1'>x</a>"
        )
        marketer.post(reverse("template_new"), self.data(body_en=attack))
        made = Template.objects.get()
        frames = [marketer.get(reverse("template_body", args=[made.pk]), {"language": "en"})]
        part = marketer.post(reverse("template_preview"), self.data(body_en=attack), headers=PART)
        assert part.content.decode().count("<iframe") == part.content.decode().count("sandbox") == 1
        frames.append(marketer.get(reverse("template_draft", args=[part.context["sides"][0].mark])))
        for frame in frames:
            text = frame.content.decode()
            for gone in ("<script", "onclick", "onerror", "javascript:"):
                assert gone not in text
            rules = frame.headers["Content-Security-Policy"]
            assert rules.startswith("default-src 'none'")
            assert "script-src" not in rules
            assert rules.endswith("sandbox")
            assert "frame-ancestors 'self'" in rules
            assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"

    def test_a_plain_text_is_shown_as_text(self, marketer):
        response = marketer.post(
            reverse("template_preview"), self.data(channel="inbox", body_en="<script>alert(1)</script>"), headers=PART
        )
        assert "<script>alert(1)" not in response.content.decode()
        assert "&lt;script&gt;alert(1)" in response.content.decode()

    def test_a_draft_is_visible_only_to_its_writer(self, marketer, as_role):
        part = marketer.post(reverse("template_preview"), self.data(body_en="<p>Secret</p>"), headers=PART)
        mark = part.context["sides"][0].mark
        assert "Secret" in marketer.get(reverse("template_draft", args=[mark])).content.decode()
        assert "Secret" not in as_role(Role.MARKETER).get(reverse("template_draft", args=[mark])).content.decode()

    def test_a_test_goes_to_the_chosen_addresses_and_never_to_the_customer(self, marketer, template, make_customer):
        customer = make_customer("Grace", email="grace@example.com")
        page = marketer.get(reverse("template", args=[template.pk]))
        assert page.context["addresses"] == "me@shop.example"
        # when a test in English is sent to two addresses, as the customer
        marketer.post(
            reverse("template_test", args=[template.pk]),
            {"language": "en", "as": customer.number, "addresses": "me@shop.example, boss@shop.example"},
        )
        # then each gets one, and no message is recorded
        assert [(sent.to, sent.cc, sent.bcc) for sent in mail.outbox] == [
            (["me@shop.example"], [], []), (["boss@shop.example"], [], []),
        ]  # fmt: skip
        assert {sent.subject for sent in mail.outbox} == {"[Test] Hello"}
        assert "Hi Grace" in mail.outbox[0].body
        assert not Message.objects.exists()
        # and both are offered the next time, the newest five of all
        marketer.post(
            reverse("template_test", args=[template.pk]),
            {"addresses": "a@x.example b@x.example c@x.example d@x.example"},
        )
        offered = marketer.get(reverse("template", args=[template.pk])).context["addresses"].split(", ")
        assert len(offered) == 5
        assert {"a@x.example", "b@x.example", "c@x.example", "d@x.example"} < set(offered)

    def test_all_languages_are_tested_at_once(self, marketer):
        marketer.post(reverse("template_new"), self.data(**{"subject_zh-hans": "您好", "body_zh-hans": "您好"}))
        marketer.post(reverse("template_test", args=[Template.objects.get().pk]), {"addresses": "me@shop.example"})
        assert sorted(sent.subject for sent in mail.outbox) == ["[Test] Hi", "[Test] 您好"]

    def test_without_an_address_nothing_is_sent(self, as_role, template):
        client = as_role(Role.MARKETER)
        response = client.post(reverse("template_test", args=[template.pk]), {"language": "en"}, follow=True)
        assert "Enter at least one address." in response.content.decode()
        assert mail.outbox == []
