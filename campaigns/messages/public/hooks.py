"""Accept callbacks of providers: delivery receipts (signed or with a key), and e-mail events through anymail."""

from __future__ import annotations

import json

import structlog
from anymail.urls import urlpatterns as anymail_patterns
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.urls import Resolver404
from django.urls.resolvers import RegexPattern, URLResolver
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import PROVIDERS, Forged
from campaigns.messages.services import feedback

log = structlog.get_logger("liuke.feedback")
MOST_BYTES = 1024 * 1024
_anymail = URLResolver(RegexPattern(r"^"), anymail_patterns)


@login_not_required
@csrf_exempt  # The provider has no cookie; its signature or key is the proof.
@require_POST
def receipts(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept delivery receipts; a repeat gets the same answer. A forged callback gets 403 and changes nothing."""
    account = ChannelAccount.objects.filter(pk=pk).first()
    if account is None or account.provider not in PROVIDERS or not PROVIDERS[account.provider].reports:
        raise Http404
    if len(request.body) > MOST_BYTES:
        return HttpResponse(status=413)
    headers = {name.lower(): value for name, value in request.headers.items()} | {"key": request.GET.get("key", "")}
    try:
        changed = feedback.take_receipts(account=account, headers=headers, body=request.body)
    except Forged as error:
        log.warning("receipt_forged", account=pk, why=str(error))
        return HttpResponseForbidden()
    except (ValueError, KeyError, AttributeError, TypeError, json.JSONDecodeError):
        return HttpResponse(status=400)
    log.info("receipts", account=pk, changed=changed)
    return JsonResponse(PROVIDERS[account.provider].reply())


@login_not_required
@csrf_exempt
@require_POST
def mail_events(request: HttpRequest, provider: str) -> HttpResponse:
    """Accept e-mail events of any anymail provider: hooks/email/mailgun/. Closed without ANYMAIL_WEBHOOK_SECRET."""
    if not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        raise Http404
    try:
        match = _anymail.resolve(f"{provider}/tracking/")
    except Resolver404:
        raise Http404 from None
    return match.func(request, *match.args, **match.kwargs)
