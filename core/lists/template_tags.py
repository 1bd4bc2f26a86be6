"""The template tag of pages of listed objects: owner, tags, copy and archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from core.console.views import may
from core.lists.declaration import LISTS
from core.lists.showing import NO_OWNER, people

register = template.Library()


@register.inclusion_tag("components/list/about.html", takes_context=True)
def about_object(context: Mapping[str, Any], name: str, item: Any) -> dict[str, Any]:
    """Render owner and tags of an object, with a form for those who may change it, and its copy and archive."""
    declared = LISTS[name]
    request = context["request"]
    may_change = may(request.user, declared.change)
    archived = getattr(item, "archived_at", None) is not None
    busy = declared.busy is not None and declared.busy(item)
    return {
        "name": name,
        "item": item,
        "list_url": declared.route,
        "may_change": may_change,
        "people": people() if may_change else [],
        "owner": str(item.owner_id or NO_OWNER),
        "tags": ", ".join(item.tags),
        "may_duplicate": declared.duplicate is not None and may(request.user, declared.add),
        "may_archive": may_change and declared.archivable and not archived and not busy,
        "archived": archived,
        "path": request.get_full_path(),
        "csrf_token": context.get("csrf_token"),
    }
