"""Hostile templates and files, from staff who may upload them."""

from __future__ import annotations

import csv
import gzip
import io
import re
import struct
import time
import zlib
from pathlib import Path

from tests.attack.registry import Tally, attack
from tests.attack.site import Site, SiteAnswer

SIZE = 32 * 1024
SOURCES = {
    "a plain one": "<p>Dear {{ customer.first_name }}, welcome</p>",
    "openings": "{{" * (SIZE // 2),
    "tag openings": "{%" * (SIZE // 2),
    "openings and one end": "{{" * 10_000 + "}}",
    "raw": "{% raw %}" * (SIZE // 9),
    "spaces": ("{{" + " " * 1990 + "}}") * 16,
    "huge range": "{% for i in (1..1000000000) %}x{% endfor %}",
    "range as a value": "{{ (1..99999999999) | size }}",
    "nested loops": "{% for a in (1..100) %}" * 6 + "x" + "{% endfor %}" * 6,
    "loops one after another": "{% for a in (1..100) %}{% endfor %}" * 100,
    "doubling": "{% assign a = 'xxxxxxxxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 60 + "{{ a }}",
    "replace": "{% assign a = 'aaaaaaaaaa' %}" + "{% assign a = a | replace: 'a', 'aaaaaaaaaa' %}" * 9,
    "big numbers": "{% assign n = 99999 %}" + "{% assign n = n | times: n %}" * 60,
    "deep nesting": "{% if 1 %}" * 200 + "{% endif %}" * 200,
    "class": "{{ customer.__class__.__mro__ }}{{ customer.first_name.__class__ }}{{ ''.__class__ }}",
    "settings": "{{ settings.SECRET_KEY }}{{ request.user.password }}{{ self }}{{ config }}",
    "methods": "{{ customer.delete }}{{ customer.save }}{{ customer.objects.all }}",
    "include": "{% include '/etc/passwd' %}{% render 'base.html' %}",
    "django": "{% load static %}{% debug %}{% url 'home' %}",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:1'>x</a>",
    "tags of HTML": "<div>" * 6_000,
}
SECRETS = ("argon2", "SECRET_KEY", "root:x:", "<class ", "&lt;class ", "object at 0x", "postgresql://")


@attack(
    "templates",
    f"{len(SOURCES)} texts in the console's preview: 32 KB of braces, loops, ranges, attributes, settings, "
    "includes, scripts",
    "each is answered within 15 s, refused or harmless; no secret is shown",
)
def templates(site: Site, tally: Tally) -> None:
    marketer, slowest = site.browser("marketer", "127.0.5.1"), 0.0
    for name, source in SOURCES.items():
        fields = {
            "name": "x", "channel": "email", "message_class": "marketing", "subject_en": "x", "body_en": source,
            "subject_zh-hans": "", "body_zh-hans": "",
        }  # fmt: skip
        began = time.monotonic()
        answer = marketer.post("/templates/preview/", fields, headers={"HX-Request": "true"})
        took = time.monotonic() - began
        slowest = max(slowest, took)
        tally.count(answer.status or "closed")
        tally.check(answer.status == 200, f"{name}: {answer.status}")
        tally.check(took < 15, f"{name} took {took:.1f} s")
        shown = answer.text
        for mark in re.findall(r"/templates/preview/([\w-]+)/", answer.text):
            frame = marketer.open(f"/templates/preview/{mark}/")
            shown += frame.text
            tally.check("<script" not in frame.text and "onerror" not in frame.text, f"{name}: a script survives")
            rules = frame.headers.get("content-security-policy", "")
            tally.check("sandbox" in rules and "script-src" not in rules, f"{name}: the frame may run scripts")
        tally.check("welcome" in shown or name != "a plain one", "the preview does not render at all")
        # The page's own message shows the input as text.
        visible = shown.replace("settings.SECRET_KEY", "")
        tally.check(not [word for word in SECRETS if word in visible], f"{name} shows something of the inside")
    tally.note(f"slowest {slowest:.1f} s")


def bring(site: Site, kind: str, name: str, content: bytes) -> SiteAnswer:
    marketer = site.browser("marketer", "127.0.5.1")
    return marketer.post("/imports/new/", {"kind": kind, "source": "shop"}, files={"file": (name, content, "text/csv")})


def take(site: Site, answer: SiteAnswer, seconds: float = 60) -> tuple[str, int, int]:
    """Start the import of this answer and wait for its end; return its state and the rows taken and refused."""
    found = re.search(r"/imports/(\d+)/", answer.headers.get("location", ""))
    if not found:
        return f"not uploaded: {answer.status}", 0, 0
    run = int(found[1])
    columns = site.one("SELECT mapping FROM crm_importrun WHERE id = %s", [run])
    mapped = {f"map-{field}": column for field, column in columns.items()}
    site.browser("marketer", "127.0.5.1").post(f"/imports/{run}/map/", {**mapped, "action": "run"})
    deadline, row = time.monotonic() + seconds, ("", 0, 0)
    while time.monotonic() < deadline:
        row = site.rows("SELECT state, accepted_count, refused_count FROM crm_importrun WHERE id = %s", [run])[0]
        if row[0] in {"done", "failed"}:
            break
        time.sleep(0.3)
    return row


@attack(
    "formulas",
    "six names that a spreadsheet would run, brought in by file and out by the export of customers",
    "no cell of the export begins as a formula",
)
def formulas(site: Site, tally: Tally) -> None:
    names = ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx=1", '=HYPERLINK("http://evil.example")']
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["email", "name"])
    writer.writerows([[f"formula{n}@shop.example", name] for n, name in enumerate(names)])
    state, taken, refused = take(site, bring(site, "customers", "people.csv", text.getvalue().encode()))
    tally.count(f"names, import {state}", len(names))
    tally.check((state, taken) == ("done", len(names)), f"the import ended {state}: {taken} taken, {refused} refused")
    exported = site.browser("admin", "127.0.2.7").open("/customers/export/")
    cells = [cell for row in csv.reader(io.StringIO(exported.text.removeprefix("\ufeff"))) for cell in row]
    running = [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    tally.note(f"{len(cells)} cells exported, {len(running)} would run")
    tally.check(
        exported.status == 200 and any("cmd|" in cell for cell in cells), f"the export lacks them: {exported.status}"
    )
    tally.check(not running, f"these would run: {running}")


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece, packed = b"0" * (1024 * 1024), [packer.compress(b"sku,name,price\r\n")]
    packed += [packer.compress(piece) for _ in range(size // len(piece))]
    return b"".join([*packed, packer.flush()])


@attack(
    "bombs",
    "a file of 1 MB that unpacks to 1 GB, one inside another, and archives of other kinds, as imports",
    "refused in words within 30 s; nothing of them stays on the disk",
)
def bombs(site: Site, tally: Tally) -> None:
    before, slowest = site.web_bytes(), 0.0
    packed = bomb(1024 * 1024 * 1024)
    files = {
        "bomb.csv.gz": packed, "twice.csv.gz": gzip.compress(packed), "x.csv": b"PK\x03\x04" + b"\0" * 1000,
        "y.csv": b"\xd0\xcf\x11\xe0" + b"\0" * 1000, "z.csv": b"7z\xbc\xaf" + b"\0" * 1000, "cut.csv.gz": packed[:5000],
    }  # fmt: skip
    for name, content in files.items():
        began = time.monotonic()
        answer = bring(site, "products", name, content)
        slowest = max(slowest, time.monotonic() - began)
        tally.count(answer.status or "closed")
        tally.check(answer.status == 200, f"{name}: {answer.status} {answer.headers.get('location', '')}")
    left = [
        path.name
        for path in (Path(site.environment["LIUKE_VAR"]) / "media" / "imports").glob("*")
        if path.stat().st_size in map(len, files.values())
    ]
    grown = (site.web_bytes() - before) // (1024 * 1024)
    tally.note(f"slowest {slowest:.1f} s, memory {grown:+} MB")
    tally.check(not left, f"uploads stay: {left}")
    tally.check(slowest < 30, f"one took {slowest:.0f} s")
    tally.check(grown < 200, f"a web process grew by {grown} MB")


@attack(
    "open-quotes",
    "a file with a quote that never closes before 20,000 good rows",
    "one row is refused, the others are taken",
)
def open_quotes(site: Site, tally: Tally) -> None:
    rows = "".join(f"Q{n},Tea {n},1\r\n" for n in range(20_000))
    content = ('sku,name,price\r\nQX,"Broken,2\r\n' + rows).encode()
    state, taken, refused = take(site, bring(site, "products", "quotes.csv", content), 120)
    tally.count(f"import {state}")
    tally.note(f"{taken:,} rows taken, {refused} refused")
    tally.check((state, taken, refused) == ("done", 20_000, 1), f"{state}: {taken} taken, {refused} refused")


def png(width: int, height: int, behind: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\1\1" * 2)) + chunk(b"IEND", b"") + behind


@attack(
    "pictures",
    "a PNG that says 60,000 × 60,000, SVG and HTML with scripts, a page behind a good picture, 11 MB of noise",
    "refused; of the good picture only the picture is kept, and it is served as one",
)
def pictures(site: Site, tally: Tally) -> None:
    admin = site.browser("admin", "127.0.2.7")
    script = b"<script>alert(1)</script>"
    files = {
        "large.png": (png(60_000, 60_000), "image/png"),
        "a.svg": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>" + script + b"</svg>", "image/svg+xml"),
        "svg.png": (b"<svg onload='alert(1)'/>", "image/png"),
        "page.png": (b"<!doctype html>" + script, "image/png"),
        "page.html": (b"GIF89a" + script, "image/gif"),
        "../../evil.png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "image/png"),
        "noise.png": (png(2, 2)[:-12] + b"\0" * (11 * 1024 * 1024), "image/png"),
    }
    fields = {"kind": "gift", "name": "Attack", "points": "300", "stock": "5", "member_limit": "2", "position": "0"}
    for name, (content, kind) in files.items():
        answer = admin.post("/rewards/new/", fields, files={"picture": (name, content, kind)})
        tally.count(answer.status or "closed")
        tally.check(answer.status in {200, 413}, f"{name}: {answer.status}")
    tally.check(site.one("SELECT count(*) FROM loyalty_reward WHERE name = 'Attack'") == 0, "a reward was made")
    kept = admin.post(
        "/rewards/new/", {**fields, "name": "Good"}, files={"picture": ("evil.html", png(2, 2, script), "text/html")}
    )
    tally.count(kept.status)
    stored = site.rows("SELECT picture FROM loyalty_reward WHERE name = 'Good'")
    tally.check(bool(stored), "the good picture was not taken")
    for (path,) in stored:
        shown = site.ask("GET", f"/rewards/pictures/{path.rpartition('/')[2]}")
        tally.check(
            shown.body.startswith(b"\x89PNG") and script not in shown.body, "what hung behind the picture is served"
        )
        tally.check(shown.headers.get("content-type") == "image/png", f"served as {shown.headers.get('content-type')}")
        tally.check(shown.headers.get("x-content-type-options") == "nosniff", "a browser may guess another kind")
