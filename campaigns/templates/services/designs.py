"""Write e-mails of blocks: drafts that save themselves, and saving a draft as a version of its template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from campaigns.designs.services.documents import all_blocks, checked_document, compile_document, empty_document
from campaigns.designs.services.ready import READY
from campaigns.templates.models import MessageClass, Template, TemplateDraft
from campaigns.templates.services.templates import Text, check_source, design_of, save_template, texts_of
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from core.lists.services import refuse_archived

CHANNEL = "email"
DOCUMENT_LIMIT = 200 * 1024


def open_draft(*, template: Template, actor: Actor) -> TemplateDraft:
    """Return the draft of a template; a new one holds its newest design.

    Raises Conflict `not_a_design` if the texts were written by hand.
    """
    refuse_archived(template)
    with transaction.atomic():
        locked = lock_row(Template.objects.filter(pk=template.pk))
        draft = TemplateDraft.objects.filter(template=locked).first()
        if draft is not None:
            return draft
        document = design_of(locked, locked.version)
        if document is None:
            raise Conflict(_("This template was written as source."), code="not_a_design")
        return TemplateDraft.objects.create(
            template=locked,
            name=locked.name,
            message_class=locked.message_class,
            subjects={language: text.subject for language, text in texts_of(locked).items()},
            document=document,
            written_by_id=actor.user_id,
        )


def start_draft(*, design: str, actor: Actor) -> TemplateDraft:
    """Create the draft of a new template from a ready design; "" begins with an empty one."""
    if design and design not in READY:
        raise Invalid(_("This design does not exist."), code="invalid_choice", field="design")
    ready = READY[design] if design else None
    return TemplateDraft.objects.create(
        name=str(ready.name) if ready else "",
        subjects=dict(ready.subjects) if ready else {},
        document=ready.document() if ready else empty_document(),
        written_by_id=actor.user_id,
    )


def save_draft(
    *,
    draft: TemplateDraft,
    revision: int,
    name: str,
    message_class: str,
    subjects: Mapping[str, Any],
    document: Mapping[str, Any],
    actor: Actor,
) -> TemplateDraft:
    """Keep what was typed, complete or not. Raises Conflict `draft_changed` when someone saved another revision since.

    Raises Invalid for a document that is not one or is too large.
    """
    if not isinstance(document, Mapping) or len(json.dumps(document)) > DOCUMENT_LIMIT:
        raise Invalid(_("A design may have at most 200 KB."), code="too_long", field="document")
    known = dict(settings.LANGUAGES)
    with transaction.atomic():
        locked = lock_row(TemplateDraft.objects.filter(pk=draft.pk))
        if locked.revision != revision:
            raise Conflict(
                _("%(name)s has changed this draft since you opened it. Reload the page to see it.")
                % {"name": _writer(locked)},
                code="draft_changed",
            )
        locked.name = " ".join(str(name).split())[:120]
        locked.message_class = message_class if message_class in MessageClass.values else locked.message_class
        locked.subjects = {key: str(value)[:300] for key, value in subjects.items() if key in known}
        locked.document = document
        locked.revision += 1
        locked.written_by_id = actor.user_id
        locked.updated_at = Now()  # type: ignore[assignment]
        locked.save()
        locked.refresh_from_db()
    return locked


def _writer(draft: TemplateDraft) -> str:
    return draft.written_by.get_full_name() or draft.written_by.get_username() if draft.written_by else "?"


def discard_draft(*, draft: TemplateDraft) -> None:
    """Delete a draft. The template keeps its versions."""
    TemplateDraft.objects.filter(pk=draft.pk).delete()


def compiled_texts(document: Any, subjects: Mapping[str, str]) -> tuple[dict[str, Any], list[Text]]:
    """Return the checked document and its text in each language that has a subject. Raises Invalid naming the block."""
    languages = [code for code in dict(settings.LANGUAGES) if str(subjects.get(code, "")).strip()]
    if not languages:
        raise Invalid(_("Enter the subject in at least one language."), code="required", field="subjects")
    checked = checked_document(document, languages)
    _check_fields(checked)
    return checked, [
        Text(language, compile_document(checked, language), str(subjects[language]), compiled=True)
        for language in languages
    ]


def _check_fields(document: Mapping[str, Any]) -> None:
    """Check the Liquid of each block alone, so that an error names its block."""
    for path, block in all_blocks(document["blocks"]):
        for language, texts in block["texts"].items():
            for name, text in texts.items():
                if "{" in text:
                    check_source(text, True, f"{path}.texts.{language}.{name}")
        for name, value in block["values"].items():
            if isinstance(value, str) and "{" in value:
                check_source(value, False, f"{path}.values.{name}")


def publish_draft(*, draft: TemplateDraft, actor: Actor) -> Template:
    """Save the draft as its template's new version, or as a new template, and end the draft.

    Raises Invalid naming the block and its field, and what `save_template` raises; the draft then stays.
    """
    document, texts = compiled_texts(draft.document, draft.subjects)
    with transaction.atomic():
        saved = save_template(
            name=draft.name,
            channel=CHANNEL,
            message_class=draft.message_class,
            texts=texts,
            template=draft.template,
            design=document,
            actor=actor,
        )
        discard_draft(draft=draft)
    return saved
