"""Test coupons in the console: amounts as entered, giving to one or many, finding a code."""

from __future__ import annotations

import pytest
from django.urls import reverse

from analytics.features.services.features import refresh_everything
from analytics.segments.models import Segment
from analytics.segments.services.runs import compute_segments
from analytics.segments.services.segments import create_segment
from campaigns.coupons.models import Coupon, CouponCode
from campaigns.coupons.rules import codes
from campaigns.coupons.services.codes import issue_coupon
from campaigns.coupons.services.uses import redeem_coupon, reserve_coupon
from core.base.actor import SYSTEM
from core.jobs.models import Job
from core.jobs.services import run_job
from core.security.roles import Role
from tests.campaigns.pages import PART

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


class TestCoupons:
    def test_amounts_are_entered_in_major_units(self, marketer):
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

    def test_giving_back_after_a_refund_is_optional(self, marketer):
        data = {"name": "Ten off", "kind": "amount", "value": "10", "mode": "unique", "give_back": "on"}
        assert 'name="give_back"' in marketer.get(reverse("coupon_new")).content.decode()
        marketer.post(reverse("coupon_new"), data)
        coupon = Coupon.objects.get()
        assert coupon.give_back is True
        marketer.post(reverse("coupon_edit", args=[coupon.pk]), {"name": "Ten off"})
        coupon.refresh_from_db()
        assert coupon.give_back is False

    def test_a_refusal_is_shown_at_its_field_and_saves_nothing(self, marketer, make_coupon):
        data = {"name": "X", "kind": "percent", "value": "120", "mode": "unique"}
        assert list(marketer.post(reverse("coupon_new"), data).context["form"].errors) == ["value"]
        data = {"name": "X", "kind": "amount", "value": "1.234", "mode": "unique"}
        assert list(marketer.post(reverse("coupon_new"), data).context["form"].errors) == ["value"]
        make_coupon(code="SUMMER25")
        data = {"name": "X", "kind": "amount", "value": "5", "mode": "public", "code": "summer-25"}
        assert list(marketer.post(reverse("coupon_new"), data).context["form"].errors) == ["code"]
        assert Coupon.objects.count() == 1

    def test_submitting_the_same_form_twice_gives_one_code(self, as_role, make_coupon, make_customer):
        coupon, customer = make_coupon(), make_customer("Ada")
        client = as_role(Role.AGENT)
        page = client.get(reverse("customer", args=[customer.number]), {"tab": "coupons"}).content.decode()
        assert "Choose a coupon" in page
        for _time in range(2):
            client.post(reverse("coupon_give", args=[customer.number]), {"coupon": coupon.pk, "mark": "m1"})
        code = CouponCode.objects.get()
        assert code.customer == customer
        assert (
            codes.shown(code.code)
            in client.get(reverse("customer", args=[customer.number]), {"tab": "coupons"}).content.decode()
        )
        client.post(reverse("coupon_issue", args=[coupon.pk]), {"customer": customer.number, "mark": "m2"})
        assert CouponCode.objects.count() == 2

    def test_an_unknown_customer_gets_no_code(self, as_role, make_coupon):
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
        assert page.context["issue_text"] == "3 customers in “All” get a code of “Summer” each."
        marketer.post(reverse("coupon_issue_segment", args=[coupon.pk]), {"segment": everyone.pk})
        job = Job.objects.get()
        assert (job.state, job.total_count) == ("queued", 3)
        part = marketer.get(reverse("coupon_jobs", args=[coupon.pk]), headers=PART).content.decode()
        assert "hx-trigger" in part
        run_job(job)
        assert CouponCode.objects.filter(coupon=coupon).count() == 3
        done = marketer.get(reverse("coupon_jobs", args=[coupon.pk]), headers=PART)
        assert (done.status_code, done.headers["HX-Refresh"]) == (204, "true")

    def test_a_code_is_found_in_its_readable_form(self, as_role, make_coupon, make_customer):
        customer = make_customer("Ada")
        code = issue_coupon(customer=customer, coupon=make_coupon(), cause="x", actor=SYSTEM)
        client = as_role(Role.AGENT)
        typed = codes.shown(code.code).lower().replace("-", " ")
        assert client.get(reverse("coupons"), {"code": typed}).context["found"] == code
        wrong = code.code[:-1] + ("2" if code.code[-1] != "2" else "3")
        assert client.get(reverse("coupons"), {"code": wrong}).context["mistyped"] is True
        assert "This code does not exist." in client.get(reverse("coupons"), {"code": "NOPE9"}).content.decode()

    def test_the_coupon_page_shows_its_uses(self, as_role, make_coupon, make_customer):
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
            ("¥20.00 of ¥100.00", 20),
        ]
        assert "O-1" in page.content.decode()
