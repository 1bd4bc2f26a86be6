"""Reads of templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from campaigns.templates.models import Template, TemplateText
from campaigns.templates.registry import TEMPLATE_USERS


def languages_of(templates: Iterable[Template]) -> dict[int, list[str]]:
    """Return by template the languages of its current version."""
    result: dict[int, list[str]] = defaultdict(list)
    rows = TemplateText.objects.filter(template__in=list(templates), version=F("template__version"))
    for pk, language in rows.order_by("language").values_list("template_id", "language"):
        result[pk].append(language)
    return result


def uses_of(templates: Iterable[Template]) -> dict[int, int]:
    """By template: how many campaigns send it."""
    result: dict[int, int] = defaultdict(int)
    chosen = [template.pk for template in templates]
    for user in TEMPLATE_USERS:
        for pk, count in user.counts(chosen).items():
            result[pk] += count
    return result


@dataclass(frozen=True)
class Version:
    number: int
    made_at: datetime
    languages: list[str]


def versions_of(template: Template) -> list[Version]:
    """Return the versions, newest first."""
    rows = TemplateText.objects.filter(template=template).values_list("version", "language", "created_at")
    versions: dict[int, Version] = {}
    for number, language, made_at in rows.order_by("-version", "language"):
        versions.setdefault(number, Version(number, made_at, [])).languages.append(language)
    return list(versions.values())
