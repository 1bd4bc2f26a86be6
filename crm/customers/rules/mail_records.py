"""The DNS records that let receivers trust the mail of a domain: SPF, DKIM and DMARC, judged from TXT records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# The SPF mechanism that allows a provider's servers, from the providers' own documentation.
INCLUDES = {
    "brevo": "include:spf.brevo.com",
    "mailersend": "include:_spf.mailersend.net",
    "mailgun": "include:mailgun.org",
    "mailjet": "include:spf.mailjet.com",
    "mailtrap": "include:_spf.smtp.mailtrap.live",
    "mandrill": "include:spf.mandrillapp.com",
    "postmark": "include:spf.mtasv.net",
    "resend": "include:amazonses.com",
    "scaleway": "include:_spf.scw-tem.cloud",
    "sendgrid": "include:sendgrid.net",
    "sparkpost": "include:_spf.sparkpostmail.com",
}
_TAG = re.compile(r"\s*([a-z]+)\s*=\s*([^;]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Judged:
    """The result of one check. `code` says what was found, `record` is the text to publish when something is missing.

    Codes: ok, missing, several, allows_all, not_allowed, no_selector, no_key, no_policy, only_watched.
    """

    code: str
    found: str = ""
    record: str = ""

    @property
    def good(self) -> bool:
        """Return whether nothing is to be published."""
        return self.code == "ok"


def domain_of(address: str) -> str:
    """Return the domain of an e-mail address in lower case, or ""."""
    return address.rpartition("@")[2].strip().strip(".").lower() if "@" in address else ""


def mechanism_of(provider: str, host: str) -> str:
    """Return the SPF mechanism of the shop's way to send, or "" when it is not known."""
    if provider == "smtp" and host and host != "localhost":
        return f"a:{host}"
    return INCLUDES.get(provider, "")


def judge_spf(records: Sequence[str], mechanism: str) -> Judged:
    """Judge the TXT records of the domain itself. With more than one SPF record receivers use none (RFC 7208)."""
    found = [record for record in records if record.lower().split(" ")[0] == "v=spf1"]
    wanted = f"v=spf1 {mechanism} ~all" if mechanism else "v=spf1 ~all"
    if not found:
        return Judged("missing", record=wanted)
    if len(found) > 1:
        return Judged("several", " | ".join(found), _merged(found, mechanism))
    terms = found[0].lower().split()
    if "+all" in terms or "all" in terms:
        return Judged("allows_all", found[0], _merged(found, mechanism))
    if mechanism and mechanism.lower() not in {term.lstrip("+") for term in terms}:
        return Judged("not_allowed", found[0], _merged(found, mechanism))
    return Judged("ok", found[0])


def _merged(records: Sequence[str], mechanism: str) -> str:
    """Return one record with the mechanisms of all, the own one first, and a soft failure for every other sender."""
    terms = [term for record in records for term in record.split()[1:]]
    kept = [term for term in terms if term.lower().lstrip("+-~?") != "all" and term.lower() != mechanism.lower()]
    return " ".join(["v=spf1", *([mechanism] if mechanism else []), *dict.fromkeys(kept), "~all"])


def judge_dkim(records: Sequence[str], selector: str) -> Judged:
    """Judge the TXT records of `selector._domainkey.domain`. Only the provider knows the key to publish."""
    if not selector:
        return Judged("no_selector")
    keys = [record for record in records if "p=" in record.replace(" ", "").lower()]
    if not keys:
        return Judged("missing")
    tags = tags_of(keys[0])
    return Judged("ok" if tags.get("p") else "no_key", keys[0])


def judge_dmarc(records: Sequence[str], report_to: str) -> Judged:
    """Judge the TXT records of `_dmarc.domain`. A policy of `none` only watches."""
    wanted = f"v=DMARC1; p=quarantine; rua=mailto:{report_to}"
    found = [record for record in records if record.lower().replace(" ", "").startswith("v=dmarc1")]
    if not found:
        return Judged("missing", record=wanted)
    if len(found) > 1:
        return Judged("several", " | ".join(found), wanted)
    policy = tags_of(found[0]).get("p", "").lower()
    if policy not in {"none", "quarantine", "reject"}:
        return Judged("no_policy", found[0], wanted)
    if policy == "none":
        stricter = re.sub(r"\bp\s*=\s*none", "p=quarantine", found[0], flags=re.IGNORECASE)
        return Judged("only_watched", found[0], stricter)
    return Judged("ok", found[0])


def tags_of(record: str) -> dict[str, str]:
    """Return the `name=value` pairs of a record, names in lower case."""
    pairs = (_TAG.match(part) for part in record.split(";"))
    return {pair[1].lower(): pair[2].strip() for pair in pairs if pair}
