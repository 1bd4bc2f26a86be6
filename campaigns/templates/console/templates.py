"""Serve template pages: list, details with versions and preview, editor, and a test to oneself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.templates import selectors as queries
from campaigns.templates.console import frames, testing, variables
from campaigns.templates.console.form import TemplateForm, explained, texts_of, typed_texts
from campaigns.templates.console.listing import TEMPLATES
from campaigns.templates.models import MessageClass, Template
from campaigns.templates.registry import TEMPLATE_USERS
from campaigns.templates.rules import declared_values
from campaigns.templates.services import contexts
from campaigns.templates.services import templates as services
from campaigns.templates.services.templates import RenderedText, Text
from core.base import zones
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.views import may, page, viewer, wants_part
from core.lists.showing import respond
from crm.customers.models import Customer
from crm.profiles import selectors as customers

DRAFT_SECONDS = 600


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
    reader = _reader(request, request.GET.get("as", ""), template.values)
    texts = [services.Text(row.language, row.body, row.subject) for row in texts_of(template, version).values()]
    if not texts:
        raise Http404
    context = {
        "template": template,
        "channel": channel_label(template.channel),
        "version": version,
        "versions": queries.versions_of(template),
        "sides": [_look(text, template.channel, template.message_class, reader) for text in texts],
        "reader": reader,
        "as_html": frames.shows_html(template.channel),
        "uses": [(use, may(request.user, user.permission)) for user in TEMPLATE_USERS for use in user.uses(template)],
        "transactional": template.message_class == MessageClass.TRANSACTIONAL,
        "may_change": may(request.user, "campaigns.change_template"),
        "may_choose": may(request.user, "crm.view_customer"),
        "may_test": may(request.user, "campaigns.change_template") and template.channel == testing.CHANNEL,
        "own_address": viewer(request).email,
    }
    return render(request, "campaigns/templates/template.html", context)


def _version(request: HttpRequest, template: Template) -> int:
    text = request.GET.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else template.version


@dataclass(frozen=True)
class PreviewReader:
    """Hold the reader of a preview: a customer, or a sample."""

    asked: str = ""
    customer: Customer | None = None
    declared: Sequence[Mapping[str, Any]] = ()

    @property
    def unknown(self) -> bool:
        return bool(self.asked) and self.customer is None

    def context(self, language: str) -> dict[str, Any]:
        """Return the context; values that only a message brings (order, coupon, segment, links) are samples."""
        sample = contexts.sample_context(language, self.declared)
        if self.customer is None:
            return sample
        facts = contexts.Contexts([self.customer.pk], zones.known_zones())
        extra = {name: sample[name] for name in ("order", "coupon", "segment", "ticket", "links", "values")}
        return facts.of(self.customer.pk, language, extra)


def _reader(request: HttpRequest, query: str, declared: Sequence[Mapping[str, Any]] = ()) -> PreviewReader:
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


def _look(text: Text, channel: str, message_class: str, reader: PreviewReader, *, keep: int | None = None) -> Look:
    context = reader.context(text.language)
    try:
        rendered = services.preview(text=text, channel=channel, context=context)
        rendered = services.footed(rendered, channel=channel, message_class=message_class, context=context)
    except DomainError as error:
        source = text.subject if error.field == "subject" else text.body
        return Look(text.language, error=explained(error, source))
    if keep is None or not frames.shows_html(channel):
        return Look(text.language, rendered)
    mark = hashlib.blake2b(rendered.body.encode(), digest_size=16).hexdigest()
    cache.set(_draft_key(keep, mark), rendered.body, DRAFT_SECONDS)
    return Look(text.language, rendered, mark=mark)


def _draft_key(user_id: int, mark: str) -> str:
    return f"campaigns.draft:{user_id}:{mark}"


@page("campaigns.view_template")
def body(request: HttpRequest, pk: int) -> HttpResponse:
    """Render a saved text for its frame."""
    template = _template(pk)
    row = texts_of(template, _version(request, template)).get(request.GET.get("language", ""))
    if row is None:
        raise Http404
    reader = _reader(request, request.GET.get("as", ""), template.values)
    look = _look(Text(row.language, row.body, row.subject), template.channel, template.message_class, reader)
    shown = look.rendered.body if look.rendered else ""
    return frames.framed(shown, as_html=frames.shows_html(template.channel))


@page("campaigns.change_template")
def draft(request: HttpRequest, mark: str) -> HttpResponse:
    """Return the text that this user's editor has just rendered, for its frame."""
    return frames.framed(cache.get(_draft_key(viewer(request).pk, mark), ""), as_html=True)


@page("campaigns.change_template", methods=("POST",))
def preview(request: HttpRequest) -> HttpResponse:
    """Preview the unsaved texts as the chosen customer would read them."""
    channel = request.POST.get("channel", "")
    if channel not in CHANNELS:
        raise Http404
    reader = _reader(request, request.POST.get("as", ""), _typed_values(request.POST.get("values", "")))
    message_class = request.POST.get("message_class", MessageClass.MARKETING)
    languages = [name[5:] for name in request.POST if name.startswith("body_")][:12]
    texts = [text for text in typed_texts(request.POST, languages) if text.subject or text.body.strip()]
    context = {
        "sides": [_look(text, channel, message_class, reader, keep=viewer(request).pk) for text in texts],
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
    return _form(request, _template(pk))


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
    """Send a test to the user's own address, and to no other."""
    template = _template(pk)
    language = request.POST.get("language", "")
    address = testing.send_test(
        template=template,
        language=language,
        context=_reader(request, request.POST.get("as", ""), template.values).context(
            language or settings.LANGUAGE_CODE
        ),
        user=viewer(request),
    )
    messages.success(request, _t("A test was sent to %(address)s.") % {"address": address})
    if wants_part(request):
        return HttpResponse(status=204)
    return redirect("template", template.pk)


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
