"""Import of reviews: activity of the kind `review` with rating, title and text as its properties."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.import_kinds.services.catalogue import ActivityImport
from crm.imports.rules.mapping import ImportField, who
from crm.imports.services.context import Context

FIELDS = (
    ImportField("sender_id", limit=80, required=True, aliases="id reviewid review uuid 评价id 评价编号 bewertungsid"),
    *who(),
    ImportField(
        "sku", limit=64, required=True, aliases="productid itemsku stockcode product 商品编码 货号 artikelnummer"
    ),
    ImportField("rating", "number", required=True, aliases="stars score rate 评分 星级 bewertung"),
    ImportField("title", limit=200, aliases="headline subject reviewtitle 标题 titel"),
    ImportField("text", limit=5000, aliases="review body content comment reviewbody 评价内容 内容 kommentar"),
    ImportField(
        "occurred_at", "time", required=True, aliases="date time createdat reviewdate timestamp 评价时间 时间 datum"
    ),
)
LABELS = {
    "sender_id": _("Number of the review"),
    "rating": _("Rating"),
    "title": _("Title"),
    "text": _("Text"),
}


class Reviews(ActivityImport):
    """Import of product reviews, which are stored as activity events."""

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        context.refuse(
            """SELECT row_number, 'rating', 'not_a_rating', '' FROM lk_rows
               WHERE rating NOT BETWEEN 1 AND 5 OR rating <> round(rating)"""
        )
        context.refuse(
            """SELECT r.row_number, 'sku', 'unknown_sku', '' FROM lk_rows r LEFT JOIN crm_product p ON p.sku = r.sku
               WHERE r.sku IS NOT NULL AND p.id IS NULL"""
        )
        context.execute(
            """ALTER TABLE lk_rows ADD kind text NOT NULL DEFAULT 'review', ADD anonymous_id text, ADD properties jsonb;
               UPDATE lk_rows SET properties = jsonb_strip_nulls(
                   jsonb_build_object('rating', rating, 'title', title, 'text', text))"""
        )
        super().check(context)
