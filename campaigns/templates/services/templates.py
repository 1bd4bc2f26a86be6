"""Save and render templates: the texts of messages in each language. A save with changes makes a new version (J8)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import translation
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.channels import rules as html
from campaigns.channels.registry import CHANNELS
from campaigns.templates.models import MessageClass, Template, TemplateDesign, TemplateText
from campaigns.templates.registry import TEMPLATE_USERS
from campaigns.templates.rules import declared_values, liquid
from campaigns.templates.rules.fields import Fields
from campaigns.templates.services import drafts as draft_rendering
from campaigns.templates.services import uses as template_uses
from core.base.actor import Actor
from core.base.errors import Invalid, NotFound
from core.db.locks import lock_name, lock_row
from core.lists.services import copy_name, refuse_archived
from crm.customers.services.customers import supported_language

SUBJECT_LENGTH = 300
COSTLY = ("spent", "unsubscribe", "preferences", "member_code")
MESSAGES = {
    # The parser's own messages are in English.
    "syntax": _("Line %(line)s: syntax error (%(message)s)."),
    "invalid": _("This contains characters that can't be stored."),
    "too_deep": _("The blocks are nested too deeply."),
    "too_long": _("A template may have at most 32 KB."),
    "too_much": _("Line %(line)s: this exceeds the limits of a template (%(message)s)."),
    "too_many_tags": _("A template may have at most 1,000 tags, including at most 20 raw blocks."),
    "long_tag": _("Line %(line)s: a tag may have at most 2,000 characters."),
    "open_tag": _("Line %(line)s: “%(name)s” is never closed."),
    "too_slow": _("Rendering takes longer than 5 seconds. Simplify the template."),
    "unknown_filter": _("Line %(line)s: the filter “%(name)s” does not exist."),
    "unknown_variable": _("Line %(line)s: the variable “%(name)s” does not exist."),
    "unknown_field": _("Line %(line)s: the field “%(name)s” does not exist."),
}
NEAREST = _("%(message)s Did you mean “%(nearest)s”?")
KNOWN = _("%(message)s Available: %(nearest)s.")
TEMPLATE_CODE = re.compile(r"[a-z][a-z0-9_-]{0,59}")
WRONG_VALUES = {
    "invalid_name": _(
        "“%(name)s” is not a valid name: use lowercase letters, digits and underscores, beginning with a letter."
    ),
    "duplicate": _("“%(name)s” is declared twice."),
    "too_many": _("A template may declare at most 30 values."),
    "undeclared": _("“%(name)s” is not declared. Add it to the values."),
    "unknown_value": _("This template does not declare the value “%(name)s”."),
    "required": _("The value “%(name)s” is missing."),
    "invalid": _("The value “%(name)s” must be a text, a number, or yes or no."),
    "too_long": _("The value “%(name)s” may have at most 1,000 characters."),
}
SUBJECTS = {
    "email": _("An e-mail needs a subject."),
    "wechat": _("Enter the ID of the WeChat template as the subject."),
}


@dataclass(frozen=True)
class Text:
    """The text of a template in one language."""

    language: str
    body: str
    subject: str = ""
    compiled: bool = False
    """The body is the HTML document of a design: its parts are clean, and it is sent as it is."""

    @cached_property
    def fields(self) -> Fields:
        """Return the fields that the text names."""
        return template_uses.fields_in(self.subject, self.body)

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the root names that the text uses, and the names that are costly to compute, wherever they occur."""
        costly = (word for word in COSTLY if word in self.body or word in self.subject)
        return liquid.roots(self.subject) | liquid.roots(self.body) | frozenset(costly)


@dataclass(frozen=True)
class RenderedText:
    """Hold a rendered text: a `subject` of one plain line and a `body` of clean HTML, or plain if the channel is."""

    language: str
    subject: str
    body: str


class RenderFailed(Exception):
    """Raise when the template can't be rendered for this context; the message says why."""


