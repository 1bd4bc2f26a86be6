"""Record opens and clicks of marketing e-mail, once each.

Links lead through a signed address, which only redirects to URLs from our own messages (no open redirect).
Transactional mail is not tracked: its links are often keys. A click is also an open, because pictures are often not
loaded.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from campaigns.channels.rules import before_end
from campaigns.messages import events
from campaigns.templates.rules import links
from core.base.errors import Invalid
from core.events.bus import emit
from core.security.signing import Signer

SALT = "campaigns.tracking"
# Links that must work even if tracking fails, and that say nothing about interest.
OWN_PATHS = ("/u/", "/p/", "/rate/", "/c/", "/o/")


@dataclass(frozen=True)
class TrackedLink:
    """A link of a message whose clicks are counted."""

    message_id: UUID
    url: str


def tracked(body: str, message_id: UUID) -> str:
    """Return the HTML for hand-over: links through our redirect, and a one-pixel picture at the end."""
    own = tuple(f"{settings.SITE_URL}{path}" for path in OWN_PATHS)
    dot = f'<img src="{settings.SITE_URL}/o/{_sign(message_id, "")}.gif" width="1" height="1" alt="">'
    followed = links.replace(body, lambda url: f"{settings.SITE_URL}/c/{_sign(message_id, url)}/", own)
    return before_end(followed, dot)


def read_link(token: str) -> TrackedLink:
    """Read a signed link. Raises Invalid `link_invalid` for a forged one. A valid link never expires."""
    try:
        packed = signer().unsign(token)
        raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        url = raw[16:].decode()
        if url and not links.is_followed(url):
            raise ValueError("not a web address")
        return TrackedLink(UUID(bytes=raw[:16]), url)
    except (signing.BadSignature, binascii.Error, ValueError):
        raise Invalid(_("This link is not valid."), code="link_invalid") from None


def record_open(*, message_id: UUID) -> bool:
    """Record the first open. Return whether this was the first."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message SET opened_at = clock_timestamp()
               WHERE id = %s AND opened_at IS NULL AND state IN ('sending', 'sent', 'uncertain')""",
            [message_id],
        )
        return cursor.rowcount == 1


def record_click(*, link: TrackedLink) -> bool:
    """Record the first click of the message and of each of its links. Return whether it is this link's first."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_linkclick (message_id, url, url_digest)
               SELECT id, %s, %s FROM campaigns_message WHERE id = %s AND state IN ('sending', 'sent', 'uncertain')
               ON CONFLICT DO NOTHING""",
            [link.url, blake2b(link.url.encode(), digest_size=16).digest(), link.message_id],
        )
        if not cursor.rowcount:
            return False
        cursor.execute(
            """UPDATE campaigns_message m SET clicked_at = seen.at, opened_at = coalesce(m.opened_at, seen.at)
               FROM campaigns_template t, (SELECT clock_timestamp() AS at) seen
               WHERE m.id = %s AND m.clicked_at IS NULL AND t.id = m.template_id
               RETURNING m.customer_id, m.channel, m.subject, t.name, m.origin""",
            [link.message_id],
        )
        row = cursor.fetchone()
        if row is not None:
            customer, channel, subject, name, origin = row
            payload = {
                "message": str(link.message_id),
                "channel": channel,
                "subject": subject,
                "name": name,
                "origin": origin,
            }
            emit(events.MESSAGE_CLICKED, subject_id=customer, payload=payload)
    return True


@lru_cache(maxsize=1)
def signer() -> Signer:
    """Return the signer of tracked links."""
    return Signer(salt=SALT)


def _sign(message_id: UUID, url: str) -> str:
    return signer().sign(base64.urlsafe_b64encode(message_id.bytes + url.encode()).decode().rstrip("="))
