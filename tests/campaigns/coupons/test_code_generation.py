"""Test codes in bulk: start, progress and download, by the console and by the API."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from django.urls import reverse

from campaigns.coupons.models import CouponCode
from campaigns.coupons.rules import codes
from campaigns.coupons.services import codes as coupon_codes
from core.base.actor import SYSTEM
from core.base.errors import Conflict
from core.events.models import DomainEvent
from core.jobs.models import Job
from core.jobs.services import run_job
from core.security.roles import Role

pytestmark = pytest.mark.django_db


def rows_of(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def code_of(response) -> str:
    return response.json()["errors"][0]["code"]


def generated(coupon, count=5) -> Job:
    job = coupon_codes.start_generation(coupon=coupon, count=count, actor=SYSTEM)
    run_job(job)
    return job


def test_the_console_starts_shows_and_downloads_codes(client, staff, make_coupon):
    coupon = make_coupon(name="=HYPERLINK(1)", limit_per_customer=None)
    client.force_login(staff(Role.MARKETER))
    page = client.get(reverse("coupon", args=[coupon.pk])).content.decode()
    assert reverse("coupon_generate", args=[coupon.pk]) in page
    client.post(reverse("coupon_generate", args=[coupon.pk]), {"count": "25"})
    job = Job.objects.get()
    assert (job.kind, job.total_count, job.state) == ("campaigns.generate_codes", 25, "queued")
    address = reverse("coupon_codes_file", args=[coupon.pk, job.pk])
    early = client.get(address, follow=True)
    assert "The codes are still being generated." in early.content.decode()
    assert not DomainEvent.objects.filter(kind="campaigns.coupon_codes_exported").exists()
    run_job(job)
    assert address in client.get(reverse("coupon", args=[coupon.pk])).content.decode()
    head, *rows = rows_of(client.get(address))
    assert head == ["Code", "Coupon", "What it gives"]
    assert {row[0].replace("-", "") for row in rows} == set(CouponCode.objects.values_list("code", flat=True))
    assert len(rows) == 25
    assert rows[0][1:] == ["'=HYPERLINK(1)", "¥20.00 off"], "a spreadsheet shows it and does not run it"
    event = DomainEvent.objects.get(kind="campaigns.coupon_codes_exported")
    assert event.payload == {"coupon": coupon.pk, "name": coupon.name, "generation": job.pk, "codes": 25}
    client.force_login(staff(Role.ADMINISTRATOR))
    assert "Coupon codes exported" in client.get("/audit/").content.decode()


@pytest.mark.parametrize("count", ["", "0", "-1", "x", "5000001"])
def test_a_wrong_number_of_codes_starts_nothing(client, staff, make_coupon, count):
    client.force_login(staff(Role.MARKETER))
    page = client.post(reverse("coupon_generate", args=[make_coupon().pk]), {"count": count}, follow=True)
    assert "Enter a number from 1 to 5,000,000." in page.content.decode()
    assert not Job.objects.exists()


def test_an_ended_coupon_gets_no_codes(make_coupon):
    coupon = make_coupon()
    type(coupon).objects.update(active=False)
    coupon.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        coupon_codes.start_generation(coupon=coupon, count=1, actor=SYSTEM)
    assert refused.value.code == "coupon_over"
    assert not Job.objects.exists()


def test_the_api_starts_once_per_key_reports_progress_and_streams(api, make_coupon):
    coupon, other = make_coupon(limit_per_customer=None), make_coupon(name="Other")
    path = f"/api/v1/coupons/{coupon.pk}/codes"

    def start(count, key="k"):
        return api.post(path, {"count": count}, format="json", HTTP_IDEMPOTENCY_KEY=key)

    begun = start(30)
    assert begun.status_code == 202
    number = begun.json()["generation"]
    assert start(30).json()["generation"] == number
    assert code_of(start(31)) == "idempotency_key_reused"
    assert code_of(api.post(path, {"count": 1}, format="json")) == "idempotency_key_missing"
    assert start(0, "z").status_code == 400
    assert Job.objects.count() == 1
    state = api.get(f"{path}/{number}").json()
    assert (state["state"], state["coupon"], state["count"], state["made"]) == ("queued", coupon.pk, 30, 0)
    early = api.get(f"{path}/{number}/file")
    assert (early.status_code, code_of(early)) == (409, "generation_not_done")
    run_job(Job.objects.get())
    assert api.get(f"{path}/{number}").json()["made"] == 30
    assert len(rows_of(api.get(f"{path}/{number}/file"))) == 31
    for wrong in (f"/api/v1/coupons/{other.pk}/codes/{number}", f"{path}/{number + 1}"):
        missing = api.get(wrong)
        assert (missing.status_code, code_of(missing)) == (404, "unknown_generation")
    assert code_of(api.get("/api/v1/coupons/999999/codes/1")) == "unknown_coupon"


def test_a_file_holds_few_codes_in_memory_at_once(make_coupon, monkeypatch):
    coupon = make_coupon(limit_per_customer=None)
    job = generated(coupon, 30_000)
    monkeypatch.setattr(coupon_codes, "EXPORT_CHUNK", 1000)
    tracemalloc.start()
    lines = sum(1 for _line in coupon_codes.export_codes(coupon=coupon, job=job, actor=SYSTEM))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == 30_002
    assert peak < 3_000_000


def test_codes_are_unique_evenly_drawn_and_checked():
    made = codes.new_codes(20_000)
    assert len(set(made)) == 20_000
    assert not any(codes.is_mistyped(code) for code in made)
    counts = [sum(code.count(letter) for code in (one[:14] for one in made)) for letter in codes.ALPHABET]
    expected = 20_000 * 14 / 23
    assert sum((count - expected) ** 2 / expected for count in counts) < 60, "chi-square with 22 degrees: p < 0.0001"
