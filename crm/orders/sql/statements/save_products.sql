-- Create or update products by SKU. An empty text, and a number or tags that are null, keep the stored value.
WITH given AS (
    SELECT g.sku, g.name, g.name_zh, g.description, g.description_zh, g.category, g.brand, g.price, g.cost, g.active,
           g.url, g.picture_url, g.tags, g.tags_zh
    FROM jsonb_to_recordset(%(products)s::jsonb)
         AS g(sku text, name text, name_zh text, description text, description_zh text, category text, brand text,
              price bigint, cost bigint, active boolean, url text, picture_url text, tags varchar(40)[],
              tags_zh varchar(40)[]))
INSERT INTO crm_product AS p
    (sku, name, name_zh, description, description_zh, category, brand, price, cost, active, url, picture_url, tags,
     tags_zh)
SELECT given.sku, coalesce(nullif(given.name, ''), o.name, ''), coalesce(nullif(given.name_zh, ''), o.name_zh, ''),
       coalesce(nullif(given.description, ''), o.description, ''),
       coalesce(nullif(given.description_zh, ''), o.description_zh, ''),
       coalesce(nullif(given.category, ''), o.category, ''), coalesce(nullif(given.brand, ''), o.brand, ''),
       coalesce(given.price, o.price), coalesce(given.cost, o.cost), given.active,
       coalesce(nullif(given.url, ''), o.url, ''), coalesce(nullif(given.picture_url, ''), o.picture_url, ''),
       coalesce(given.tags, o.tags, '{{}}'), coalesce(given.tags_zh, o.tags_zh, '{{}}')
FROM given LEFT JOIN crm_product o ON lower(o.sku) = lower(given.sku)
ORDER BY given.sku
ON CONFLICT (lower(sku)) DO UPDATE SET
    name = excluded.name, name_zh = excluded.name_zh, description = excluded.description,
    description_zh = excluded.description_zh, category = excluded.category, brand = excluded.brand,
    price = excluded.price, cost = excluded.cost, active = excluded.active, url = excluded.url,
    picture_url = excluded.picture_url, tags = excluded.tags, tags_zh = excluded.tags_zh, updated_at = now()
WHERE (p.name, p.name_zh, p.description, p.description_zh, p.category, p.brand, p.price, p.cost, p.active, p.url,
       p.picture_url, p.tags, p.tags_zh)
      IS DISTINCT FROM
      (excluded.name, excluded.name_zh, excluded.description, excluded.description_zh, excluded.category,
       excluded.brand, excluded.price, excluded.cost, excluded.active, excluded.url, excluded.picture_url,
       excluded.tags, excluded.tags_zh)
