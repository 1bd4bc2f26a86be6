"""Previews of texts: the reader is a customer or a sample, and a frame shows what the reader would see."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest

from campaigns.templates.console import frames
from campaigns.templates.console.form import explained
from campaigns.templates.services import contexts
from campaigns.templates.services import templates as services
from campaigns.templates.services.templates import RenderedText, Text
from core.base import zones
from core.base.errors import DomainError
from core.console.views import may
from crm.customers.models import Customer
from crm.profiles import selectors as customers

DRAFT_SECONDS = 600


@dataclass(frozen=True)
class PreviewReader:
    """Hold the reader of a preview: a customer, or a sample."""

    asked: str = ""
    customer: Customer | None = None
    declared: Sequence[Mapping[str, Any]] = ()

    @property
    def unknown(self) -> bool:
        return bool(self.asked) and self.customer is None

    def context(self, language: str, source: str = "") -> dict[str, Any]:
        """Return the context; values that only a message brings (order, coupon, segment, links) are samples.

        `source` is the text, whose products are loaded.
        """
        sample = contexts.sample_context(language, self.declared, source)
        if self.customer is None:
            return sample
        facts = contexts.Contexts([self.customer.pk], zones.known_zones())
        facts.know_products([source])
        extra = {name: sample[name] for name in ("order", "coupon", "segment", "ticket", "links", "values")}
        extra["links"] = {**sample["links"], "member_code": contexts.member_code_url(self.customer.pk)}
        return {**facts.of(self.customer.pk, language, extra), "event": sample["event"], "expiring": sample["expiring"]}


def reader_of(request: HttpRequest, query: str, declared: Sequence[Mapping[str, Any]] = ()) -> PreviewReader:
    """Return the customer by number, name or contact; only for users who may see customers."""
    query = query.replace("\x00", "").strip()[:100]
    if not query or not may(request.user, "crm.view_customer"):
        return PreviewReader(declared=declared)
    exact = Customer.objects.active().filter(number=query).first()
    return PreviewReader(query, exact or customers.search(query).order_by("-created_at", "-id").first(), declared)


@dataclass(frozen=True)
class Look:
    """Hold one language of a preview: the result or the error. `mark` names the draft that the frame loads."""

    language: str
    rendered: RenderedText | None = None
    error: str = ""
    mark: str = ""


def look_of(text: Text, channel: str, message_class: str, reader: PreviewReader, *, keep: int | None = None) -> Look:
    """Render one text. `keep` is the user for whose frame the result is kept."""
    context = reader.context(text.language, text.body)
    try:
        rendered = services.preview(text=text, channel=channel, context=context)
        rendered = services.footed(rendered, channel=channel, message_class=message_class, context=context)
    except DomainError as error:
        source = text.subject if error.field == "subject" else text.body
        return Look(text.language, error=explained(error, source))
    if keep is None or not frames.shows_html(channel):
        return Look(text.language, rendered)
    mark = hashlib.blake2b(rendered.body.encode(), digest_size=16).hexdigest()
    cache.set(draft_key(keep, mark), rendered.body, DRAFT_SECONDS)
    return Look(text.language, rendered, mark=mark)


def draft_key(user_id: int, mark: str) -> str:
    """Return the key under which a user's rendered draft is kept."""
    return f"campaigns.draft:{user_id}:{mark}"
