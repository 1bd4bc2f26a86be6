"""The editor of e-mails made of blocks: choose a ready design, write with a live preview, save as a version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _t

from campaigns.channels.rules import to_text
from campaigns.designs.models import DesignPicture, SavedBlock
from campaigns.designs.registry import BLOCKS
from campaigns.designs.services.documents import all_blocks, picture_names
from campaigns.designs.services.library import delete_saved_block, save_block
from campaigns.designs.services.pictures import HEAVY_BYTES, picture_path, save_picture
from campaigns.designs.services.ready import READY
from campaigns.templates.console import frames, previews, variables
from campaigns.templates.console.templates import tests_sent
from campaigns.templates.models import MessageClass, Template, TemplateDraft
from campaigns.templates.services import contexts, designs, sending_tests
from core.base.actor import of_user
from core.base.errors import Conflict, DomainError, Invalid
from core.console.views import may, page, viewer
from core.fields.pickers import PICKERS, picker_context
from core.fields.schema import Field
from core.text.formatting import language_label

MOST_BYTES = 512 * 1024
# Letters; phones cut a longer subject.
LONG_SUBJECT = 60


@page("campaigns.add_template")
def choose(request: HttpRequest) -> HttpResponse:
    """Show the ready designs as small pictures of themselves."""
    drafts = TemplateDraft.objects.filter(template=None).select_related("written_by")[:20]
    return render(request, "campaigns/templates/design_choose.html", {"designs": READY.items(), "drafts": drafts})


@page("campaigns.view_template")
def ready(request: HttpRequest, code: str) -> HttpResponse:
    """Render a ready design for its frame, in the language of the viewer."""
    if code not in READY:
        raise Http404
    design = READY[code]
    language = request.LANGUAGE_CODE if request.LANGUAGE_CODE in design.subjects else "en"  # type: ignore[attr-defined]
    _document, texts = designs.compiled_texts(design.document(), {language: design.subjects[language]})
    look = previews.look_of(texts[0], designs.CHANNEL, MessageClass.MARKETING, previews.PreviewReader())
    return frames.framed(look.rendered.body if look.rendered else "", as_html=True)


@page("campaigns.add_template", methods=("POST",))
def start(request: HttpRequest) -> HttpResponse:
    draft = designs.start_draft(design=request.POST.get("design", ""), actor=of_user(request.user))
    return redirect("design_edit", draft.pk)


@page("campaigns.change_template", methods=("POST",))
def open_template(request: HttpRequest, pk: int) -> HttpResponse:
    draft = designs.open_draft(template=get_object_or_404(Template, pk=pk), actor=of_user(request.user))
    return redirect("design_edit", draft.pk)


@page("campaigns.change_template")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    draft = get_object_or_404(TemplateDraft.objects.select_related("template"), pk=pk)
    languages = [{"code": code, "label": language_label(code)} for code in dict(settings.LANGUAGES)]
    data = {
        "draft": {
            "name": draft.name,
            "message_class": draft.message_class,
            "subjects": draft.subjects,
            "document": draft.document,
            "revision": draft.revision,
        },
        "languages": languages,
        "kinds": {name: _kind_json(name) for name in BLOCKS.names()},
        "saved": _saved_json(),
        "variables": list(_variables(request)),
        "products": _products(draft.document),
        "pictures": picture_path("NAME"),
        "urls": {
            "save": reverse("design_autosave", args=[draft.pk]),
            "publish": reverse("design_publish", args=[draft.pk]),
            "preview": reverse("design_preview"),
            "upload": reverse("design_upload"),
            "keep": reverse("design_keep_block"),
            "test": reverse("design_test"),
            "frame": reverse("template_draft", args=["MARK"]),
        },
        "words": _words(),
    }
    context = {
        "draft": draft,
        "data": data,
        "classes": MessageClass.choices,
        "picker": picker_context("product", field="skus", id="design-products", values=[], several=True)["picker"],
        "may_choose": may(request.user, "crm.view_customer"),
        "addresses": ", ".join(sending_tests.remembered(viewer(request))),
    }
    return render(request, "campaigns/templates/design.html", context)


@page("campaigns.change_template", methods=("POST",))
def autosave(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was typed. 409 when someone else has saved the draft."""
    posted = _posted(request)
    draft = get_object_or_404(TemplateDraft, pk=pk)
    try:
        saved = _save(draft, posted, request)
    except Conflict as error:
        return JsonResponse({"error": str(error.message), "code": error.code}, status=409)
    except DomainError as error:
        return JsonResponse({"error": str(error.message), "code": error.code}, status=422)
    return JsonResponse({"revision": saved.revision})


