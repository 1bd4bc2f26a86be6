"""Parser for the bodies of hot batch endpoints: one msgspec pass instead of a serializer per item."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import msgspec
from rest_framework.parsers import BaseParser
from rest_framework.serializers import Serializer

from core.api.renderers import parsed
from core.api.unknown import refuse_unknown_fields
from core.base.errors import Invalid

_PLACE = re.compile(r" - at `\$(.*)`$")


class StructParser(BaseParser):
    """Decoder of JSON into `struct`. An error names its place, such as `events.3.kind`, or `root` if no place is known.

    `shape` describes the same body in the schema; it supplies the known names when a field is unknown.
    """

    media_type = "application/json"
    struct: ClassVar[type[msgspec.Struct]]
    shape: ClassVar[type[Serializer]]
    root = ""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = stream.read()
        try:
            return parsed(body, partial(msgspec.json.decode, type=self.struct))
        except msgspec.ValidationError as error:
            # A body with an unknown field may have other errors too; report the unknown field first.
            with contextlib.suppress(msgspec.ValidationError):
                refuse_unknown_fields(self.shape, parsed(body, msgspec.json.decode))
            place = _PLACE.search(str(error))
            field = place.group(1).lstrip(".").replace("[", ".").replace("]", "") if place else self.root
            raise Invalid(_PLACE.sub("", str(error)), code="invalid", field=field) from None
