"""Show a message's own HTML in a locked frame: no script, form or origin, and no requests except pictures."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.utils.html import escape

from campaigns.channels.registry import CHANNELS

POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; img-src https: data: 'self' {settings.SITE_URL}; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox"
)
_PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>&nbsp;</title>
<style>body{{margin:16px;font:14px/1.5 system-ui,sans-serif;color:#1f2937;background:#fff;overflow-wrap:anywhere}}\
img{{max-width:100%}}</style>
</head><body>{body}</body></html>"""


def shows_html(channel: str) -> bool:
    return channel in CHANNELS and CHANNELS[channel].html


def framed(body: str, *, as_html: bool) -> HttpResponse:
    """Return the frame. `body` is cleaned by `templates.render_text`; the frame protects even if the cleaner misses
    something.
    """
    whole = as_html and body[:9].lower() == "<!doctype"
    # Our own pictures come from here, whatever address readers have for this site.
    body = body.replace(f'src="{settings.SITE_URL}/', 'src="/')
    shown = body if as_html else f"<p style='white-space:pre-line'>{escape(body)}</p>"
    response = HttpResponse(body if whole else _PAGE.format(body=shown))
    response["Content-Security-Policy"] = POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, no-store"
    return response
