"""The attacked copy of the shop: separate servers, processes and users, on a free port of this machine."""

from __future__ import annotations

import base64
import contextlib
import hmac
import http.client
import http.cookies
import json
import re
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil
import psycopg

from core.embedded.places import locations
from tests.e2e.shop import Shop, wait_until

PASSWORD = "a-long-password"
TIMEOUT = 60
PEOPLE = ("admin", "marketer", "guessed", "stormed", "named", "replayed", "halfway", "later", "leaver", "dismissed",
          "changed")  # fmt: skip
CUSTOMERS = 24

SET_UP = f"""
from django.db.models import F
from core.base.actor import SYSTEM
from core.models import User
from core.security.roles import Role
from campaigns.coupons.services.coupons import create_coupon
from campaigns.models import Coupon
from crm.customers.api.authentication import make_member_token
from crm.models import Customer
from crm.customers.services.identities import GivenIdentity, resolve_customer
from crm.desk.services import open_ticket
from django.contrib.auth.models import Group
from loyalty.models import Account, Program
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.earning.services.setup import ensure_default_program
from tests.entering import App

program = ensure_default_program()
Program.objects.filter(pk=program.pk).update(transfer_daily_points=1_000_000, transfer_daily_count=10_000)
program.refresh_from_db()
customers = []
for n in range({CUSTOMERS}):
    customer = resolve_customer(
        [GivenIdentity("storefront", f"a{{n}}"), GivenIdentity("email", f"person{{n}}@shop.example", True)],
        source="storefront", country="CN", actor=SYSTEM, defaults={{"name": f"Person-{{n}}-Private"}},
    ).customer
    account = Account.objects.get(member=enrol_member(customer=customer, program=program, actor=SYSTEM))
    adjust_points(account=account, points=100 if n == 0 else 1_000, reason="migration", key=f"start-{{n}}",
                  actor=SYSTEM)
    customers.append({{"number": customer.number, "pk": customer.pk, "account": account.pk,
        "token": make_member_token(customer, source="storefront", seconds=3600),
        "expired": make_member_token(customer, source="storefront", seconds=0),
        "ticket": open_ticket(customer=customer, subject="Private", text="Private words", actor=SYSTEM).number}})
people = {{}}
for name in {PEOPLE!r}:
    user = User.objects.create_user(name, password={PASSWORD!r}, email=f"{{name}}@shop.example")
    user.groups.add(Group.objects.get(name=(Role.MARKETER if name == "marketer" else Role.ADMINISTRATOR).value))
    if name != "marketer":
        user.is_staff = user.is_superuser = True
        user.save()
    people[name] = "" if name == "later" else App(user).secret
for code, budget in (("ATTACK", None), ("BUDGET", 1_000)):
    create_coupon(name=code, kind="percent" if budget else "amount", value=10 if budget else 500, mode="public",
                  code=code, budget=budget, limit_per_customer=None, actor=SYSTEM)
from django.core import signing
foreign = "lkm_" + signing.TimestampSigner(salt="other").sign_object([customers[1]["pk"], "storefront", 3600])
foreign_key = "lkm_" + signing.TimestampSigner(key="k" * 50,
    salt="crm.member-token").sign_object([customers[1]["pk"], "storefront", 3600])
answer = {{"customers": customers, "people": people, "foreign": [foreign, foreign_key]}}
"""


