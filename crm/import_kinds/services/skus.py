"""One spelling for each SKU of a file: that of the product, otherwise the first in the file."""

from __future__ import annotations

from crm.imports.services.context import Context


def use_known_spelling(context: Context) -> None:
    """Rewrite SKUs in lk_rows that differ only in case from a known SKU or from an earlier one."""
    context.execute(
        """UPDATE lk_rows r SET sku = spelled.sku
           FROM (SELECT DISTINCT ON (lower(f.sku)) lower(f.sku) AS key, coalesce(p.sku, f.sku) AS sku
                 FROM (SELECT sku, min(row_number) AS first_row FROM lk_rows WHERE sku IS NOT NULL GROUP BY sku) AS f
                 LEFT JOIN crm_product p ON lower(p.sku) = lower(f.sku)
                 ORDER BY lower(f.sku), f.first_row) AS spelled
           WHERE lower(r.sku) = spelled.key AND r.sku <> spelled.sku"""
    )
