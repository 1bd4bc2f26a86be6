"""OpenAPI: our error envelope on every operation, and the Idempotency-Key header where a command needs it."""

from __future__ import annotations

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from core.api.shapes import fields_of

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 200 printable ASCII characters of your own, the same for every repeat of the same command.",
)
OPTIONAL_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="Send one, and a repeat gives the first answer."
)


class ErrorItem(serializers.Serializer):
    code = serializers.CharField(help_text="Stable; branch on this.")
    detail = serializers.CharField(help_text="For people, in the request's language.")
    attr = serializers.CharField(allow_null=True, help_text="The field that is wrong, dotted for nested ones.")


class ErrorEnvelope(serializers.Serializer):
    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = ErrorItem(many=True)
    details = serializers.DictField(required=False, help_text="Numbers behind a refusal, such as what is available.")


ERRORS = {
    "400": "The input is wrong; `attr` names the field.",
    "401": "No key, or an unknown or revoked one.",
    "403": "The key lacks the scope that `details` names, or this belongs to someone else.",
    "404": "There is no such thing.",
    "405": "The method is not one of those in the header Allow.",
    "409": "The state forbids it, or the idempotency key was used for another request.",
    "413": "The body is too large; the detail names the limit.",
    "414": "The address is too long.",
    "415": "Send application/json.",
    "422": "A business limit says no.",
    "429": "Too many requests; see Retry-After.",
    "431": "A header, or all of them together, are too large.",
    "503": "The database is away; see Retry-After.",
}


class ApiSchema(AutoSchema):
    def get_description(self) -> str:
        """Say what a member's token is shown, where it may call."""
        text = super().get_description()
        action = getattr(self.view, "action", None) or self.method.lower()
        shape = getattr(self.view, "member_shapes", {}).get(action)
        if shape is None:
            return text
        fields = ", ".join(f"`{name}`" for name in fields_of(shape))
        return f"{text}\n\nA member's token is shown: {fields}.".strip()

    def _get_response_bodies(self, direction="response"):
        responses = super()._get_response_bodies(direction)
        for status, description in ERRORS.items():
            if status not in responses:
                responses[status] = self._get_response_for_code(ErrorEnvelope, status) | {"description": description}
        return responses