def save_template(
    *,
    name: str,
    channel: str,
    texts: Sequence[Text],
    actor: Actor,
    template: Template | None = None,
    message_class: str = MessageClass.MARKETING,
    code: str | None = None,
    values: Sequence[Mapping[str, Any]] | None = None,
    design: Mapping[str, Any] | None = None,
) -> Template:
    """Create a template, or save new texts as a new version, so that sent messages stay unchanged.

    `code` and `values` are for messages that the shop's own systems request; None keeps the current ones. `design` is
    the checked document from which all texts were compiled (`save_design`). Raises
    Invalid: field `texts.0.body` and so on, with the wrong line in the message and in details. Raises Conflict when a
    care rule's template would no longer be marketing, or a running campaign does not fit the new texts.
    """
    clean_name = " ".join(name.split())
    if not clean_name or len(clean_name) > 120:
        raise Invalid(_("A name has 1 to 120 characters."), code="invalid", field="name")
    if channel not in CHANNELS:
        raise Invalid(_("This channel does not exist."), code="invalid_choice", field="channel")
    if message_class not in MessageClass.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="message_class")
    if template is not None and template.channel != channel:
        raise Invalid(_("The channel of a template can't be changed."), code="invalid", field="channel")
    cleaned = _checked(texts, channel)
    declared = _declared(template, values)
    _check_values(cleaned, declared, message_class)
    wanted_code = _code(template, code)
    with transaction.atomic():
        lock_name("campaigns.template", clean_name)
        if Template.objects.filter(name=clean_name).exclude(pk=template.pk if template else None).exists():
            raise Invalid(_("Another template has this name."), code="name_taken", field="name")
        if (
            wanted_code
            and Template.objects.filter(code=wanted_code).exclude(pk=template.pk if template else None).exists()
        ):
            raise Invalid(_("Another template has this code."), code="code_taken", field="code")
        if template is None:
            saved = Template.objects.create(
                name=clean_name,
                channel=channel,
                message_class=message_class,
                code=wanted_code,
                values=declared,
                owner_id=actor.user_id,
            )
            _write(saved, cleaned, design)
        else:
            saved = lock_row(Template.objects.filter(pk=template.pk))
            refuse_archived(saved)
            fields = {text.language: text.fields for text in cleaned}
            for user in TEMPLATE_USERS:
                if message_class != MessageClass.MARKETING:
                    user.check_transactional(saved)
            for user in TEMPLATE_USERS:
                user.check_texts(saved, fields)
            saved.name, saved.message_class = clean_name, message_class
            saved.code, saved.values = wanted_code, declared
            if texts_of(saved) != {text.language: text for text in cleaned}:
                saved.version += 1
                _write(saved, cleaned, design)
            saved.updated_at = Now()  # type: ignore[assignment]
            saved.save()
        saved.refresh_from_db()
    return saved


def duplicate_template(*, template: Template, actor: Actor) -> Template:
    """Create a template with the newest texts of this one. Its code stays with the original."""
    return save_template(
        name=copy_name(Template, template.name),
        channel=template.channel,
        texts=list(texts_of(template).values()),
        message_class=template.message_class,
        values=template.values,
        design=design_of(template, template.version),
        actor=actor,
    )


