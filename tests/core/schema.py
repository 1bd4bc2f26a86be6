"""Describe the schema of a database in sorted, readable lines.

`tests/core/schema.txt` is the reviewed description. After a change of the schema, write it again and review the diff:

    UPDATE_BASELINES=1 .venv/bin/python -m pytest tests/core/test_schema_dump.py
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

# Monthly partitions depend on the day of the migration. Only a default partition is always the same.
_RELATION = """c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    AND (NOT c.relispartition OR pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')"""

# Each statement returns one text a row.
STATEMENTS = (
    "SELECT 'extension ' || extname FROM pg_extension",
    f"""SELECT concat_ws(' ', CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END,
                         c.relname, 'partition by ' || pg_get_partkeydef(c.oid),
                         (SELECT 'partition of ' || i.inhparent::regclass FROM pg_inherits i
                          WHERE i.inhrelid = c.oid AND c.relispartition),
                         'with ' || array_to_string(c.reloptions, ', '),
                         CASE WHEN c.relkind IN ('v', 'm') THEN 'md5 ' || md5(pg_get_viewdef(c.oid)) END)
        FROM pg_class c WHERE {_RELATION}""",
    f"""SELECT concat_ws(' ', 'column', c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
                         CASE WHEN a.attcollation <> t.typcollation THEN 'collate ' || a.attcollation::regcollation END,
                         CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END,
                         CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity' END,
                         CASE WHEN a.attgenerated = '' THEN 'default ' ELSE 'generated ' END
                             || pg_get_expr(d.adbin, d.adrelid))
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE {_RELATION} AND a.attnum > 0 AND NOT a.attisdropped""",
    f"""SELECT 'index ' || c.relname || '.' || x.relname || ' '
               || regexp_replace(pg_get_indexdef(x.oid), '^CREATE (UNIQUE )?INDEX .*? (USING .*)$', '\\1\\2')
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
        WHERE {_RELATION}""",
    # From PostgreSQL 18 on, NOT NULL is a constraint as well; the line of the column says it already.
    f"""SELECT 'constraint ' || c.relname || '.' || k.conname || ' ' || pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE {_RELATION} AND k.contype <> 'n'""",
    f"""SELECT 'trigger ' || c.relname || '.' || t.tgname || ' '
               || regexp_replace(pg_get_triggerdef(t.oid), '^CREATE (CONSTRAINT )?TRIGGER \\S+ ', '\\1')
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE {_RELATION} AND NOT t.tgisinternal""",
    # The body of core_sql_files holds the checksums of the files: every changed comment in a file changes it.
    """SELECT concat_ws(' ', CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
                        p.proname || '(' || pg_get_function_arguments(p.oid) || ')',
                        'returns ' || pg_get_function_result(p.oid), 'language ' || l.lanname,
                        CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END,
                        CASE WHEN p.proisstrict THEN 'strict' END, CASE WHEN p.prosecdef THEN 'security definer' END,
                        CASE p.proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted' END,
                        'set ' || array_to_string(p.proconfig, ', '),
                        CASE WHEN p.proname <> 'core_sql_files'
                             THEN 'md5 ' || md5(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)) END)
       FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                                                          AND d.deptype = 'e')""",
    """SELECT 'type ' || t.typname || ' ' || t.typtype::text FROM pg_type t
       WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('d', 'e', 'r')
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
                                                           AND d.deptype = 'e')""",
)


def describe(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the lines of a database, sorted as Python sorts, so that the server's collation has no influence."""
    lines: list[str] = []
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement)
            lines += [" ".join(text.split()) for (text,) in cursor.fetchall()]
    return sorted(lines)
