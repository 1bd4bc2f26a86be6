"""The catalogue of the demo shop: names, descriptions and tags in both languages, prices, cost, links, pictures."""

from __future__ import annotations

from config.demo.pictures import product_picture
from core.text.currencies import exponent
from crm.orders.models import Product
from crm.orders.services.products import ProductInput, set_product_picture, update_catalogue
from crm.simulation.rules.names import PRODUCTS

STOREFRONT = "https://shop.example"
BRAND = {"en": "Camellia", "zh": "山茶"}
# By the first letters of the SKU: category, tags and a sentence in English and Chinese, and the cost of a price of 1.
KINDS: dict[str, tuple[tuple[str, str], tuple[tuple[str, str], ...], tuple[str, str], float]] = {
    "CF": (("Coffee/Beans", "咖啡/咖啡豆"), (("coffee", "咖啡"), ("freshly roasted", "新鲜烘焙")),
           ("Roasted on the day of the order, for filter and espresso.", "下单当日烘焙，手冲、意式皆宜。"), 0.42),
    "TE": (("Tea/Leaves", "茶/茶叶"), (("tea", "茶"), ("gift", "送礼")),
           ("Loose leaves of this year, sealed in a tin.", "当季原叶，罐装密封锁鲜。"), 0.38),
    "WR": (("Ware/Brewing", "器具/冲煮"), (("brewing", "冲煮"), ("kitchen", "厨房")),
           ("For brewing at home, easy to clean.", "居家冲煮，清洗方便。"), 0.55),
    "CU": (("Ware/Cups", "器具/杯子"), (("cups", "杯子"), ("gift", "送礼")),
           ("Made by hand; each piece is a little different.", "手工制作，每一只都略有不同。"), 0.5),
    "SN": (("Snacks/Sweets", "零食/茶点"), (("snack", "零食"), ("sweet", "甜点")),
           ("Small bites that go with coffee and tea.", "与咖啡、茶相配的小点心。"), 0.48),
}  # fmt: skip
# Tags of single goods, by a part of the English name.
OWN_TAGS = {
    "Decaf": ("decaf", "低因"),
    "Geisha": ("limited", "限量"),
    "gift box": ("gift box", "礼盒"),
    "Yunnan": ("Yunnan", "云南"),
    "pair": ("for two", "对杯"),
}


def fill_catalogue(language: str, *, with_pictures: bool) -> None:
    """Create the products. The category is in the shop's language; names and descriptions are in both."""
    spoken = 1 if language.startswith("zh") else 0
    items = []
    for sku, name_zh, name, _category, price in PRODUCTS:
        category, tags, text, cost = KINDS[sku[:2]]
        own = [pair for part, pair in OWN_TAGS.items() if part in name]
        minor = round(price * 10 ** exponent("CNY"))
        items.append(
            ProductInput(
                sku,
                name.strip(),
                category[spoken],
                BRAND["zh" if spoken else "en"],
                price=minor,
                cost=round(minor * cost),
                name_zh=name_zh,
                description=f"{name.strip()}. {text[0]}",
                description_zh=f"{name_zh}。{text[1]}",
                tags=[pair[0] for pair in (*tags, *own)],
                tags_zh=[pair[1] for pair in (*tags, *own)],
                url=f"{STOREFRONT}/products/{sku.lower()}",
            )
        )
    update_catalogue(items=items)
    for product in Product.objects.order_by("pk") if with_pictures else ():
        set_product_picture(product=product, upload=product_picture(product.sku))
