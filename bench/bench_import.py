"""Imports of a million order lines, a million hostile customers and Online Retail, by the command that a shop runs.

Floors of the same run, on the same text: COPY into a plain table with a key and one index, and COPY into a staging
table with an insert that skips existing rows. They neither validate rows nor find customers nor create orders.
Everything happens in a separate, new database. ROWS in the environment makes it smaller.
"""

from __future__ import annotations

import csv
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.common import ROOT, report
from bench.hostile import write_hostile

ROWS = int(os.environ.get("ROWS", "1000000"))
NAME = "liuke_bench_import"
RETAIL = Path(os.environ.get("ONLINE_RETAIL") or ROOT.parent / "shared" / "data" / "online_retail.csv.gz")
# manage.py that writes its own peak to a file: the kernel's figure for a child includes the memory of its parent.
MANAGE = """
import atexit, pathlib, re, runpy, sys
peak, *arguments = sys.argv[1:]
atexit.register(lambda: pathlib.Path(peak).write_text(
    re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]))
sys.argv = ["manage.py", *arguments]
runpy.run_path("manage.py", run_name="__main__")
"""
HEADER = "order_no,created_at,status,mobile,name,sku,product,category,qty,price,channel"


def write_orders(path: Path, rows: int) -> None:
    """Write orders of 1 to 5 lines: one customer per ten lines, 2,000 products, all lines of an order different."""
    chance = random.Random(7)
    customers = max(rows // 10, 1)
    written = number = 0
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(HEADER.split(","))
        while written < rows:
            number += 1
            who = chance.randrange(customers)
            at = f"2024-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d} {chance.randrange(24):02d}:30:00"
            for _ in range(min(chance.choice((1, 1, 2, 2, 3, 4, 5)), rows - written)):
                sku = chance.randrange(2000)
                price = f"{5 + sku % 100}.{sku % 10}0"
                out.writerow([f"SO{number:08d}", at, "paid", f"138{who:08d}", f"顾客{who}", f"SKU{sku:05d}",
                              f"Product {sku}", f"Goods/{sku % 20}", chance.randrange(1, 5), price, "web"])  # fmt: skip
                written += 1


def floors(path: Path) -> tuple[float, float]:
    """Return (COPY into a table with a key and one index, staged with deduplication), in rows a second."""
    from django.db import connection

    rates = []
    table = """(line bigint GENERATED ALWAYS AS IDENTITY, order_no text, created_at timestamptz, status text,
                mobile text, name text, sku text, product text, category text, qty numeric, price numeric,
                channel text"""
    columns = HEADER
    with connection.cursor() as cursor:
        for staged in (False, True):
            cursor.execute("DROP TABLE IF EXISTS floor_line, floor_stage")
            cursor.execute(f"CREATE TABLE floor_line {table}, PRIMARY KEY (line))")
            cursor.execute(f"CREATE {'UNIQUE ' if staged else ''}INDEX ON floor_line (order_no, sku, line)")
            began = time.perf_counter()
            target = "floor_line"
            if staged:
                target = "floor_stage"
                cursor.execute(f"CREATE TEMP TABLE floor_stage {table})")
            with path.open("rb") as handle:
                handle.readline()
                with cursor.copy(f"COPY {target} ({columns}) FROM STDIN (FORMAT csv)") as copy:
                    while block := handle.read(1 << 20):
                        copy.write(block)
            if staged:
                cursor.execute(
                    f"""INSERT INTO floor_line ({columns})
                        SELECT {columns} FROM (SELECT DISTINCT ON (line) * FROM floor_stage) s ON CONFLICT DO NOTHING"""
                )
            rates.append(ROWS / (time.perf_counter() - began))
        cursor.execute("DROP TABLE IF EXISTS floor_line, floor_stage")
    return rates[0], rates[1]


class Scratch:
    """An empty database on the benchmark's server, for commands in separate processes."""

    def __enter__(self) -> Scratch:
        self._sql(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", f"CREATE DATABASE {NAME}")
        base = os.environ["DATABASE_URL"].rpartition("/")[0]
        self.environment = {**os.environ, "DATABASE_URL": f"{base}/{NAME}", "LOG_LEVEL": "ERROR"}
        self.manage("migrate", "--verbosity", "0")
        # Write the pages of earlier runs now, so that they do not count for this import.
        self._sql("CHECKPOINT")
        return self

    def __exit__(self, *_error: object) -> None:
        self._sql(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")

    @staticmethod
    def _sql(*statements: str) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def manage(self, *arguments: str) -> tuple[str, float, float]:
        """Run a command. Return (its output, its CPU seconds, its peak memory in MB)."""
        with tempfile.TemporaryFile("w+") as output, tempfile.NamedTemporaryFile("r") as peak:
            process = subprocess.Popen(
                [sys.executable, "-c", MANAGE, peak.name, *arguments], cwd=ROOT, env=self.environment, stdout=output
            )
            _pid, status, used = os.wait4(process.pid, 0)
            output.seek(0)
            text = output.read()
            if status:
                raise RuntimeError(f"{' '.join(arguments)}: {text[-500:]}")
            return text, used.ru_utime + used.ru_stime, int(peak.read()) / 1024

    def store(self) -> None:
        self.manage(
            "shell", "-c",
            "from crm.models import Store; "
            "Store.objects.create(code='main', name='Bench', currency='CNY', is_default=True)",
        )  # fmt: skip


def _rate(output: str) -> tuple[float, list[int]]:
    """Return the rows a second, and (read, taken, already there, refused)."""
    match = re.search(
        r"Read ([\d,]+) \w+ in ([\d.]+) s .*?: ([\d,]+) taken, ([\d,]+) already there, ([\d,]+) refused", output
    )
    assert match, output
    read, taken, existing, refused = (int(match[n].replace(",", "")) for n in (1, 3, 4, 5))
    assert read == taken + existing + refused
    return read / float(match[2]), [read, taken, existing, refused]


def run() -> None:
    folder = Path(tempfile.mkdtemp(prefix="liuke-bench-"))
    orders, hostile = folder / "orders.csv", folder / "hostile.csv"
    write_orders(orders, ROWS)
    before = floors(orders)
    with Scratch() as scratch:
        scratch.store()
        arguments = ["import_csv", str(orders), "--kind", "orders", "--source", "bench", "--no-deliver"]
        output, processor, memory = scratch.manage(*arguments)
        rate, counts = _rate(output)
        again, counted = _rate(scratch.manage(*arguments)[0])
        assert counts[1] == ROWS
        assert counted[2] == ROWS
        after = floors(orders)
        copied, staged = ((one + other) / 2 for one, other in zip(before, after, strict=True))
        extra = {"rows": ROWS, "copy_floor": round(copied), "client_cpu_s": round(processor, 1),
                 "peak_mb": round(memory), "same_file_again": round(again)}  # fmt: skip
        report("import", rate, "order lines/s", staged, extra=extra)

        read, expected = write_hostile(hostile, ROWS)
        output, processor, memory = scratch.manage(
            "import_csv", str(hostile), "--kind", "customers", "--source", "bench", "--no-deliver"
        )
        rate, counts = _rate(output)
        assert (counts[0], counts[3]) == (read, len(expected))
        report(
            "import_hostile", rate, "customers/s", extra={"rows": ROWS, "refused": counts[3], "peak_mb": round(memory)}
        )
    if RETAIL.is_file():
        with Scratch() as scratch:
            output, processor, memory = scratch.manage("import_online_retail", "--path", str(RETAIL), "--no-deliver")
            rate, counts = _rate(output)
            assert "8,887,208.89 GBP" in output
            seconds = round(counts[0] / rate, 1)
            extra = {
                "lines": counts[0],
                "seconds": seconds,
                "client_cpu_s": round(processor, 1),
                "peak_mb": round(memory),
            }
            report("import_online_retail", rate, "lines/s", extra=extra)
    for path in (orders, hostile):
        path.unlink(missing_ok=True)
    folder.rmdir()
