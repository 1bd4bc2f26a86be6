"""Attacks by any stranger who reaches the port: long keys, large bodies, odd paths, forged headers."""

from __future__ import annotations

import itertools
import json
import re
import secrets
import socket
import time
from urllib.parse import quote

from tests.attack.registry import Tally, attack
from tests.attack.site import Site, together

MB = 1024 * 1024
# A request that is refused before it is read may end as an answer or as a closed connection.
REFUSED = {"400", "404", "411", "413", "414", "431", "closed"}


def keys(site: Site, tally: Tally, make, address: str) -> None:
    before = site.cache_bytes()

    def send() -> None:
        headers = {"Authorization": "Bearer " + make()}
        tally.count(site.ask("GET", "/api/v1/orders", None, headers, address=address).status or "closed")

    together([send] * 1500, 16)
    grown = site.cache_bytes() - before
    tally.note(f"cache {grown / MB:+.2f} MB")
    tally.check(grown < 4 * MB, f"the cache grew by {grown:,} bytes")
    tally.check(site.task_is_done(), "no worker takes a task afterwards")


@attack(
    "long-keys", "1,500 requests with a bearer text of 350 KB", "refused unread; the cache does not grow; tasks go on"
)
def long_keys(site: Site, tally: Tally) -> None:
    keys(site, tally, lambda: secrets.token_hex(175_000), "127.0.1.1")
    tally.only({"431", "400", "closed"})


@attack(
    "unknown-keys",
    "1,500 requests with keys of the right form and the greatest length that no caller has",
    "401, then 429 for this address; the cache does not grow; tasks go on",
)
def unknown_keys(site: Site, tally: Tally) -> None:
    keys(site, tally, lambda: f"lk_{secrets.token_hex(6)}_{secrets.token_urlsafe(72)}"[:112], "127.0.1.2")
    tally.only({"401", "429"})
    tally.check(tally.outcomes["401"] <= 200, "more than 200 answers 401 to one address")
    right = site.api("GET", "orders", address="127.0.1.2").status
    tally.check(right == 200, f"a right key from the same address got {right}")


@attack("large-headers", "headers of 9 KB to 1 MB, 400 headers, addresses of 20 KB", "431, 414 or 400; never 5xx")
def large_headers(site: Site, tally: Tally) -> None:
    for size in (9_000, 33_000, 70_000, 200_000, MB):
        for name in ("X-Any", "Cookie", "User-Agent", "Accept-Language", "X-Request-ID"):
            tally.count(site.ask("GET", "/healthz", None, {name: "x" * size}).status or "closed")
    for path in ("/healthz", "/api/v1/orders", "/accounts/login/"):
        tally.count(site.ask("GET", path, None, {f"X-{n}": "y" * 100 for n in range(400)}).status or "closed")
        tally.count(site.ask("GET", f"{path}?{'q' * 20_000}").status or "closed")
        tally.count(site.ask("GET", f"/{'p' * 20_000}").status or "closed")
    tally.only(REFUSED)


@attack(
    "large-bodies",
    "300 MB announced, and 300 MB in chunks, with a member's token, with a server key and with neither",
    "413 or a closed connection before 16 MB are sent, 64 MB where a key may send batches of 32 MB; memory stays",
)
def large_bodies(site: Site, tally: Tally) -> None:
    before, most = site.web_bytes(), {True: 0, False: 0}
    for bearer in (site.customers[1]["token"], site.key, ""):
        for path in ("/api/v1/tickets", "/api/v1/orders/batch", "/accounts/login/"):
            for chunked in (False, True):
                outcome, sent = stream(site, path, bearer, chunked)
                tally.count(outcome)
                batch = bearer == site.key and path.endswith("/batch")
                most[batch] = max(most[batch], sent)
    grown = site.web_bytes() - before
    # About 10 MB in the kernel's buffers between the two ends count as accepted here.
    tally.note(
        f"at most {most[False] / MB:.0f} MB taken, of a batch {most[True] / MB:.0f} MB, memory {grown / MB:+.0f} MB"
    )
    tally.check(most[False] <= 16 * MB, f"{most[False]:,} bytes of one body were taken")
    tally.check(most[True] <= 64 * MB, f"{most[True]:,} bytes of a batch were taken")
    tally.check(grown < 150 * MB, f"a web process grew by {grown:,} bytes")
    tally.only(REFUSED | {"401", "403"})


def stream(site: Site, path: str, bearer: str, chunked: bool) -> tuple[str, int]:
    """Send up to 300 MB and stop when the server answers or closes; return the outcome and the sent bytes."""
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {300 * MB}"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{size}\r\n"
    head += f"Authorization: Bearer {bearer}\r\n\r\n" if bearer else "\r\n"
    piece = b"[" + b" " * (MB - 1)
    if chunked:
        piece = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    sent, said = 0, b""
    with socket.create_connection(("127.0.0.1", site.port), 10) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 256 * 1024)
        line.sendall(head.encode())
        try:
            while sent < 300 * MB:
                line.settimeout(0.05 if sent < 2 * MB else 0.001)
                try:
                    said = line.recv(65536)
                    break
                except (TimeoutError, BlockingIOError):
                    pass
                line.settimeout(10)
                line.sendall(piece)
                sent += MB
            if not said:
                line.settimeout(10)
                said = line.recv(65536)
        except OSError:
            pass
    found = re.match(rb"HTTP/1\.1 (\d{3})", said)
    return (found[1].decode() if found else "closed"), sent


