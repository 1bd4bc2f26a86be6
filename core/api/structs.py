"""Bodies of the hot batch endpoints: one msgspec pass instead of a serializer per item."""

from __future__ import annotations

import re

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from core.errors import Invalid

_PLACE = re.compile(r" - at `\$(.*)`$")


class StructParser(BaseParser):
    """JSON into `struct`; what is wrong names its place, such as `events.3.kind`. `root` is named where none is known."""

    media_type = "application/json"
    struct: type[msgspec.Struct]
    root = ""

    def parse(self, stream, media_type=None, parser_context=None):
        body = stream.read()
        if b"\\u0000" in body:
            raise ParseError("The character U+0000 can't be stored; remove it.")
        try:
            return msgspec.json.decode(body, type=self.struct)
        except msgspec.ValidationError as error:
            place = _PLACE.search(str(error))
            field = place.group(1).lstrip(".").replace("[", ".").replace("]", "") if place else self.root
            raise Invalid(_PLACE.sub("", str(error)), code="invalid", field=field) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
