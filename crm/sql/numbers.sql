-- Customer and ticket numbers: a sequence with a Luhn check digit, so that a mistyped number is noticed.
CREATE SEQUENCE IF NOT EXISTS crm_customer_number_seq START 1000001;
CREATE SEQUENCE IF NOT EXISTS crm_ticket_number_seq START 1001;

CREATE OR REPLACE FUNCTION crm_luhn_digit(p_number bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ((10 - sum(CASE WHEN place % 2 = 1 THEN CASE WHEN digit > 4 THEN digit * 2 - 9 ELSE digit * 2 END
                           ELSE digit END) % 10) % 10)::text
    FROM (SELECT substr(reverse(p_number::text), place, 1)::int AS digit, place
          FROM generate_series(1, length(p_number::text)) AS place) AS digits
$$;

CREATE OR REPLACE FUNCTION crm_next_customer_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE n bigint := nextval('crm_customer_number_seq');
BEGIN
    RETURN n::text || crm_luhn_digit(n);
END $$;

CREATE OR REPLACE FUNCTION crm_next_ticket_number() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE n bigint := nextval('crm_ticket_number_seq');
BEGIN
    RETURN 'T' || n::text || crm_luhn_digit(n);
END $$;

-- Pairs of neighbouring characters of a name, for search in any script: two Chinese characters are one key of the index.
CREATE OR REPLACE FUNCTION crm_bigrams(p_text text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(folded, place, 2)), '{}')
    FROM (SELECT regexp_replace(lower(p_text), '\s+', '', 'g') AS folded) AS given,
         generate_series(1, greatest(length(folded) - 1, 1)) AS place
    WHERE folded <> ''
$$;
