"""Check whether receivers trust the mail of the shop's domain: SPF, DKIM and DMARC, with the records to publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings
from django.utils.functional import Promise

from core.http import resolving
from core.http.resolving import Resolve, ResolverUnreachable
from crm.customers.labels import MAIL_RECORDS, UNREACHABLE
from crm.customers.models import Store
from crm.customers.rules import mail_records
from crm.customers.rules.mail_records import Judged

# A missing policy makes messages arrive less often; a policy that only watches is a first step.
WARNINGS = {"only_watched", "no_selector", "allows_all"}


@dataclass(frozen=True)
class RecordCheck:
    """The result for one record: the name to publish it at, what is there now, and what should be there."""

    kind: str
    title: str
    tone: str
    words: str | Promise
    name: str
    found: str = ""
    record: str = ""


@dataclass(frozen=True)
class DomainCheck:
    """The results for the domain of the sender."""

    domain: str
    records: list[RecordCheck]


def sender_address(store: Store | None) -> str:
    """Return the address that messages come from: the shop's own, else the server's."""
    return (store.sender_email if store else "") or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def check_domain(store: Store, *, resolve: Resolve | None = None) -> DomainCheck | None:
    """Check the domain of the shop's sender. Return None when the sender has no domain that exists outside."""
    domain = mail_records.domain_of(sender_address(store))
    if "." not in domain:
        return None
    ask = resolve or resolving.txt_records
    mechanism = mail_records.mechanism_of(settings.EMAIL_PROVIDER, settings.EMAIL_HOST)
    selector = store.dkim_selector
    reports = store.reply_to or f"postmaster@{domain}"
    return DomainCheck(
        domain,
        [
            _checked("spf", domain, ask, lambda records: mail_records.judge_spf(records, mechanism)),
            _checked(
                "dkim",
                f"{selector}._domainkey.{domain}" if selector else "",
                ask,
                lambda records: mail_records.judge_dkim(records, selector),
            ),
            _checked("dmarc", f"_dmarc.{domain}", ask, lambda records: mail_records.judge_dmarc(records, reports)),
        ],
    )


def _checked(kind: str, name: str, ask: Resolve, judge: Callable[[list[str]], Judged]) -> RecordCheck:
    try:
        judged = judge(ask(name) if name else [])
    except ResolverUnreachable:
        return RecordCheck(kind, kind.upper(), "off", UNREACHABLE, name)
    tone = "good" if judged.good else "warn" if judged.code in WARNINGS else "bad"
    return RecordCheck(
        kind, kind.upper(), tone, MAIL_RECORDS[kind, judged.code], name, judged.found, judged.record
    )  # fmt: skip
