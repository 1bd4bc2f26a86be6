"""The judgement of SPF, DKIM and DMARC records, and the check of the shop's domain with a resolver of the test."""

from __future__ import annotations

import pytest

from core.http import resolving
from core.http.resolving import ResolverUnreachable
from crm.customers.rules.mail_records import domain_of, judge_dkim, judge_dmarc, judge_spf, mechanism_of
from crm.customers.services.mail_domain import check_domain

POSTMARK = "include:spf.mtasv.net"


@pytest.mark.parametrize(
    ("records", "code", "record"),
    [
        ([], "missing", f"v=spf1 {POSTMARK} ~all"),
        (["google-site-verification=x"], "missing", f"v=spf1 {POSTMARK} ~all"),
        (["v=spf1 include:spf.mtasv.net -all"], "ok", ""),
        (["V=SPF1 +include:SPF.mtasv.net ?all"], "ok", ""),
        (
            ["v=spf1 mx include:_spf.google.com ~all"],
            "not_allowed",
            f"v=spf1 {POSTMARK} mx include:_spf.google.com ~all",
        ),
        (["v=spf1 mx +all"], "allows_all", f"v=spf1 {POSTMARK} mx ~all"),
        (["v=spf1 mx -all", "v=spf1 a ~all"], "several", f"v=spf1 {POSTMARK} mx a ~all"),
    ],
)
def test_spf(records, code, record):
    judged = judge_spf(records, POSTMARK)
    assert (judged.code, judged.record) == (code, record)


def test_spf_of_an_unknown_way_to_send_asks_for_any_record():
    assert judge_spf(["v=spf1 mx ~all"], "").code == "ok"
    assert judge_spf([], "").record == "v=spf1 ~all"


@pytest.mark.parametrize(
    ("records", "selector", "code"),
    [
        ([], "", "no_selector"),
        ([], "s1", "missing"),
        (["v=DKIM1; k=rsa; p=MIGf"], "s1", "ok"),
        (["k=rsa; p=MIGf"], "s1", "ok"),
        (["v=DKIM1; p="], "s1", "no_key"),
    ],
)
def test_dkim(records, selector, code):
    assert judge_dkim(records, selector).code == code


@pytest.mark.parametrize(
    ("records", "code", "record"),
    [
        ([], "missing", "v=DMARC1; p=quarantine; rua=mailto:post@shop.example"),
        (["v=DMARC1; p=reject"], "ok", ""),
        (["v=DMARC1;p=quarantine;pct=50"], "ok", ""),
        (["v=DMARC1; p=none; sp=none"], "only_watched", "v=DMARC1; p=quarantine; sp=none"),
        (["v=DMARC1; rua=mailto:x@y.z"], "no_policy", "v=DMARC1; p=quarantine; rua=mailto:post@shop.example"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "several", "v=DMARC1; p=quarantine; rua=mailto:post@shop.example"),
    ],
)
def test_dmarc(records, code, record):
    judged = judge_dmarc(records, "post@shop.example")
    assert (judged.code, judged.record) == (code, record)


def test_domains_and_mechanisms():
    assert domain_of("Post@Shop.Example") == "shop.example"
    assert domain_of("shop") == ""
    assert mechanism_of("smtp", "mail.shop.example") == "a:mail.shop.example"
    assert mechanism_of("smtp", "localhost") == ""
    assert mechanism_of("sendgrid", "") == "include:sendgrid.net"


@pytest.mark.django_db
class TestTheCheckOfADomain:
    def test_every_record_is_asked_by_its_name(self, store, settings):
        # given a shop that sends with Postmark, and a domain with a key and a policy
        settings.EMAIL_PROVIDER = "postmark"
        store.sender_email, store.dkim_selector = "post@shop.example", "pm"
        answers = {
            "shop.example": ["v=spf1 mx ~all"],
            "pm._domainkey.shop.example": ["k=rsa; p=MIGf"],
            "_dmarc.shop.example": ["v=DMARC1; p=none"],
        }
        asked: list[str] = []

        def resolve(name: str) -> list[str]:
            asked.append(name)
            return answers[name]

        # when it is checked
        check = check_domain(store, resolve=resolve)
        # then each answer is in words, with the record to publish
        assert check
        assert asked == list(answers)
        assert [(one.title, one.tone, one.record) for one in check.records] == [
            ("SPF", "bad", "v=spf1 include:spf.mtasv.net mx ~all"),
            ("DKIM", "good", ""),
            ("DMARC", "warn", "v=DMARC1; p=quarantine"),
        ]
        assert str(check.records[0].words) == (
            "The record does not name your e-mail provider, so your mail may be refused."
        )

    def test_without_a_selector_no_key_is_asked(self, store):
        store.sender_email = "post@shop.example"
        asked: list[str] = []
        check = check_domain(store, resolve=lambda name: asked.append(name) or [])  # type: ignore[func-returns-value]
        assert check
        assert asked == ["shop.example", "_dmarc.shop.example"]
        assert check.records[1].tone == "warn"

    def test_an_unreachable_resolver_says_so(self, store, monkeypatch):
        store.sender_email, store.dkim_selector = "post@shop.example", "s1"

        def resolve(name: str) -> list[str]:
            raise ResolverUnreachable(name)

        monkeypatch.setattr(resolving, "txt_records", resolve)
        check = check_domain(store)
        assert check
        assert {one.tone for one in check.records} == {"off"}
        assert {str(one.words) for one in check.records} == {
            "No name server answered, so this could not be checked. Try again later."
        }
        assert {one.record for one in check.records} == {""}

    def test_a_sender_without_a_domain_is_not_checked(self, store, settings):
        settings.DEFAULT_FROM_EMAIL = "shop@localhost"
        assert check_domain(store, resolve=lambda name: []) is None
