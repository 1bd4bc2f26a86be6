"""Django admin of channels."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _


def _opens(route: str, pk: int) -> str:
    return format_html('<a href="{}">{}</a>', reverse(route, args=[pk]), _("Open in the console"))