@dataclass(frozen=True)
class SiteAnswer:
    """The answer to a request; status 0 if the server closed the connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def code(self) -> str:
        """The stable code of an API error."""
        with contextlib.suppress(ValueError, KeyError, IndexError, TypeError):
            return json.loads(self.body)["errors"][0]["code"]
        return ""

    @property
    def outcome(self) -> str:
        return f"{self.status} {self.code}".strip() if self.status else "closed"


def totp(secret: str, at: float | None = None) -> str:
    """Return the code that an authenticator app shows for this secret."""
    counter = int((at or time.time()) // 30)
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", counter), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def together(work: Sequence[Callable[[], Any]], threads: int = 32) -> list[Any]:
    """Run all functions in threads that start at the same moment; return the results."""
    gate = threading.Barrier(min(threads, len(work)))
    started = threading.local()

    def run(function: Callable[[], Any]) -> Any:
        if not getattr(started, "yes", False):
            started.yes = True
            with contextlib.suppress(threading.BrokenBarrierError):
                gate.wait(5)
        return function()

    with ThreadPoolExecutor(gate.parties) as pool:
        return list(pool.map(run, work))


class Browser:
    """The browser of one user: cookies, forms with their token, its own address on this machine."""

    def __init__(self, site: Site, address: str = "127.0.0.1") -> None:
        self.site, self.address, self.cookies = site, address, {}

    def open(self, path: str, **extra: Any) -> SiteAnswer:
        return self._ask("GET", path, **extra)

    def post(
        self, path: str, fields: dict[str, Any] | None = None, *, files: dict | None = None, **extra
    ) -> SiteAnswer:
        """Post a form with the CSRF token of the previous page."""
        if "csrftoken" not in self.cookies:
            self.open("/accounts/login/")
        fields = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **(fields or {})}
        if files is None:
            body, kind = urlencode(fields, doseq=True).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = multipart(fields, files)
        return self._ask("POST", path, body, {"Content-Type": kind, **extra.pop("headers", {})}, **extra)

    def sign_in(self, name: str, secret: str = "") -> SiteAnswer:
        answer = self.post("/accounts/login/", {"login": name, "password": PASSWORD})
        if secret:
            answer = self.post("/accounts/2fa/authenticate/", {"code": totp(secret)})
        return answer

    def copy(self) -> Browser:
        other = Browser(self.site, self.address)
        other.cookies = dict(self.cookies)
        return other

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> SiteAnswer:
        headers = dict(headers or {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.site.ask(method, path, body, headers, address=self.address)
        for line in answer.headers.get("set-cookie", "").split("\n"):
            for name, morsel in http.cookies.SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer


def multipart(fields: dict[str, Any], files: dict[str, tuple[str, bytes, str]]) -> tuple[bytes, str]:
    mark = uuid.uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, (file_name, content, kind) in files.items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        parts.append(f"{head}Content-Type: {kind}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join([*parts, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"


class Site(Shop):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.environment |= {
            "SECOND_FACTOR_REQUIRED": "yes",
            "WEBHOOKS_ALLOW_PRIVATE": "no",
            "WEB_WORKERS": "2",
            "TASK_WORKERS": "1",
            "LOG_LEVEL": "CRITICAL",
        }
        self.place = locations(directory)
        self.customers: list[dict[str, Any]] = []
        self.people: dict[str, str] = {}
        self.foreign: list[str] = []
        self._browsers: dict[str, Browser] = {}
        self._orders = 0

    def begin(self) -> None:
        """Start everything, and create the users, members and coupons for the attacks."""
        self.start_all()
        wait_until("the shop answers", lambda: self.ask("GET", "/readyz").status == 200, 120)
        self.manage("setup_shop", "--name", "Attacked", "--currency", "CNY", "--time-zone", "UTC", "--country", "CN")
        made = self.shell(SET_UP)
        self.customers, self.people, self.foreign = made["customers"], made["people"], made["foreign"]
        self.key = self.manage("create_api_key", "attacked").strip()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        *,
        address: str = "127.0.0.1",
        timeout: float = TIMEOUT,
    ) -> SiteAnswer:
        """Send one request on a separate connection from this address of the machine (any of 127.0.0.0/8)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout, source_address=(address, 0))
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            return SiteAnswer(0, {}, b"")
        finally:
            connection.close()
        found: dict[str, str] = {}
        for name, value in response.getheaders():
            name = name.lower()
            found[name] = f"{found[name]}\n{value}" if name in found else value
        return SiteAnswer(response.status, found, content)

    def raw(self, data: bytes, *, address: str = "127.0.0.1", timeout: float = 5) -> bytes:
        """Send raw bytes and return all received bytes until the server closes the connection or is silent."""
        got = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout, source_address=(address, 0)) as line:
            with contextlib.suppress(OSError):
                line.sendall(data)
            with contextlib.suppress(OSError):
                while piece := line.recv(65536):
                    got += piece
                    line.settimeout(0.5)
        return got

    def api(
        self, method: str, path: str, body: Any = None, *, bearer: str = "", key: str = "", **extra: Any
    ) -> SiteAnswer:
        """Make one API call, with the server's key unless a member's token is given."""
        headers = {"Authorization": f"Bearer {bearer or self.key}", "Content-Type": "application/json"}
        headers |= extra.pop("headers", {})
        if key:
            headers["Idempotency-Key"] = key
        data = body if isinstance(body, bytes | str | None) else json.dumps(body)
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        return self.ask(method, f"/api/v1/{path}", data, headers, **extra)

    def browser(self, name: str, address: str) -> Browser:
        """Return the browser of a member of staff who signed in with both factors."""
        if name not in self._browsers:
            made = Browser(self, address)
            made.sign_in(name, self.people[name])
            self._browsers[name] = made
        return self._browsers[name]

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple]:
        with psycopg.connect(self.place.database_url, connect_timeout=5) as database:
            return database.execute(statement.encode(), parameters).fetchall()

    def one(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        return self.rows(statement, parameters)[0][0]

    def cache_bytes(self) -> int:
        """Return the memory use that the cache reports."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(self.place.cache_url.removeprefix("unix://"))
            line.sendall(b"INFO memory\r\n")
            time.sleep(0.2)
            answer = line.recv(65536).decode()
        match = re.search(r"^used_memory:(\d+)", answer, re.M)
        assert match, answer
        return int(match[1])

    def web_bytes(self) -> int:
        """Return the resident memory of the largest web process."""
        sizes = [0]
        for process in psutil.Process(self.processes["up"].pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "granian" in " ".join(process.cmdline()) or "config.wsgi" in " ".join(process.cmdline()):
                    sizes.append(process.memory_info().rss)
        return max(sizes)

    def task_is_done(self, seconds: float = 30) -> bool:
        """Return whether an order still earns points: web, database, outbox, queue, worker, ledger."""
        self._orders += 1
        number = f"alive-{self._orders}"
        order = {
            "number": number,
            "customer": {"number": self.customers[2]["number"]},
            "placed_at": "2026-01-15T10:00:00Z",
            "lines": [{"sku": "A", "name": "A", "quantity": "1", "unit_amount": 100}],
        }
        if self.api("POST", "orders", order).status not in {200, 201}:
            return False
        earned = """SELECT count(*) FROM loyalty_entry e JOIN crm_order o ON o.id = e.order_id
                    WHERE o.number = %s AND e.kind = 'earn'"""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.one(earned, [number]):
                return True
            time.sleep(0.2)
        return False

    def still_serves(self) -> list[str]:
        """Return the functions of a shop that no longer work."""
        missing = []
        if self.ask("GET", "/accounts/login/").status != 200:
            missing.append("a page")
        body = {"points": 1, "reference": uuid.uuid4().hex}
        path = f"members/{quote(self.customers[3]['number'])}/points/redemptions"
        if self.api("POST", path, body, key=body["reference"]).status not in {200, 201}:
            missing.append("a redemption")
        if not self.task_is_done():
            missing.append("a task")
        return missing
