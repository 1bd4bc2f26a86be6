"""Template tags and filters of the console: amounts, times, badges, form fields and page components."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField
from django.http import QueryDict
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from core.db.paging import Page
from core.text import formatting

register = template.Library()
TONES = {
    "good": "active sent paid done resolved captured redeemed granted completed running enabled verified healthy "
    "fulfilled shipped",
    "info": "open placed queued held reserved scheduled uploaded sending new",
    "warn": "pending paused uncertain partial overdue late waiting",
    "bad": "failed cancelled refused withdrawn suppressed breached erased dead revoked error",
}
TONE_OF = {state: tone for tone, states in TONES.items() for state in states.split()}
PRIORITY_TONES = {1: "off", 2: "off", 3: "warn", 4: "bad"}


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """Render an icon of the sprite. It is decorative unless it has a label."""
    meaning = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon {}" {}><use href="{}#{}"></use></svg>', css, meaning, static("vendor/tabler/icons.svg"), name
    )


@register.simple_tag
def money(amount: int | None, currency: str) -> str:
    return formatting.money(amount, currency)


@register.filter
def number(value: Any) -> str:
    return formatting.number(value)


@register.filter
def percent(value: Any, digits: int = 0) -> str:
    return formatting.percent(value, digits)


@register.filter
def day(value: Any) -> str:
    return formatting.day(value)


@register.filter
def when(value: datetime | None) -> str:
    return formatting.when(value)


@register.simple_tag
def ago(value: datetime | None) -> SafeString | str:
    """Render a relative time, with the exact time as tooltip and machine-readable attribute."""
    if value is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), formatting.when(value), formatting.ago(value)
    )


@register.simple_tag
def state_badge(state: Any, label: str = "", tone: str = "") -> SafeString:
    """Render a state with its colour: good, info, warn, bad or off. The label always shows the state too."""
    css_tone = tone or (PRIORITY_TONES.get(state, "off") if isinstance(state, int) else TONE_OF.get(str(state), "off"))
    return format_html('<span class="badge tone-{}">{}</span>', css_tone, label or state)


@register.simple_tag
def colour_swatch(colour: str) -> SafeString:
    """Render a colour as a square. An SVG, because the pages allow no inline styles."""
    return format_html(
        '<svg class="swatch" viewBox="0 0 16 16" role="img" aria-label="{}"><rect width="16" height="16" rx="3" '
        'fill="{}"></rect></svg>',
        colour,
        colour,
    )


@register.simple_tag(takes_context=True)
def query_update(context: Mapping[str, Any], **changes: Any) -> str:
    """Return this page's query string with some parameters replaced; None or "" removes one. It starts with `?`."""
    request = context.get("request")
    query = request.GET.copy() if request else QueryDict(mutable=True)
    for name, value in changes.items():
        if value is None or value == "":
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def initials(name: str) -> str:
    """Return the initials for the avatar beside a name: 王小明 -> 王, Anna Berg -> AB."""
    words = str(name).split()
    if not words:
        return "?"
    if not words[0][0].isascii() or len(words) == 1:
        return words[0][0].upper()
    return (words[0][0] + words[-1][0]).upper()


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """Return mapping[key], or None."""
    return mapping.get(key) if mapping else None


@register.filter
def at(items: Any, place: int) -> Any:
    """Return the item at this place, or None."""
    return items[place] if items and place < len(items) else None


@register.inclusion_tag("components/empty_state.html")
def empty_state(title: str, text: str = "", icon: str = "inbox", url: str = "", label: str = "") -> dict:
    """Render an empty state, with the next step."""
    return {"title": title, "text": text, "icon": icon, "url": url, "label": label}


@register.inclusion_tag("components/stat.html")
def stat(label: str, value: Any, url: str = "", detail: str = "", tone: str = "") -> dict:
    return {"label": label, "value": value, "url": url, "detail": detail, "tone": tone}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(context: Mapping[str, Any], page: Page) -> dict:
    """Render the links to newer and older rows, by cursor, with the other parameters of the address."""
    return {
        "page": page,
        "newer": query_update(context, cursor=page.previous) if page.previous else "",
        "older": query_update(context, cursor=page.next) if page.next else "",
        "first": query_update(context, cursor=None),
    }


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str = "", hide_label: bool = False, help: bool = True) -> dict:
    """Render a form field with label, help and errors, linked for screen readers."""
    widget = bound.field.widget
    kind = getattr(widget, "input_type", "")
    css = "form-check-input" if kind in {"checkbox", "radio"} else "form-select" if kind == "select" else "form-control"
    description_ids = [
        f"{bound.auto_id}_{part}"
        for part, text in (("help", help and bound.help_text), ("error", bound.errors))
        if text
    ]
    # A visible label needs no placeholder, which disappears as soon as the user types.
    attrs: dict[str, Any] = {"class": f"{css} is-invalid" if bound.errors else css, "placeholder": hide_label and label}
    if description_ids:
        attrs["aria-describedby"] = " ".join(description_ids)
    return {
        "bound": bound,
        "help": bound.help_text if help else "",
        "control": bound.as_widget(attrs=attrs),
        "checkbox": kind == "checkbox",
        "hidden": bound.is_hidden,
        "label": label or bound.label,
        "hide_label": hide_label,
        # If no field is required, the word "optional" at every field is noise.
        "optional": not bound.field.required and any(field.required for field in bound.form.fields.values()),
    }


@register.simple_tag(takes_context=True)
def render_part(context: Context, template_name: str, values: dict | None = None) -> str:
    """Render a registered part (panel, card) with its own values on top of the page's context."""
    assert context.template is not None
    with context.push(**(values or {})):
        return context.template.engine.get_template(template_name).render(context)


@register.filter
def yes_no(value: Any) -> str:
    return _("Yes") if value else _("No")


@register.filter
def language_label(code: str) -> str:
    """Return the name of a language in the viewer's language: zh-hans -> 简体中文 or Chinese (Simplified)."""
    return formatting.language_label(code)


@register.filter
def country_name(code: str) -> str:
    """Return the name of a country: CN -> China or 中国."""
    return formatting.country_name(code)
