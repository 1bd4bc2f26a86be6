"""Registries of templates for the subjects that send them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from campaigns.templates.models import Template
from campaigns.templates.rules.fields import Fields
from core.base.registry import Registry


@dataclass(frozen=True)
class TemplateUse:
    """A campaign that sends a template, as the template's page lists it."""

    name: str
    url: str
    state: str
    state_label: str | Promise
    tone: str = ""


@dataclass(frozen=True)
class TemplateUser:
    """One kind of campaign that sends templates.

    `permission` is needed to open a campaign. `counts` returns {template id: campaigns that send it}. `uses` lists the
    newest campaigns of one template. `check_texts` raises Conflict if a running campaign does not fit new texts.
    `check_transactional` raises Conflict if a campaign needs the template to stay marketing.
    """

    permission: str
    check_texts: Callable[[Template, Mapping[str, Fields]], None] = lambda template, texts: None
    counts: Callable[[Collection[int]], dict[int, int]] = lambda templates: {}
    uses: Callable[[Template], list[TemplateUse]] = lambda template: []
    check_transactional: Callable[[Template], None] = lambda template: None


TEMPLATE_USERS: Registry[TemplateUser] = Registry("template user")
