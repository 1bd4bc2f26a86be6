"""Model fields: encrypted text and its blind index."""

from __future__ import annotations

from typing import Any

from django.db import models

from core.security import crypto


class EncryptedTextField(models.BinaryField):
    """Text for Python, AES-256-GCM bytes in the database. Not searchable: pair it with a BlindIndexField.

    `context` (default: model.field) is bound into the ciphertext; pass the old one when a column is renamed.
    """

    _pyi_private_set_type: str | None
    _pyi_private_get_type: str  # type: ignore[assignment]

    def __init__(self, *args: Any, context: str = "", **kwargs: Any) -> None:
        self._context = context
        kwargs.setdefault("editable", True)
        super().__init__(*args, **kwargs)

    @property
    def context(self) -> str:
        if self._context:
            return self._context
        # The audit tables copy the encrypted column, so they decrypt under the tracked model's name.
        model = getattr(self.model, "pgh_tracked_model", self.model)
        return f"{model._meta.label_lower}.{self.name}"

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self._context:
            kwargs["context"] = self._context
        return name, path, args, kwargs

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if isinstance(value, str):
            value = crypto.encrypt(value, self.context) if value else b""
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        if value is None:
            return None
        value = bytes(value)
        return crypto.decrypt(value, self.context) if value else ""

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else super().to_python(value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj) or "")


class BlindIndexField(models.BinaryField):
    """HMAC of a normalised value: equal values give equal bytes; without the key nothing else can be learnt."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 1 + crypto.INDEX
        super().__init__(*args, **kwargs)
