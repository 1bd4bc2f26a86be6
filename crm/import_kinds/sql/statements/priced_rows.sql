CREATE TEMP TABLE lk_priced ON COMMIT DROP AS
SELECT priced.*, gross - line_discount AS amount,
    CASE WHEN error_code IS NOT NULL THEN error_code
         {errors}
         WHEN store_id IS NULL THEN 'unknown_store'
         WHEN given_currency <> currency THEN 'wrong_currency'
         WHEN NOT has_line THEN NULL
         WHEN kind = 'product' AND sku IS NULL THEN 'required'
         WHEN quantity <= 0 THEN 'not_positive'
         WHEN quantity > 999999999 OR unit_price > 999999999 OR gross >= {largest} THEN 'number_too_large'
         WHEN scale(trim_scale(quantity)) > 3 THEN 'too_precise'
         WHEN unit_price IS NULL THEN 'required'
         WHEN unit_price < 0 OR line_discount < 0 THEN 'negative'
         WHEN line_discount > gross THEN 'discount_exceeds_line'
         WHEN gross - line_discount <> given_amount THEN 'amount_mismatch' END AS code
FROM (SELECT valued.*,
             coalesce(round(given_discount * factor)::bigint, greatest(gross - given_amount, 0), 0)
                 AS line_discount
      FROM (SELECT r.row_number, r.error_field, r.error_code, r.error_detail, r.number, r.sku,
                   r.product_name, r.category, r.brand, s.id AS store_id, s.currency, s.factor,
                   coalesce(r.currency, %(currency)s) AS given_currency,
                   coalesce(r.line_kind, 'product') AS kind, coalesce(r.quantity, 1) AS quantity,
                   round(coalesce(r.unit_price, (r.line_amount + coalesce(r.line_discount, 0))
                                                / nullif(coalesce(r.quantity, 1), 0)), 4) AS unit_price,
                   least(greatest(round(coalesce(round(r.unit_price, 4) * coalesce(r.quantity, 1),
                                                 r.line_amount + coalesce(r.line_discount, 0), 0)
                                        * s.factor), -{largest}), {largest})::bigint AS gross,
                   round(r.line_refunded * s.factor)::bigint AS line_refunded,
                   r.line_discount AS given_discount, round(r.line_amount * s.factor)::bigint AS given_amount,
                   {skipped} AS skipped,
                   (r.sku IS NOT NULL OR r.quantity IS NOT NULL OR r.unit_price IS NOT NULL
                    OR r.line_amount IS NOT NULL)
                   {not_skipped} AS has_line, {shared}
            FROM lk_rows r LEFT JOIN lk_store s ON s.code = coalesce(r.store, %(store_code)s)
            WHERE {rows} OFFSET 0) valued) priced
