"""The profile of the shop: its default store with name, logo, colours, address, sender, time zone and currency."""

from __future__ import annotations

import re
import uuid
import zoneinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base import zones
from core.base.actor import Actor
from core.base.errors import Invalid, Refused
from core.db.locks import lock_row
from core.http import pictures
from core.text.currencies import is_currency
from crm.customers.models import Store
from crm.customers.registry import CURRENCY_USES

LOGO_BYTES = 1024 * 1024
TEXTS = {"name": 120, "address": 500, "sender_name": 120}
ADDRESSES = ("sender_email", "reply_to")
COLOURS = ("brand_colour", "accent_colour")
_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)


def update_shop(*, store: Store, actor: Actor, **values: Any) -> Store:
    """Change the shop. `logo` is an upload, "" removes it. Raises Invalid naming the field.

    Raises Refused `currency_in_use` when orders or other amounts in the present currency exist.
    """
    cleaned = {name: _cleaned(name, value) for name, value in values.items()}
    logo = cleaned.pop("logo", None)
    with transaction.atomic():
        locked = lock_row(Store.objects.filter(pk=store.pk))
        currency = cleaned.get("currency", locked.currency)
        if currency != locked.currency:
            _change_currency(currency)
        for name, value in cleaned.items():
            setattr(locked, name, value)
        if logo is not None:
            _set_logo(locked, logo)
        locked.save(update_fields=[*cleaned, *(["logo"] if logo is not None else [])])
        transaction.on_commit(zones.forget, robust=True)
    return locked


def currency_refusal(currency: str) -> Any:
    """Return why the shop can't change to this currency, or ""."""
    return next((reason for use in CURRENCY_USES if (reason := use.refusal(currency))), "")


def _change_currency(currency: str) -> None:
    if reason := currency_refusal(currency):
        raise Refused(reason, code="currency_in_use", field="currency")
    for use in CURRENCY_USES:
        use.follow(currency)


def _set_logo(store: Store, logo: tuple[str, bytes] | str) -> None:
    storage, old = store.logo.storage, store.logo.name or ""
    if isinstance(logo, tuple):
        extension, content = logo
        store.logo.save(f"{uuid.uuid4().hex}.{extension}", ContentFile(content), save=False)
    else:
        store.logo = ""
    if old:
        transaction.on_commit(lambda: storage.delete(old))


def _cleaned(name: str, value: Any) -> Any:
    if name == "logo":
        return _picture(value) if value else ""
    text = str(value).strip()
    if name in TEXTS:
        if (name == "name" and not text) or len(text) > TEXTS[name] or "\x00" in text:
            raise Invalid(_("This text is empty or too long."), code="invalid", field=name)
        # A line break in the name of a sender would begin another header.
        return text if name == "address" else " ".join(text.split())
    if name in ADDRESSES:
        return _mail_address(name, text)
    if name in COLOURS:
        if text and not re.fullmatch(r"#[0-9a-f]{6}", text.lower()):
            raise Invalid(_("Use a colour such as #1f5fbf."), code="invalid", field=name)
        return text.lower()
    if name == "dkim_selector":
        if text and (len(text) > 63 or not _SELECTOR.fullmatch(text)):
            raise Invalid(_("Use the selector that your mail provider shows, for example s1."), field=name)
        return text
    if name == "time_zone":
        if text not in zoneinfo.available_timezones():
            raise Invalid(_("Use a zone such as Asia/Shanghai."), code="unknown_time_zone", field=name)
        return text
    if name == "currency":
        if not is_currency(text.upper()):
            raise Invalid(_("Use a currency code such as CNY."), code="unknown_currency", field=name)
        return text.upper()
    raise Invalid(_("This can't be changed here."), code="fixed", field=name)


def _mail_address(name: str, text: str) -> str:
    try:
        if text:
            validate_email(text)
    except ValidationError:
        raise Invalid(_("Enter an e-mail address."), code="invalid", field=name) from None
    if len(text) > 254:
        raise Invalid(_("Enter an e-mail address."), code="invalid", field=name)
    return text


def _picture(upload: UploadedFile) -> tuple[str, bytes]:
    """Return (extension, content) by the bytes themselves, whatever the file is called."""
    if (upload.size or 0) > LOGO_BYTES:
        raise Invalid(_("A logo can have at most 1 MB."), code="too_large", field="logo")
    return pictures.checked(upload.read(LOGO_BYTES + 1), "logo")