@attack("nested-json", "JSON 100,000 deep, as arrays and as objects, to ten operations", "400; never 5xx")
def nested_json(site: Site, tally: Tally) -> None:
    number = site.customers[1]["number"]
    paths = [
        "customers", "orders", "orders/batch", "activity", "products", "tickets", "coupons/validate", "segments",
        f"members/{number}/points/redemptions", f"members/{number}/points/quote",
    ]  # fmt: skip
    for path in paths:
        for body in ("[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 100_000):
            tally.count(site.api("POST", path, body, key="deep").status or "closed")
    tally.only({"400", "413", "422"})


WORDS = [
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff x",
    "１２",
    "٣",
    "²",
    "\u202egnp",
    "\ufffe",
    "NaN",
    "-0",
    "1e999",
    "9" * 400,
]


@attack(
    "odd-characters",
    "NUL, lone surrogates, full-width digits and numbers out of range in bodies, paths, queries and keys",
    "a clear 4xx, or taken as text; never 5xx",
)
def odd_characters(site: Site, tally: Tally) -> None:
    number = site.customers[1]["number"]
    for word in WORDS:
        escaped = json.dumps(word)
        straight = f'"{word}"'
        for value in (escaped, straight):
            for path, body in {
                "tickets": f'{{"customer": "{number}", "subject": {value}, "text": "x"}}',
                f"members/{number}/points/redemptions": f'{{"points": {value}}}',
                "orders": f'{{"number": {value}, "placed_at": {value}, "lines": []}}',
                "coupons/validate": f'{{"code": {value}, "cart_amount": 1, "currency": "CNY"}}',
            }.items():
                answer = site.api("POST", path, body, key=f"odd-{tally.attempts}")
                tally.count(answer.status or "closed")
        spelled = quote(word.encode("utf-8", "surrogatepass"))
        for path in (f"customers/{spelled}", f"orders?cursor={spelled}", f"customers?kind={spelled}&value={spelled}"):
            tally.count(site.api("GET", path).status or "closed")
        raw = site.raw(
            f"POST /api/v1/members/{number}/points/redemptions HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {site.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 13\r\nConnection: close\r\nIdempotency-Key: ".encode()
            + word.encode("utf-8", "surrogatepass")
            + b'\r\n\r\n{"points": 1}'
        )
        tally.count(raw[9:12].decode() or "closed")
    wrong = [name for name in tally.outcomes if name.startswith("5")]
    tally.check(not wrong, f"came back: {wrong}")


@attack(
    "methods",
    "TRACE, CONNECT, PUT, DELETE, PROPFIND and made-up methods on twelve addresses",
    "4xx or a redirect to sign in",
)
def methods(site: Site, tally: Tally) -> None:
    paths = [
        "/", "/healthz", "/readyz", "/metrics", "/accounts/login/", "/admin/", "/customers/", "/api/v1/customers",
        "/api/v1/orders", "/api/schema/", "/static/css/app.css", "/rewards/pictures/x.png",
    ]  # fmt: skip
    for method, path in itertools.product(["TRACE", "CONNECT", "PUT", "DELETE", "PROPFIND", "X" * 5000, "G\tT"], paths):
        said = site.raw(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-Echo: mirrored-text\r\nConnection: close\r\n\r\n".encode()
        )
        status = said[9:12].decode(errors="replace") or "closed"
        tally.count(status)
        tally.check(b"mirrored-text" not in said, f"{method[:10]} {path} sends the request back")
        if status.startswith(("2", "5")) and path not in {"/healthz", "/readyz", "/api/schema/", "/accounts/login/"}:
            tally.check(False, f"{method[:10]} {path}: {status}")
    tally.check(not [name for name in tally.outcomes if name.startswith("5")], f"came back: {dict(tally.outcomes)}")


UP = [
    "../",
    "..%2f",
    "%2e%2e/",
    "%2e%2e%2f",
    "..\\",
    "..%5c",
    "....//",
    "%252e%252e%252f",
    "..%c0%af",
    "..;/",
    "%00../",
]


@attack(
    "path-traversal",
    "leaving the folders of static files, pictures and pages by eleven spellings of ../, with four targets",
    "no file from outside",
)
def path_traversal(site: Site, tally: Tally) -> None:
    secrets_of = ("root:", "SECRET_KEY", "-----BEGIN", "pii_keys")
    for base in ("/static/", "/rewards/pictures/", "/media/", "/"):
        for up, target in itertools.product(UP, ["etc/passwd", "config/settings/base.py", "var/pii.keys", "manage.py"]):
            path = base + up * 6 + target
            said = site.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            status = said[9:12].decode(errors="replace") or "closed"
            tally.count(status)
            found = [word for word in secrets_of if word.encode() in said]
            tally.check(not found and not status.startswith(("2", "5")), f"{path}: {status} {found}")


@attack(
    "forged-addresses",
    "200 wrong keys under 200 addresses in X-Forwarded-For, Forwarded and X-Real-IP",
    "counted as the one caller that they are",
)
def forged_addresses(site: Site, tally: Tally) -> None:
    for number in range(200):
        made_up = f"203.0.113.{number}"
        headers = {
            "Authorization": f"Bearer lk_{number}_{'x' * 32}", "X-Forwarded-For": made_up, "X-Real-IP": made_up,
            "Forwarded": f"for={made_up}",
        }  # fmt: skip
        tally.count(site.ask("GET", "/api/v1/orders", None, headers, address="127.0.1.3").status or "closed")
    tally.only({"401", "429"})
    tally.check(tally.outcomes["401"] <= 120, "a made-up address begins a count of its own")


@attack(
    "forged-hosts",
    "other names in Host, X-Forwarded-Host and X-Forwarded-Proto on pages with links and redirects",
    "no answer leads there; nothing believes that the connection is HTTPS",
)
def forged_hosts(site: Site, tally: Tally) -> None:
    for path in (
        "/",
        "/customers/",
        "/admin/",
        "/accounts/login/",
        "/accounts/password/reset/",
        "/api/schema/",
        "/preferences",
    ):
        for headers in (
            {"Host": "evil.example"},
            {"X-Forwarded-Host": "evil.example"},
            {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"},
            {"Host": "evil.example:80@localhost"},
            {"Host": "localhost/evil.example"},
        ):
            answer = site.ask("GET", path, None, headers)
            tally.count(answer.status or "closed")
            leads = "evil.example" in answer.text or "evil.example" in answer.headers.get("location", "")
            tally.check(not leads, f"{path} with {headers} leads to evil.example")
            tally.check("https://" not in answer.headers.get("location", ""), f"{path} believes X-Forwarded-Proto")
            tally.check(answer.status < 500, f"{path} with {headers}: {answer.status}")


@attack(
    "request-ids",
    "X-Request-ID with line breaks, JSON, terminal codes and 10 KB; headers smuggled behind a bare CR or LF",
    "replaced or refused; nothing comes back in a header of its own",
)
def request_ids(site: Site, tally: Tally) -> None:
    for value in ("a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX-Injected: 1", "a\x00b", "\x1b[2J", '{"level":"x"}',
                  "x" * 10_000, "é" * 50, "a b", "%0d%0aX-Injected: 1"):  # fmt: skip
        for path in ("/healthz", "/api/v1/orders", "/accounts/login/"):
            head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: {value}\r\n\r\n"
            said = site.raw(head.encode())
            tally.count(said[9:12].decode(errors="replace") or "closed")
            headers = said.partition(b"\r\n\r\n")[0].lower()
            tally.check(b"x-injected" not in headers, f"{path} answers with a header of the stranger's making")
    tally.check(not [name for name in tally.outcomes if name.startswith("5")], f"came back: {dict(tally.outcomes)}")


@attack(
    "two-lengths",
    "requests whose end is said twice or in two ways, with a second request inside the first",
    "refused, or one end for all; the inner request is never answered as a member of staff's or a key's",
)
def two_lengths(site: Site, tally: Tally) -> None:
    inner = f"GET /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.key[:-4]}\r\n\r\n"
    for lengths in (
        f"Content-Length: 0\r\nContent-Length: {len(inner)}\r\n",
        f"Content-Length: {len(inner)}, 0\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5x\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding : chunked\r\n",
    ):
        said = site.raw(f"POST /healthz HTTP/1.1\r\nHost: x\r\n{lengths}\r\n{inner}".encode(), timeout=3)
        answers = re.findall(rb"HTTP/1\.1 (\d{3})", said)
        tally.count(" then ".join(one.decode() for one in answers) or "closed")
        tally.check(b"200" not in answers[1:], f"the inner request was answered: {lengths!r}")
    tally.check(not [name for name in tally.outcomes if "50" in name], f"came back: {dict(tally.outcomes)}")


@attack(
    "slow-readers", "200 connections that send one byte and nothing more, held for 5 s", "others are served at once"
)
def slow_readers(site: Site, tally: Tally) -> None:
    lines = []
    try:
        for _ in range(200):
            line = socket.create_connection(("127.0.0.1", site.port), 5, source_address=("127.0.1.4", 0))
            line.sendall(b"G")
            lines.append(line)
        tally.count("held", len(lines))
        deadline, slowest = time.monotonic() + 5, 0.0
        while time.monotonic() < deadline:
            began = time.monotonic()
            tally.check(site.ask("GET", "/accounts/login/").status == 200, "a page is not served")
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.3)
        tally.note(f"slowest page {slowest:.2f} s")
        tally.check(slowest < 5, f"a page took {slowest:.1f} s")
    finally:
        for line in lines:
            line.close()
