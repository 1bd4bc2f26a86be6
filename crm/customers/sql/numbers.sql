-- Customer and ticket numbers: a sequence with a Luhn check digit, so that a mistyped number is noticed.
CREATE SEQUENCE IF NOT EXISTS crm_customer_number_seq START 1000001;
CREATE SEQUENCE IF NOT EXISTS crm_ticket_number_seq START 1001;

CREATE OR REPLACE FUNCTION crm_luhn_digit(p_number bigint) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE digits text := reverse(p_number::text); total int := 0; digit int;
BEGIN
    FOR place IN 1 .. length(digits) LOOP
        digit := substr(digits, place, 1)::int;
        IF place % 2 = 1 THEN digit := digit * 2; IF digit > 9 THEN digit := digit - 9; END IF; END IF;
        total := total + digit;
    END LOOP;
    RETURN ((10 - total % 10) % 10)::text;
END $$;

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
CREATE OR REPLACE FUNCTION crm_bigrams(p_text text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE folded text := lower(p_text); found text[] := '{}'; pair text;
BEGIN
    IF folded ~ '\s' THEN folded := regexp_replace(folded, '\s+', '', 'g'); END IF;
    IF folded = '' THEN RETURN found; END IF;
    FOR place IN 1 .. greatest(length(folded) - 1, 1) LOOP
        pair := substr(folded, place, 2);
        IF pair <> ALL (found) THEN found := found || pair; END IF;
    END LOOP;
    RETURN found;
END $$;