def _save(draft: TemplateDraft, posted: Mapping[str, Any], request: HttpRequest) -> TemplateDraft:
    revision = posted.get("revision")
    return designs.save_draft(
        draft=draft,
        revision=revision if isinstance(revision, int) else 0,
        name=str(posted.get("name", "")),
        message_class=str(posted.get("message_class", "")),
        subjects=_mapping(posted.get("subjects")),
        document=_mapping(posted.get("document")),
        actor=of_user(request.user),
    )


@page("campaigns.change_template", methods=("POST",))
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the draft, and then as a version of its template. A refusal names its block and leaves the draft."""
    draft = get_object_or_404(TemplateDraft.objects.select_related("template"), pk=pk)
    try:
        kept = _save(draft, _posted(request), request)
        saved = designs.publish_draft(draft=kept, actor=of_user(request.user))
    except DomainError as error:
        return JsonResponse(
            {"error": str(error.message), "code": error.code, "field": error.field or "",
             "revision": TemplateDraft.objects.filter(pk=pk).values_list("revision", flat=True).first()},
            status=409 if isinstance(error, Conflict) else 422,
        )  # fmt: skip
    messages.success(
        request, _t("“%(name)s” is saved as version %(version)s.") % {"name": saved.name, "version": saved.version}
    )
    return JsonResponse({"location": reverse("template", args=[saved.pk])})


@page("campaigns.change_template", methods=("POST",))
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    draft = get_object_or_404(TemplateDraft, pk=pk)
    template = draft.template_id
    designs.discard_draft(draft=draft)
    messages.success(request, _t("The draft is discarded."))
    return redirect("template", template) if template else redirect("templates")


@page("campaigns.change_template", methods=("POST",))
def preview(request: HttpRequest) -> HttpResponse:
    """Return what a customer would read, in each language that has a subject, or the fault with its block."""
    posted = _posted(request)
    subjects = {key: str(value) for key, value in _mapping(posted.get("subjects")).items()}
    reader = previews.reader_of(request, str(posted.get("as", "")))
    message_class = str(posted.get("message_class", MessageClass.MARKETING))
    try:
        document, texts = designs.compiled_texts(posted.get("document"), subjects)
    except DomainError as error:
        return JsonResponse({"error": str(error.message), "field": error.field or ""})
    sides: dict[str, dict[str, Any]] = {}
    for text in texts:
        look = previews.look_of(text, designs.CHANNEL, message_class, reader, keep=viewer(request).pk)
        if look.rendered is None:
            return JsonResponse({"error": look.error, "field": ""})
        sides[text.language] = {
            "subject": look.rendered.subject,
            "mark": look.mark,
            "text": to_text(look.rendered.body),
            "kilobytes": round(len(look.rendered.body.encode()) / 1024),
            "source": text.body,
        }
    return JsonResponse(
        {
            "sides": sides,
            "unknown": reader.unknown,
            "hints": list(_hints(document, {code: side["subject"] for code, side in sides.items()})),
        }
    )


def _hints(document: Mapping[str, Any], subjects: Mapping[str, str]) -> Iterator[str]:
    """Yield what is possible but probably not meant. `subjects`: as the reader sees them, by language."""
    kinds = {block["kind"] for _path, block in all_blocks(document["blocks"])}
    if "footer" not in kinds:
        yield _t("There is no footer. The unsubscribe link is added below the last block.")
    sizes = DesignPicture.objects.filter(name__in=picture_names(document)).values_list("size", flat=True)
    heavy = sum(size for size in sizes if size > HEAVY_BYTES)
    if heavy:
        yield _t("The pictures weigh %(size)s KB. Smaller ones load faster on a phone.") % {"size": heavy // 1024}
    for language, subject in subjects.items():
        if len(subject) > LONG_SUBJECT:
            yield _t("The subject in %(language)s is long: phones show about 40 characters.") % {
                "language": language_label(language)
            }
    for code in dict(settings.LANGUAGES):
        if code not in subjects:
            yield _t("%(language)s has no subject, so this e-mail is not sent in it.") % {
                "language": language_label(code)
            }


@page("campaigns.change_template", methods=("POST",))
def test(request: HttpRequest) -> HttpResponse:
    """Send a test of what is in the editor, in all its languages."""
    posted = _posted(request)
    reader = previews.reader_of(request, str(posted.get("as", "")))
    subjects = {key: str(value) for key, value in _mapping(posted.get("subjects")).items()}
    try:
        addresses = sending_tests.read_addresses(str(posted.get("addresses", "")))
        _document, texts = designs.compiled_texts(posted.get("document"), subjects)
        count = sending_tests.send_tests(
            texts=texts,
            message_class=str(posted.get("message_class", MessageClass.MARKETING)),
            addresses=addresses,
            context_of=lambda text: reader.context(text.language, text.body),
            user=viewer(request),
        )
    except DomainError as error:
        return JsonResponse({"error": str(error.message), "field": error.field or ""})
    return JsonResponse({"sent": tests_sent(count, addresses)})


@page("campaigns.change_template", methods=("POST",))
def upload(request: HttpRequest) -> HttpResponse:
    file = request.FILES.get("picture")
    try:
        if file is None:
            raise Invalid(_t("Choose a picture."), code="required", field="picture")
        row = save_picture(upload=file, actor=of_user(request.user))
    except DomainError as error:
        return JsonResponse({"error": str(error.message), "code": error.code}, status=422)
    return JsonResponse({"name": row.name, "url": picture_path(row.name), "width": row.width, "size": row.size})


@page("campaigns.change_template", methods=("POST",))
def keep_block(request: HttpRequest) -> HttpResponse:
    """Keep a block under a name, to be used in other e-mails."""
    posted = _posted(request)
    try:
        save_block(name=str(posted.get("name", "")), block=posted.get("block"), actor=of_user(request.user))
    except DomainError as error:
        return JsonResponse({"error": str(error.message), "field": error.field or ""}, status=422)
    return JsonResponse({"saved": _saved_json()})


@page("campaigns.change_template", methods=("POST",))
def delete_block(request: HttpRequest, pk: int) -> HttpResponse:
    delete_saved_block(block=get_object_or_404(SavedBlock, pk=pk))
    return JsonResponse({"saved": _saved_json()})


def _posted(request: HttpRequest) -> Mapping[str, Any]:
    if len(request.body) > MOST_BYTES:
        raise Invalid(_t("A design may have at most 200 KB."), code="too_long")
    try:
        return _mapping(json.loads(request.body))
    except ValueError:
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _kind_json(name: str) -> dict[str, Any]:
    block = BLOCKS[name]
    return {
        "label": str(block.label),
        "icon": block.icon,
        "group": block.group,
        "nested": block.nested,
        "values": [_field_json(field) for field in block.values],
        "texts": [_field_json(field) for field in block.texts],
        "columns": name == "columns",
    }


def _field_json(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "kind": field.kind,
        "label": str(field.label),
        "help": str(field.help),
        "required": field.required,
        "default": field.default,
        "most": field.most,
        "picker": field.picker,
        "choices": [[code, str(label)] for code, label in field.choices()] if field.choices else [],
    }


def _saved_json() -> list[dict[str, Any]]:
    return [
        {"id": row.pk, "name": row.name, "block": row.block, "remove": reverse("design_delete_block", args=[row.pk])}
        for row in SavedBlock.objects.all()[:100]
    ]


def _variables(request: HttpRequest) -> Iterator[dict[str, Any]]:
    sample = contexts.sample_context(request.LANGUAGE_CODE or settings.LANGUAGE_CODE)  # type: ignore[attr-defined]
    for group, items in variables.offered(sample):
        yield {
            "group": str(group),
            "items": [{"code": one.code, "label": str(one.label), "example": one.example} for one in items],
        }


def _products(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the products that a draft names, each as the picker shows it."""
    blocks = document.get("blocks") if isinstance(document, Mapping) else None
    skus = [
        sku
        for _path, block in all_blocks(blocks if isinstance(blocks, list) else [])
        for sku in _mapping(block.get("values")).get("skus") or []
        if isinstance(sku, str)
    ]
    return {
        item.value: render_to_string("components/picked.html", {"item": item, "field": "skus"})
        for item in PICKERS["product"].items(skus)
    }


