"""Products with picture, name, price and link: chosen ones, best sellers, or those recommended to the customer."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup, rich
from core.fields.schema import Field

SOURCES = (
    ("fixed", _("Chosen products")),
    ("best_sellers", _("Best sellers")),
    ("recommended", _("Recommended to the customer")),
    ("event", _("Products of the event, such as a cart")),
)
LISTS = {
    "best_sellers": "best_sellers.items",
    "recommended": "recommendations.items",
    "event": "event.items",
}
MOST = 6
# Signs that would end the name of a product in Liquid.
ENDING = frozenset("'\"[]{}\n")


class Products(Block):
    label = _("Products")
    icon = "shopping-bag"
    group = "shop"
    nested = False
    values = (
        Field("source", "choice", _("Which products"), default="best_sellers", choices=lambda: SOURCES),
        Field("skus", "words", _("Products"), required=False, default=[], most=64, picker="product"),
        Field("count", "number", _("At most"), default=4, least=1, most=MOST),
    )
    texts = (
        Field("title", "design_line", _("Title"), required=False, most=120),
        Field("button", "design_line", _("Label of the links"), required=False, most=40),
    )

    def content(self, block: Placed, look: Look) -> str:
        """Return one table with two products a row: the number of products is known only when a message is made."""
        cell = self._cell(block, look)
        if block.values["source"] == "fixed":
            skus = [sku for sku in block.values["skus"] if ENDING.isdisjoint(sku)][:MOST]
            cells = "".join(
                f"{{% assign item = products['{sku}'] %}}{{% if item.name %}}{cell}{{% endif %}}" for sku in skus
            )
        else:
            name = LISTS[block.values["source"]]
            cells = f"{{% for item in {name} limit: {block.values['count']} %}}{cell}{{% endfor %}}"
        title = rich.plain_text(block.texts.get("title", ""))
        head = f'<div style="font-size:19px;font-weight:700;margin:0 0 10px">{title}</div>' if title else ""
        return markup.tag(
            "text",
            f'{head}<div style="font-size:0;text-align:center">{cells}</div>',
            color=look.ink,
            font_size="15px",
            line_height="1.5",
            css_class="d-ink",
        )

    def sections(self, block: Placed, look: Look) -> str:
        source = block.values["source"]
        if source == "fixed" and not block.values["skus"]:
            return ""
        row = super().sections(block, look)
        return row if source == "fixed" else markup.when(f"{LISTS[source]}.size > 0", row)

    @staticmethod
    def _cell(block: Placed, look: Look) -> str:
        label = rich.plain_text(block.texts.get("button", ""))
        more = f'<div class="d-accent" style="color:{look.accent};font-weight:600">{label}</div>' if label else ""
        inner = (
            '{% if item.picture != "" %}<img src="{{ item.picture }}" alt="{{ item.name }}" width="200" '
            'style="width:100%;max-width:200px;height:auto;border-radius:6px" /><br />{% endif %}'
            f'<span style="font-weight:600">{{{{ item.name }}}}</span><br />{{{{ item.price }}}}{more}'
        )
        style = (
            "display:inline-block;vertical-align:top;width:50%;min-width:150px;max-width:260px;box-sizing:border-box;"
            "padding:8px;font-size:15px;line-height:1.5;text-align:center"
        )
        return (
            f'<div style="{style}">{{% if item.url != "" %}}<a href="{{{{ item.url }}}}" '
            f'style="color:inherit;text-decoration:none">{inner}</a>{{% else %}}{inner}{{% endif %}}</div>'
        )
