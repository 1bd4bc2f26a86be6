"""Serve template pages: list, details with versions and preview, editor, and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.templates import selectors as queries
from campaigns.templates.console import frames, previews, variables
from campaigns.templates.console.form import TemplateForm, texts_of, typed_texts
from campaigns.templates.console.listing import TEMPLATES
from campaigns.templates.models import MessageClass, Template
from campaigns.templates.registry import TEMPLATE_USERS
from campaigns.templates.rules import declared_values
from campaigns.templates.services import contexts, sending_tests
from campaigns.templates.services import templates as services
from core.base.actor import of_user
from core.base.errors import DomainError, Invalid
from core.console.views import may, page, viewer, wants_part
from core.lists.showing import respond


def _template(pk: int) -> Template:
    return get_object_or_404(Template, pk=pk)


@page("campaigns.view_template")
def index(request: HttpRequest) -> HttpResponse:
    return respond(TEMPLATES, request)


@page("campaigns.view_template")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one version of the template as a customer would read it."""
    template = _template(pk)
    version = _version(request, template)
    reader = previews.reader_of(request, request.GET.get("as", ""), template.values)
    texts = [services.text_of(row) for row in texts_of(template, version).values()]
    if not texts:
        raise Http404
    context = {
        "template": template,
        "channel": channel_label(template.channel),
        "version": version,
        "versions": queries.versions_of(template),
        "sides": [previews.look_of(text, template.channel, template.message_class, reader) for text in texts],
        "reader": reader,
        "as_html": frames.shows_html(template.channel),
        "uses": [(use, may(request.user, user.permission)) for user in TEMPLATE_USERS for use in user.uses(template)],
        "transactional": template.message_class == MessageClass.TRANSACTIONAL,
        "designed": services.design_of(template, template.version) is not None,
        "may_change": may(request.user, "campaigns.change_template"),
        "may_choose": may(request.user, "crm.view_customer"),
        "may_test": may(request.user, "campaigns.change_template") and template.channel == sending_tests.CHANNEL,
        "addresses": ", ".join(sending_tests.remembered(viewer(request))),
    }
    return render(request, "campaigns/templates/template.html", context)


def _version(request: HttpRequest, template: Template) -> int:
    text = request.GET.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else template.version


@page("campaigns.view_template")
def body(request: HttpRequest, pk: int) -> HttpResponse:
    """Render a saved text for its frame."""
    template = _template(pk)
    row = texts_of(template, _version(request, template)).get(request.GET.get("language", ""))
    if row is None:
        raise Http404
    reader = previews.reader_of(request, request.GET.get("as", ""), template.values)
    look = previews.look_of(services.text_of(row), template.channel, template.message_class, reader)
    shown = look.rendered.body if look.rendered else ""
    return frames.framed(shown, as_html=frames.shows_html(template.channel))


@page("campaigns.change_template")
def draft(request: HttpRequest, mark: str) -> HttpResponse:
    """Return the text that this user's editor has just rendered, for its frame."""
    body = cache.get(previews.draft_key(viewer(request).pk, mark), "")
    if request.GET.get("dark"):
        # A frame follows the scheme of the device; here it is shown whatever the device says.
        body = body.replace("@media (prefers-color-scheme: dark)", "@media all")
    return frames.framed(body, as_html=True)


@page("campaigns.change_template", methods=("POST",))
def preview(request: HttpRequest) -> HttpResponse:
    """Preview the unsaved texts as the chosen customer would read them."""
    channel = request.POST.get("channel", "")
    if channel not in CHANNELS:
        raise Http404
    reader = previews.reader_of(request, request.POST.get("as", ""), _typed_values(request.POST.get("values", "")))
    message_class = request.POST.get("message_class", MessageClass.MARKETING)
    languages = [name[5:] for name in request.POST if name.startswith("body_")][:12]
    texts = [text for text in typed_texts(request.POST, languages) if text.subject or text.body.strip()]
    context = {
        "sides": [previews.look_of(text, channel, message_class, reader, keep=viewer(request).pk) for text in texts],
        "reader": reader,
        "as_html": frames.shows_html(channel),
    }
    return render(request, "campaigns/templates/template_preview.html", context)


def _typed_values(text: str) -> list[dict[str, Any]]:
    """Return the declared values of a preview while they are being entered; none when they are invalid."""
    try:
        return declared_values.read(text)
    except declared_values.WrongValue:
        return []


@page("campaigns.add_template", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("campaigns.change_template", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    template = _template(pk)
    if services.design_of(template, template.version) is not None:
        messages.info(request, _t("This e-mail is made of blocks. Choose “Edit” to change them."))
        return redirect("template", pk)
    return _form(request, template)


def _form(request: HttpRequest, template: Template | None) -> HttpResponse:
    form = TemplateForm(request.POST or None, template=template)
    if request.method == "POST" and form.is_valid():
        texts = form.texts()
        try:
            saved = services.save_template(
                name=form.cleaned_data["name"],
                channel=form.cleaned_data["channel"],
                message_class=form.cleaned_data["message_class"],
                code=form.cleaned_data["code"],
                values=form.cleaned_data["values"],
                texts=texts,
                template=template,
                actor=of_user(request.user),
            )
        except DomainError as error:
            form.refuse(error, texts)
        else:
            messages.success(
                request,
                _t("“%(name)s” is saved as version %(version)s.") % {"name": saved.name, "version": saved.version},
            )
            return redirect("template", saved.pk)
    context = {
        "template": template,
        "form": form,
        "action": reverse("template_edit", args=[template.pk]) if template else reverse("template_new"),
        "variables": list(variables.offered(contexts.sample_context(request.LANGUAGE_CODE or settings.LANGUAGE_CODE))),  # type: ignore[attr-defined]
        "pieces": variables.PIECES,
        "blocks": variables.BLOCKS,
    }
    return render(request, "campaigns/templates/template_edit.html", context)


@page("campaigns.change_template", methods=("POST",))
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test of the newest texts, in one language or in all, to the addresses that were entered."""
    template = _template(pk)
    if template.channel != sending_tests.CHANNEL:
        raise Invalid(_t("Only e-mail can be tested this way."), code="invalid", field="channel")
    addresses = sending_tests.read_addresses(request.POST.get("addresses", ""))
    reader = previews.reader_of(request, request.POST.get("as", ""), template.values)
    language = request.POST.get("language", "")
    texts = services.texts_of(template)
    count = sending_tests.send_tests(
        texts=[texts[language]] if language in texts else list(texts.values()),
        message_class=template.message_class,
        addresses=addresses,
        context_of=lambda text: reader.context(text.language, text.body),
        user=viewer(request),
    )
    messages.success(request, tests_sent(count, addresses))
    if wants_part(request):
        return HttpResponse(status=204)
    return redirect("template", template.pk)


def tests_sent(count: int, addresses: Sequence[str]) -> str:
    """Return the sentence that says where tests went."""
    text = ngettext("%(count)s test was sent to %(addresses)s.", "%(count)s tests were sent to %(addresses)s.", count)
    return text % {"count": count, "addresses": ", ".join(addresses)}


@page("campaigns.change_template", methods=("POST",))
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    text = request.POST.get("version", "")
    version = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    saved = services.restore_version(template=_template(pk), version=version, actor=of_user(request.user))
    messages.success(
        request,
        _t("Version %(old)s is restored as version %(new)s.") % {"old": version, "new": saved.version},
    )
    return redirect("template", pk)