def _words() -> dict[str, str]:
    return {
        "add": _t("Add a block"),
        "up": _t("Move up"),
        "down": _t("Move down"),
        "copy": _t("Duplicate"),
        "remove": _t("Remove"),
        "keep": _t("Save for other e-mails"),
        "keep_name": _t("Name of the saved block"),
        "kept": _t("The block is saved."),
        "left": _t("Left column"),
        "right": _t("Right column"),
        "saved": _t("Saved"),
        "saved_ago": _t("Saved %(seconds)s s ago"),
        "saved_minutes": _t("Saved %(minutes)s min ago"),
        "saving": _t("Saving …"),
        "sending": _t("Sending …"),
        "unsaved": _t("Not saved: %(error)s"),
        "offline": _t("the connection is interrupted; it is tried again"),
        "bold": _t("Bold"),
        "italic": _t("Italic"),
        "list": _t("List"),
        "link": _t("Link"),
        "link_address": _t("Address of the link"),
        "emoji": _t("Emoji"),
        "field": _t("Insert a field"),
        "fallback": _t("Instead, if it is empty"),
        "insert": _t("Insert"),
        "uploading": _t("Uploading …"),
        "empty": _t("Empty"),
        "optional": _t("optional"),
        "reordered": _t("%(block)s: place %(place)s of %(count)s"),
        "no_subject": _t("Enter a subject to see the preview."),
        "shop_colour": _t("The shop's colour"),
        "group_content": _t("Content"),
        "group_shop": _t("Shop"),
        "group_layout": _t("Layout"),
        "group_saved": _t("Saved blocks"),
    }