def _declared(template: Template | None, values: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    if values is None:
        return template.values if template else []
    try:
        return declared_values.checked(values)
    except declared_values.WrongValue as error:
        raise Invalid(WRONG_VALUES[error.code] % {"name": error.name}, code=error.code, field="values") from None


def _check_values(texts: Sequence[Text], declared: Sequence[Mapping[str, Any]], message_class: str) -> None:
    """Raise Invalid for a text that shows an undeclared value."""
    names = [one["name"] for one in declared]
    if names and message_class != MessageClass.TRANSACTIONAL:
        raise Invalid(
            _("Only transactional templates can declare values."),
            code="values_of_marketing",
            field="values",
        )
    for position, text in enumerate(texts):
        for path in sorted(text.fields.named):
            root, _dot, name = path.partition(".")
            if root == "values" and name not in names:
                near = difflib.get_close_matches(name, names, 1, 0.6)
                message = str(WRONG_VALUES["undeclared"] % {"name": path})
                if near:
                    message = str(NEAREST % {"message": message, "nearest": f"values.{near[0]}"})
                raise Invalid(message, code="undeclared_value", field=f"texts.{position}.body")


def _code(template: Template | None, code: str | None) -> str | None:
    if code is None:
        return template.code if template else None
    clean_code = code.strip()
    if clean_code and not TEMPLATE_CODE.fullmatch(clean_code):
        raise Invalid(
            _("Use lowercase letters, digits, dashes and underscores, beginning with a letter."),
            code="invalid",
            field="code",
        )
    return clean_code or None


def restore_version(*, template: Template, version: int, actor: Actor) -> Template:
    """Save an older version's texts as the newest version; messages sent since then stay unchanged (J8)."""
    rows = TemplateText.objects.filter(template=template, version=version).order_by("language")
    texts = [text_of(row) for row in rows]
    if not texts:
        raise NotFound(_("This version does not exist."), code="unknown_version")
    return save_template(
        name=template.name, channel=template.channel, texts=texts, actor=actor, template=template,
        message_class=template.message_class, design=design_of(template, version),
    )  # fmt: skip


def design_of(template: Template, version: int) -> dict[str, Any] | None:
    """Return the blocks of a version; None if its texts were written by hand."""
    return TemplateDesign.objects.filter(template=template, version=version).values_list("document", flat=True).first()


def render(*, template: Template, version: int, languages: Sequence[str], context: Mapping[str, Any]) -> RenderedText:
    """Render in the first of `languages` that this version has, else in any. Raises RenderFailed."""
    text = pick_text(template.pk, version, tuple(languages))
    return render_text(text, channel=template.channel, context=context)


def render_text(
    text: Text, *, channel: str, context: Mapping[str, Any], render: Callable[..., str] = liquid.render
) -> RenderedText:
    """Render the text for a channel. Raises RenderFailed with language, line and cause."""
    as_html = CHANNELS[channel].html
    try:
        values = liquid.plain_context(context)
        subject = render(text.subject, values, html=False)
        body = render(text.body, values, html=as_html)
    except liquid.TemplateError as error:
        message = MESSAGES["too_slow"] if error.code == "too_slow" else error
        raise RenderFailed(f"{text.language}, line {error.line}: {message}") from None
    except TypeError as error:
        raise RenderFailed(f"{text.language}: {error}") from None
    if not text.compiled:
        body = html.clean(body) if as_html else body.strip()
    return RenderedText(
        text.language, " ".join(subject.split())[:SUBJECT_LENGTH].replace("\x00", ""), body.replace("\x00", "")
    )


def with_unsubscribe(rendered: RenderedText, url: str, shop: str) -> RenderedText:
    """Add a visible unsubscribe link to HTML that shows none; the plain text is made from the HTML."""
    if html.shows_link(rendered.body, url):
        return rendered
    with translation.override(rendered.language):
        link = format_html('<a href="{}">{}</a>', url, gettext("Unsubscribe"))
    parts = format_html_join(" · ", "{}", [(link,), (shop,)] if shop else [(link,)])
    foot = format_html('\n<p style="color:#666;font-size:12px">{}</p>', parts)
    return replace(rendered, body=html.before_end(rendered.body, foot))


def footed(rendered: RenderedText, *, channel: str, message_class: str, context: Mapping[str, Any]) -> RenderedText:
    """Return a preview or test with the footer of a sent message, using the sample's links."""
    if message_class != MessageClass.MARKETING or not CHANNELS[channel].html:
        return rendered
    links, shop = context.get("links", {}), context.get("shop", {})
    return with_unsubscribe(rendered, links.get("unsubscribe", settings.SITE_URL), shop.get("name", ""))


def preview(*, text: Text, channel: str, context: Mapping[str, Any]) -> RenderedText:
    """Render an unsaved text. Raises Invalid like `save_template`, field `body` or `subject`."""
    checked = _checked([text], channel, prefix="")[0]
    try:
        return render_text(checked, channel=channel, context=context, render=draft_rendering.render)
    except RenderFailed as error:
        raise Invalid(str(error), code="failed", field="body") from None


@lru_cache(maxsize=1024)
def pick_text(template_id: int, version: int, languages: tuple[str, ...]) -> Text:
    """Return the text in the first matching language. Texts of a version never change, so they are cached in memory."""
    texts = {
        row.language: text_of(row)
        for row in TemplateText.objects.filter(template_id=template_id, version=version).order_by("language")
    }
    if not texts:
        raise RenderFailed(f"Version {version} of template {template_id} has no text.")
    for language in languages:
        if language in texts:
            return texts[language]
    return next(iter(texts.values()))


def texts_of(template: Template) -> dict[str, Text]:
    """Return the texts of the newest version by language."""
    rows = TemplateText.objects.filter(template=template, version=template.version)
    return {row.language: text_of(row) for row in rows}


def text_of(row: TemplateText) -> Text:
    """Return a stored text."""
    return Text(row.language, row.body, row.subject, row.compiled)


def _write(template: Template, texts: Sequence[Text], design: Mapping[str, Any] | None) -> None:
    TemplateText.objects.bulk_create(
        TemplateText(
            template=template,
            version=template.version,
            language=text.language,
            subject=text.subject,
            body=text.body,
            compiled=text.compiled,
        )
        for text in texts
    )
    if design is not None:
        TemplateDesign.objects.create(template=template, version=template.version, document=design)


def _checked(texts: Sequence[Text], channel: str, prefix: str = "texts.") -> list[Text]:
    if not texts:
        raise Invalid(_("Enter a text in at least one language."), code="required", field="texts")
    as_html = CHANNELS[channel].html if channel in CHANNELS else False
    result: dict[str, Text] = {}
    for position, text in enumerate(texts):
        where = f"{prefix}{position}." if prefix else ""
        language = supported_language(text.language)
        if language not in dict(settings.LANGUAGES) and not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})?", language):
            raise Invalid(_("Enter a language such as en or zh-hans."), code="invalid_choice", field=f"{where}language")
        if language in result:
            raise Invalid(_("This language is used twice."), code="duplicate", field=f"{where}language")
        if not text.body.strip():
            raise Invalid(_("Enter the text."), code="required", field=f"{where}body")
        if CHANNELS[channel].needs_subject and not text.subject.strip():
            raise Invalid(SUBJECTS.get(channel, _("Enter the subject.")), code="required", field=f"{where}subject")
        if len(text.subject) > SUBJECT_LENGTH:
            raise Invalid(_("A subject may have at most 300 characters."), code="too_long", field=f"{where}subject")
        body = text.body.replace("\r\n", "\n")
        limit = liquid.COMPILED_LIMIT if text.compiled else liquid.SOURCE_LIMIT
        check_source(body, as_html, f"{where}body", limit)
        check_source(text.subject, False, f"{where}subject")
        result[language] = Text(language, body, " ".join(text.subject.split()), text.compiled)
    return list(result.values())


def check_source(source: str, as_html: bool, field: str, limit: int = liquid.SOURCE_LIMIT) -> None:
    """Raise Invalid for Liquid that is wrong: the syntax, an unknown field or filter, too large. Names `field`."""
    try:
        draft_rendering.check(source, html=as_html, limit=limit)
    except liquid.TemplateError as error:
        values = {"line": error.line, "name": error.name, "message": str(error).rstrip(".")}
        message = str(MESSAGES.get(error.code, "%(message)s") % values)
        if error.nearest:
            instead = KNOWN if "," in error.nearest else NEAREST
            message = instead % {"message": message, "nearest": error.nearest}
        raise Invalid(message, code=error.code, field=field, line=error.line) from None
