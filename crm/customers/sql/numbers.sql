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

-- The terms of a folded name (crm/customers/rules/names.py), for search in any script. From the part before the first
-- space: pairs of neighbouring characters, and each character outside of ASCII. From each pinyin after it: beginnings.
CREATE OR REPLACE FUNCTION crm_search_terms(p_form text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE name text := split_part(p_form, ' ', 1); terms text[] := '{}'; letter text; pinyin text; place int;
BEGIN
    FOR place IN 1 .. length(name) LOOP
        letter := substr(name, place, 1);
        IF letter > '~' COLLATE "C" THEN terms := terms || letter; END IF;
        IF place < length(name) THEN terms := terms || substr(name, place, 2); END IF;
    END LOOP;
    IF length(p_form) > length(name) THEN
        FOREACH pinyin IN ARRAY string_to_array(substr(p_form, length(name) + 2), ' ') LOOP
            FOREACH place IN ARRAY '{2,3,4,6}'::int[] LOOP
                EXIT WHEN place > length(pinyin);
                terms := terms || ('~' || left(pinyin, place));
            END LOOP;
        END LOOP;
    END IF;
    RETURN terms;
END $$;
