"""The pages of campaigns: who may see them, what they refuse, and that their numbers are the services' own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import get_resolver, reverse
from django.utils import timezone

from analytics.models import Segment
from analytics.services.features import refresh_everything
from analytics.services.segments import compute_segments, create_segment
from campaigns.models import CareRule, Coupon, CouponCode, Message, SendingPolicy, Suppression, Template
from campaigns.rules import codes
from campaigns.services.care import activate_care_rule, create_care_rule, preview_audience
from campaigns.services.coupon_codes import issue_coupon, run_job
from campaigns.services.coupon_uses import redeem_coupon, reserve_coupon
from campaigns.services.messages import queue_message
from campaigns.services.suppressions import suppress_customer
from campaigns.services.templates import Text, save_template
from core.actor import SYSTEM
from core.console import home
from core.models import Job
from core.roles import Role
from crm.services.consents import record_consent
from tests.campaigns.conftest import policy

pytestmark = pytest.mark.django_db

PART = {"HX-Request": "true"}
WHO_MAY = {
    "care": "campaigns.view_carerule",
    "care_new": "campaigns.add_carerule",
    "care_rule": "campaigns.view_carerule",
    "care_edit": "campaigns.change_carerule",
    "care_preview": "campaigns.view_carerule",
    "care_activate": "campaigns.change_carerule",
    "care_pause": "campaigns.change_carerule",
    "messages": "campaigns.view_message",
    "message": "campaigns.view_message",
    "message_body": "campaigns.view_message",
    "message_again": "campaigns.change_message",
    "message_sent": "campaigns.change_message",
    "templates": "campaigns.view_template",
    "template_new": "campaigns.add_template",
    "template_preview": "campaigns.change_template",
    "template_draft": "campaigns.change_template",
    "template": "campaigns.view_template",
    "template_edit": "campaigns.change_template",
    "template_body": "campaigns.view_template",
    "template_test": "campaigns.change_template",
    "coupons": "campaigns.view_coupon",
    "coupon_new": "campaigns.add_coupon",
    "coupon": "campaigns.view_coupon",
    "coupon_edit": "campaigns.change_coupon",
    "coupon_switch": "campaigns.change_coupon",
    "coupon_jobs": "campaigns.view_coupon",
    "coupon_issue": "campaigns.issue_coupon",
    "coupon_issue_segment": "campaigns.change_coupon",
    "coupon_give": "campaigns.issue_coupon",
    "suppress": "campaigns.add_suppression",
    "suppression_lift": "campaigns.change_suppression",
    "sending": "campaigns.view_sendingpolicy",
}


@pytest.fixture(autouse=True)
def _open(store):
    policy()


@pytest.fixture
def as_role(client, staff):
    def sign_in(role, **fields):
        user = staff(role)
        for name, value in fields.items():
            setattr(user, name, value)
        user.save()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def marketer(as_role):
    return as_role(Role.MARKETER, email="me@shop.example")


@pytest.fixture
def template(store):
    texts = [Text("en", "<p>Hi {{ customer.first_name }}</p>", "Hello"), Text("zh-hans", "<p>您好</p>", "您好")]
    return save_template(name="Hello", channel="email", texts=texts, actor=SYSTEM)


@pytest.fixture
def rule(template):
    return create_care_rule(name="Win back", trigger="no_order", days=30, template=template, actor=SYSTEM)


@pytest.fixture
def message(make_customer, template):
    customer = make_customer("Ada Lovelace", email="ada@example.com")
    made = queue_message(customer=customer, template=template, origin="care:1", occurrence="1")
    assert made is not None
    return made


def settled(message, state, **fields):
    Message.objects.filter(pk=message.pk).update(state=state, **fields)
    message.refresh_from_db()
    return message


def consented(customer):
    record_consent(
        customer=customer, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM
    )


def test_each_page_names_its_permission():
    patterns = {
        pattern.name: pattern.callback
        for included in get_resolver().url_patterns
        if str(getattr(included, "urlconf_name", "")).find("campaigns.console.urls") > 0
        for pattern in included.url_patterns
    }
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
def test_p4_roles(
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
        ("template", [template.pk]), ("sending", []),
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


class TestCareRules:
    def test_making_one_and_what_the_list_says(self, marketer, template):
        data = {"name": "Birthday", "trigger": "birthday", "days": "3", "template": template.pk, "send_at": "09:30",
                "holdout_percent": "10"}  # fmt: skip
        response = marketer.post(reverse("care_new"), data)
        rule = CareRule.objects.get()
        assert response.url == reverse("care_rule", args=[rule.pk])
        assert (rule.state, rule.days, rule.holdout_percent, f"{rule.send_at}") == ("draft", 3, 10, "09:30:00")
        page = marketer.get(reverse("care")).content.decode()
        assert "3 days before the birthday, at 09:30" in page

    def test_a_refusal_stands_at_its_field_and_saves_nothing(self, marketer, template, make_coupon):
        data = {"name": "Lapsed", "trigger": "no_order", "days": "0", "template": template.pk, "holdout_percent": "0"}
        response = marketer.post(reverse("care_new"), data)
        assert response.context["form"].errors == {"days": ["After how many days without an order?"]}
        public = make_coupon(code="SUMMER25")
        response = marketer.post(reverse("care_new"), {**data, "days": "90", "coupon": public.pk})
        assert list(response.context["form"].errors) == ["coupon"]
        response = marketer.post(reverse("care_new"), {**data, "trigger": "segment_entered"})
        assert list(response.context["form"].errors) == ["segment"]
        assert not CareRule.objects.exists()

    def test_another_trigger_asks_for_other_fields_and_keeps_what_was_typed(self, marketer, template):
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

    def test_j1_the_preview_says_what_the_service_says(self, marketer, rule, make_customer, make_order):
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
        assert sorted(response.context["reasons"]) == [("No address on this channel", 2), ("No consent", 2)]
        text = response.content.decode()
        assert "7 customers match now." in text
        assert "“Win back” starts now: 3 customers would be sent this, 4 would not." in text
        whole = marketer.get(reverse("care_preview", args=[rule.pk])).content.decode()
        assert "<html" in whole
        assert "7 customers match now." in whole

    def test_activating_and_pausing(self, marketer, rule, message):
        Message.objects.filter(pk=message.pk).update(origin=f"care:{rule.pk}")
        marketer.post(reverse("care_activate", args=[rule.pk]))
        rule.refresh_from_db()
        assert rule.state == "active"
        page = marketer.get(reverse("care_rule", args=[rule.pk]))
        assert page.context["pause_text"] == ("1 waiting message will not be sent, and “Win back” takes nobody new.")
        marketer.post(reverse("care_pause", args=[rule.pk]))
        rule.refresh_from_db()
        assert rule.state == "paused"

    def test_its_outcomes_open_the_rows_behind_them(self, marketer, rule, message):
        settled(message, "suppressed", reason="no_consent", origin=f"care:{rule.pk}")
        page = marketer.get(reverse("care_rule", args=[rule.pk]))
        ((label, count, url),) = page.context["reasons"]
        assert (label, count) == ("No consent", 1)
        assert [row[0] for row in marketer.get(url).context["rows"]] == [message]


class TestMessages:
    def test_the_figures_open_exactly_their_rows(self, as_role, make_customer, template):
        for number in range(5):
            made = queue_message(
                customer=make_customer(f"C{number}"), template=template, origin="care:1", occurrence=f"{number}"
            )
            if number < 3:
                settled(made, "suppressed", reason="no_consent" if number else "holdout")
        old = queue_message(customer=make_customer("Old"), template=template, origin="care:1", occurrence="old")
        Message.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=45))
        client = as_role(Role.AGENT)
        page = client.get(reverse("messages"))
        assert {state: count for state, _label, count, _tone in page.context["tiles"]} == {
            "sent": 0, "queued": 2, "held": 0, "suppressed": 3,
        }  # fmt: skip
        assert page.context["reasons"] == [
            ("no_consent", "No consent", 2),
            ("holdout", "Held out to measure the effect", 1),
        ]
        for query, count in (
            ({"state": "suppressed"}, 3), ({"state": "suppressed", "reason": "no_consent"}, 2), ({"days": "all"}, 6),
            ({"campaign": "care:1"}, 5), ({"campaign": "care:9"}, 0), ({"channel": "email"}, 5), ({"channel": "inbox"}, 0),
            ({"customer": old.customer.number}, 1), ({"state": "trouble"}, 0),
        ):  # fmt: skip
            assert len(client.get(reverse("messages"), query).context["rows"]) == count, query

    def test_pages_by_cursor_over_equal_times(self, as_role, make_customer, template):
        for number in range(60):
            queue_message(customer=make_customer(), template=template, origin="care:1", occurrence=f"{number}")
        Message.objects.update(created_at=timezone.now())
        client = as_role(Role.AGENT)
        first = client.get(reverse("messages")).context["page"]
        second = client.get(reverse("messages"), {"cursor": first.next}).context["page"]
        assert (len(first), len(second)) == (50, 10)
        assert len({message.pk for message in [*first, *second]}) == 60

    def test_nonsense_in_the_address_is_no_error(self, as_role):
        client = as_role(Role.AGENT)
        for query in ({"state": "x"}, {"days": "-1"}, {"cursor": "zz"}, {"campaign": "\x00"}, {"customer": "9" * 40}):
            assert client.get(reverse("messages"), query).status_code == 200

    def test_why_it_was_not_sent_is_said_in_words(self, as_role, message):
        client = as_role(Role.AGENT)
        settled(message, "suppressed", reason="no_consent")
        page = client.get(reverse("message", args=[message.pk])).content.decode()
        assert "The customer has not agreed to marketing on this channel, or has withdrawn it." in page
        panel = client.get(reverse("customer", args=[message.customer.number])).content.decode()
        assert "No consent" in panel
        assert reverse("message", args=[message.pk]) in panel

    def test_j2_only_a_person_settles_an_uncertain_message(self, as_role, message):
        client = as_role(Role.LEAD)
        settled(message, "uncertain", provider_id="<1@shop>")
        page = client.get(reverse("message", args=[message.pk])).content.decode()
        assert "1 message is sent again. If the first one arrived, the customer gets it twice." in page
        client.post(reverse("message_sent", args=[message.pk]))
        message.refresh_from_db()
        assert message.state == "sent"
        refused = client.post(reverse("message_again", args=[message.pk]), follow=True).content.decode()
        assert "This message is not in a state in which that can be done." in refused
        message.refresh_from_db()
        assert message.state == "sent"

    def test_a_failed_one_is_queued_again(self, as_role, message):
        settled(message, "failed", reason="refused", error="554 no")
        as_role(Role.LEAD).post(reverse("message_again", args=[message.pk]))
        message.refresh_from_db()
        assert (message.state, message.reason) == ("queued", "")


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
        assert english.rendered.body == "<p>Dear Grace, 23456-789AC-DEFGH</p>"
        assert chinese.error
        frame = marketer.get(reverse("template_draft", args=[english.mark]))
        assert "Dear Grace" in frame.content.decode()
        assert not Template.objects.exists()

    def test_p5_a_script_in_a_text_neither_survives_nor_could_run(self, marketer, as_role):
        attack = "<p onclick=\"alert(1)\">Hi</p><script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:1'>x</a>"
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

    def test_p5_a_plain_text_is_shown_as_text(self, marketer):
        response = marketer.post(
            reverse("template_preview"), self.data(channel="inbox", body_en="<script>alert(1)</script>"), headers=PART
        )
        assert "<script>alert(1)" not in response.content.decode()
        assert "&lt;script&gt;alert(1)" in response.content.decode()

    def test_a_draft_is_its_writers_own(self, marketer, as_role):
        part = marketer.post(reverse("template_preview"), self.data(body_en="<p>Secret</p>"), headers=PART)
        mark = part.context["sides"][0].mark
        assert "Secret" in marketer.get(reverse("template_draft", args=[mark])).content.decode()
        assert "Secret" not in as_role(Role.MARKETER).get(reverse("template_draft", args=[mark])).content.decode()

    def test_a_test_goes_to_oneself_whatever_the_form_says(self, marketer, template, make_customer):
        customer = make_customer("Grace", email="grace@example.com")
        marketer.post(
            reverse("template_test", args=[template.pk]),
            {"language": "en", "as": customer.number, "to": "other@example.com", "email": "other@example.com"},
        )
        (sent,) = mail.outbox
        assert (sent.to, sent.cc, sent.bcc) == (["me@shop.example"], [], [])
        assert sent.subject == "[Test] Hello"
        assert "Hi Grace" in sent.body
        assert not Message.objects.exists()

    def test_without_an_address_nothing_is_sent(self, as_role, template):
        client = as_role(Role.MARKETER)
        response = client.post(reverse("template_test", args=[template.pk]), {"language": "en"}, follow=True)
        assert "Your account has no e-mail address." in response.content.decode()
        assert mail.outbox == []


class TestCoupons:
    def test_amounts_are_typed_in_major_units(self, marketer):
        data = {"name": "Ten off", "kind": "amount", "value": "10.50", "mode": "unique", "minimum_spend": "99",
                "budget": "1000", "limit_per_customer": "1", "valid_days": "30"}  # fmt: skip
        marketer.post(reverse("coupon_new"), data)
        coupon = Coupon.objects.get()
        assert (coupon.value, coupon.minimum_spend, coupon.budget, coupon.currency) == (1050, 9900, 100000, "CNY")
        marketer.post(
            reverse("coupon_edit", args=[coupon.pk]), {"name": "Ten off", "minimum_spend": "", "budget": "500"}
        )
        coupon.refresh_from_db()
        assert (coupon.value, coupon.minimum_spend, coupon.budget) == (1050, 0, 50000)

    def test_a_refusal_stands_at_its_field_and_saves_nothing(self, marketer, make_coupon):
        data = {"name": "X", "kind": "percent", "value": "120", "mode": "unique"}
        assert list(marketer.post(reverse("coupon_new"), data).context["form"].errors) == ["value"]
        data = {"name": "X", "kind": "amount", "value": "1.234", "mode": "unique"}
        assert list(marketer.post(reverse("coupon_new"), data).context["form"].errors) == ["value"]
        make_coupon(code="SUMMER25")
        data = {"name": "X", "kind": "amount", "value": "5", "mode": "public", "code": "summer-25"}
        assert list(marketer.post(reverse("coupon_new"), data).context["form"].errors) == ["code"]
        assert Coupon.objects.count() == 1

    def test_giving_one_twice_by_the_same_form_is_one_code(self, as_role, make_coupon, make_customer):
        coupon, customer = make_coupon(), make_customer("Ada")
        client = as_role(Role.AGENT)
        page = client.get(reverse("customer", args=[customer.number])).content.decode()
        assert "Choose a coupon" in page
        for _time in range(2):
            client.post(reverse("coupon_give", args=[customer.number]), {"coupon": coupon.pk, "mark": "m1"})
        code = CouponCode.objects.get()
        assert code.customer == customer
        assert codes.shown(code.code) in client.get(reverse("customer", args=[customer.number])).content.decode()
        client.post(reverse("coupon_issue", args=[coupon.pk]), {"customer": customer.number, "mark": "m2"})
        assert CouponCode.objects.count() == 2

    def test_a_customer_that_is_not_there_gets_none(self, as_role, make_coupon):
        coupon = make_coupon()
        response = as_role(Role.AGENT).post(reverse("coupon_issue", args=[coupon.pk]), {"customer": "1"}, follow=True)
        assert "There is no customer with this number." in response.content.decode()
        assert not CouponCode.objects.exists()

    def test_giving_to_a_segment_names_the_number_and_is_a_job(self, marketer, make_coupon, make_customer):
        coupon = make_coupon()
        for _number in range(3):
            make_customer()
        refresh_everything()
        everyone = create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
        compute_segments()
        everyone = Segment.objects.get(pk=everyone.pk)
        page = marketer.get(reverse("coupon", args=[coupon.pk]), {"segment": everyone.pk})
        assert page.context["issue_text"] == "3 customers in “All” get a code each of “Summer”."
        marketer.post(reverse("coupon_issue_segment", args=[coupon.pk]), {"segment": everyone.pk})
        job = Job.objects.get()
        assert (job.state, job.total_count) == ("queued", 3)
        part = marketer.get(reverse("coupon_jobs", args=[coupon.pk]), headers=PART).content.decode()
        assert "hx-trigger" in part
        run_job(job)
        assert CouponCode.objects.filter(coupon=coupon).count() == 3
        done = marketer.get(reverse("coupon_jobs", args=[coupon.pk]), headers=PART)
        assert (done.status_code, done.headers["HX-Refresh"]) == (204, "true")

    def test_a_code_is_found_as_it_is_read_out(self, as_role, make_coupon, make_customer):
        customer = make_customer("Ada")
        code = issue_coupon(customer=customer, coupon=make_coupon(), cause="x", actor=SYSTEM)
        client = as_role(Role.AGENT)
        typed = codes.shown(code.code).lower().replace("-", " ")
        assert client.get(reverse("coupons"), {"code": typed}).context["found"] == code
        wrong = code.code[:-1] + ("2" if code.code[-1] != "2" else "3")
        assert client.get(reverse("coupons"), {"code": wrong}).context["mistyped"] is True
        assert "There is no such code." in client.get(reverse("coupons"), {"code": "NOPE9"}).content.decode()

    def test_its_page_shows_what_was_used(self, as_role, make_coupon, make_customer):
        customer = make_customer("Ada")
        coupon = make_coupon(limit_total=4, budget=10_000)
        for cause in ("a", "b"):
            code = issue_coupon(customer=customer, coupon=coupon, cause=cause, actor=SYSTEM)
        Coupon.objects.filter(pk=coupon.pk).update(limit_per_customer=None)
        answer = reserve_coupon(
            code=code.code,
            customer=customer,
            cart_amount=50_000,
            currency="CNY",
            reference="O-1",
            key="k1",
            actor=SYSTEM,
        )
        redeem_coupon(reservation=answer["reservation"], key="k2", actor=SYSTEM)
        page = as_role(Role.AGENT).get(reverse("coupon", args=[coupon.pk]))
        assert [(limit.text, limit.percent) for limit in page.context["limits"]] == [
            ("1 of 4", 25),
            ("CN¥20.00 of CN¥100.00", 20),
        ]
        assert "O-1" in page.content.decode()


class TestTheRest:
    def test_home_figures(self, as_role, rf, staff, message):
        settled(message, "failed", reason="refused")
        request = rf.get("/")
        request.user = staff(Role.LEAD)
        labels = {str(card.label): (card.value, card.url) for _place, cards in home.cards(request) for card in cards}
        assert labels["Failed or uncertain messages"] == ("1", "/messages/?state=trouble&days=30")
        rows = as_role(Role.LEAD).get(labels["Failed or uncertain messages"][1]).context["rows"]
        assert len(rows) == 1

    def test_blocking_and_lifting(self, marketer, make_customer):
        customer = make_customer("Ada", email="ada@example.com")
        marketer.post(reverse("suppress", args=[customer.number]), {"channel": "email"})
        row = Suppression.objects.get()
        page = marketer.get(reverse("customer", args=[customer.number])).content.decode()
        assert "By hand" in page
        marketer.post(reverse("suppression_lift", args=[row.pk]))
        row.refresh_from_db()
        assert row.lifted_at is not None
        response = marketer.post(reverse("suppress", args=[customer.number]), {"channel": "pigeon"}, follow=True)
        assert "There is no such channel." in response.content.decode()
        assert Suppression.objects.filter(lifted_at=None).count() == 0

    def test_an_address_that_bounced_shows_on_whoever_has_it(self, marketer, make_customer):
        customer = make_customer("Ada", email="ada@example.com")
        address = customer.identities.get(kind="email")
        Suppression.objects.create(channel="email", address_index=address.value_index, reason="bounce")
        page = marketer.get(reverse("customer", args=[customer.number])).content.decode()
        assert "Bounced" in page

    def test_the_limits_in_words(self, as_role):
        policy(cap_per_day=2, cap_per_week=0, quiet_from="21:00", quiet_until="09:00", stale_hours=48)
        page = as_role(Role.ANALYST).get(reverse("sending")).content.decode()
        for shown in ("2 messages per customer", "no limit", "From 21:00 to 09:00", "What has waited for 48 hours"):
            assert shown in page

    def test_the_admin_keeps_the_one_row_of_limits(self, admin_client, rule, template, make_coupon):
        coupon = make_coupon()
        assert admin_client.get("/admin/campaigns/sendingpolicy/add/").status_code == 403
        assert admin_client.get("/admin/campaigns/sendingpolicy/1/change/").status_code == 200
        SendingPolicy.objects.all().delete()
        assert admin_client.get("/admin/campaigns/sendingpolicy/add/").status_code == 200
        for path in ("sendingpolicy", "coupon", "template", "carerule", "suppression"):
            assert admin_client.get(f"/admin/campaigns/{path}/").status_code == 200
        page = admin_client.get(f"/admin/campaigns/carerule/{rule.pk}/change/").content.decode()
        assert reverse("care_rule", args=[rule.pk]) in page
        admin_client.post(
            f"/admin/campaigns/coupon/{coupon.pk}/change/", {"name": "Renamed", "active": "on", "value": "99999"}
        )
        coupon.refresh_from_db()
        assert (coupon.name, coupon.value) == ("Renamed", 2_000)
        for path, pk in (("template", template.pk), ("carerule", rule.pk)):
            assert admin_client.post(f"/admin/campaigns/{path}/{pk}/change/", {"name": "X"}).status_code == 403

    def test_lists_cost_the_same_for_one_row_and_many(self, marketer, rule, message, make_customer, template,
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
