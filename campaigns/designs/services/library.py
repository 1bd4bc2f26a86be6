"""Keep blocks under a name, to be used in other e-mails."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns.designs.models import SavedBlock
from campaigns.designs.services.documents import checked_document
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_name

MOST_SAVED = 100


def save_block(*, name: str, block: Any, actor: Actor) -> SavedBlock:
    """Save a block in the languages in which it is complete. Raises Invalid naming `name` or the block's field."""
    clean_name = " ".join(name.split())
    if not clean_name or len(clean_name) > 80:
        raise Invalid(_("A name has 1 to 80 characters."), code="invalid", field="name")
    given = block.get("texts", {}) if isinstance(block, dict) else {}
    complete = [code for code in dict(settings.LANGUAGES) if any((given.get(code) or {}).values())]
    document = checked_document({"blocks": [block]}, complete)
    with transaction.atomic():
        lock_name("campaigns.saved_block", "all")
        if SavedBlock.objects.filter(name=clean_name).exists():
            raise Invalid(_("Another block has this name."), code="name_taken", field="name")
        if SavedBlock.objects.count() >= MOST_SAVED:
            raise Invalid(
                _("At most %(most)s blocks can be saved. Delete one first.") % {"most": MOST_SAVED}, code="too_many"
            )
        return SavedBlock.objects.create(name=clean_name, block=document["blocks"][0], created_by_id=actor.user_id)


def delete_saved_block(*, block: SavedBlock) -> None:
    """Delete a saved block. E-mails that were made with it keep their copy."""
    block.delete()
