"""The entrance of the staff: passwords, codes, sessions, forms and redirects."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

from tests.attack.registry import Tally, attack
from tests.attack.site import PASSWORD, Browser, Site, SiteAnswer, together, totp

# Every route below admin/ and accounts/ with the expected result for each kind of session, from the tests.
ROUTES = """
from tests.test_roles import ACCOUNTS, STATES, account_path, admin_path, admin_routes, table
answer = {
    "admin": [admin_path(route) for route in admin_routes()],
    "accounts": [[account_path(route), dict(zip(STATES, words))] for route, *words in table(ACCOUNTS)],
}
"""
CODE_COUNT = (
    "SELECT coalesce(sum(failures_since_start), 0) FROM axes_accessattempt WHERE username = %s AND user_agent = 'code'"
)
PAGES = {
    "/accounts/login/": "login",
    "/admin/login/": "login",
    "/accounts/2fa/authenticate/": "second step",
    "/accounts/2fa/totp/activate/": "setup",
    "/accounts/2fa/reauthenticate/": "code",
    "/accounts/reauthenticate/": "confirm",
}


def seen(answer: SiteAnswer) -> str:
    """Return the word for the result of an answer, as in tests.test_roles."""
    if answer.status != 302:
        return "open" if answer.status in {200, 404} else str(answer.status)
    return PAGES.get(urlsplit(answer.headers.get("location", "")).path, "home")


def inside(browser: Browser) -> bool:
    """Return whether this browser's session opens a page of the console."""
    return browser.open("/customers/").status == 200


@attack(
    "password-alone",
    "the right password without a code, at both log-ins, then every route of admin/ and accounts/ with that session; "
    "and with a session that began before the app was set up",
    "each sends to the sign-in or the code; none opens",
)
def password_alone(site: Site, tally: Tally) -> None:
    routes = site.shell(ROUTES)
    tally.check(len(routes["admin"]) > 150 and len(routes["accounts"]) > 20, "the list of routes is too short")
    for login, name in (("/accounts/login/", "halfway"), ("/admin/login/", "halfway")):
        browser = Browser(site, "127.0.2.1")
        browser.post(login, {"login": name, "username": name, "password": PASSWORD})
        walk(browser, routes, "stranger", "login", tally)
    # A session by password, after which an app is set up elsewhere.
    browser = Browser(site, "127.0.2.2")
    browser.sign_in("later")
    site.shell(
        "from core.models import User; from tests.entering import App; "
        "answer = App(User.objects.get(username='later')).secret"
    )
    walk(browser, routes, "password", "code", tally)


def walk(browser: Browser, routes: dict, state: str, wanted: str, tally: Tally) -> None:
    """Open every route. After the password, a sign-in page may lead to the pending step."""
    step = {"second step"} if state == "stranger" else set()
    for path in routes["admin"]:
        for answer in (browser.copy().open(path), browser.copy().post(path, {"username": "x", "password": "x"})):
            found = seen(answer)
            tally.count(found)
            tally.check(found in {wanted, *step}, f"{path} shows {state}: {found} {answer.headers.get('location', '')}")
    for path, words in routes["accounts"]:
        if "logout" in path:
            continue
        answer = browser.copy().open(path)
        found = seen(answer)
        tally.count(found)
        fine = {words[state], *step}
        tally.check(
            found in fine, f"{path} shows {state}: {found}, not {words[state]} {answer.headers.get('location', '')}"
        )


def with_password(site: Site, name: str, address: str) -> Browser:
    browser = Browser(site, address)
    browser.post("/accounts/login/", {"login": name, "password": PASSWORD})
    return browser


def wrong_codes(right: str, count: int) -> list[str]:
    return [f"{(int(right) + 7 * n + 500) % 1_000_000:06}" for n in range(count)]


@attack(
    "codes-one-by-one",
    "150 wrong codes of the second step one after the other, then the right one",
    "five are looked at, then the step is locked for the right one too",
)
def codes_one_by_one(site: Site, tally: Tally) -> None:
    browser = with_password(site, "guessed", "127.0.2.3")
    for code in wrong_codes(totp(site.people["guessed"]), 150):
        answer = browser.post("/accounts/2fa/authenticate/", {"code": code})
        tally.count("too many" if "Too many" in answer.text else answer.status or "closed")
    locked(site, tally, "guessed", browser)


@attack(
    "codes-at-once",
    "150 wrong codes by 32 threads at once, then the right one",
    "five are looked at, then the step is locked for the right one too",
)
def codes_at_once(site: Site, tally: Tally) -> None:
    browser = with_password(site, "stormed", "127.0.2.4")
    work = [
        lambda code=code: browser.copy().post("/accounts/2fa/authenticate/", {"code": code})
        for code in wrong_codes(totp(site.people["stormed"]), 150)
    ]
    for answer in together(work, 32):
        tally.count("too many" if "Too many" in answer.text else answer.status or "closed")
    locked(site, tally, "stormed", browser)


def locked(site: Site, tally: Tally, name: str, browser: Browser) -> None:
    counted = site.one(CODE_COUNT, [name])
    tally.note(f"{counted} looked at")
    tally.check(counted == 5, f"{counted} codes were looked at, not 5")
    browser.post("/accounts/2fa/authenticate/", {"code": totp(site.people[name])})
    tally.check(not inside(browser), "the right code was taken after the limit")


@attack(
    "passwords-in-spellings",
    "100 wrong passwords under five spellings of one account's name and its e-mail address",
    "one count: eight are looked at, then the right password is refused from there and taken from elsewhere",
)
def passwords_in_spellings(site: Site, tally: Tally) -> None:
    spellings = ["named", "NAMED", " named ", "ｎａｍｅｄ", "named@shop.example", "Named@Shop.Example"]
    for number in range(100):
        browser = Browser(site, "127.0.2.5")
        answer = browser.post(
            "/accounts/login/", {"login": spellings[number % len(spellings)], "password": f"wrong-{number}"}
        )
        tally.count(answer.status or "closed")
    looked_at = tally.outcomes["200"]
    tally.check(looked_at <= 8, f"{looked_at} were answered as a plain wrong password")
    for spelling in spellings:
        answer = Browser(site, "127.0.2.5").post("/accounts/login/", {"login": spelling, "password": PASSWORD})
        tally.check(answer.status == 429, f"the right password under {spelling!r} got {answer.status}")
    elsewhere = Browser(site, "127.0.2.6")
    elsewhere.sign_in("named", site.people["named"])
    tally.check(inside(elsewhere), "the owner can not sign in from elsewhere")


@attack(
    "one-code-many-times",
    "one right code by ten browsers at once, then again by ten one after the other",
    "one comes in",
)
def one_code_many_times(site: Site, tally: Tally) -> None:
    browsers = [with_password(site, "replayed", f"127.0.3.{n + 1}") for n in range(14)]
    code = totp(site.people["replayed"])

    def give(browser: Browser) -> bool:
        browser.post("/accounts/2fa/authenticate/", {"code": code})
        return inside(browser)

    entered = together([lambda browser=browser: give(browser) for browser in browsers[:10]], 10)
    entered += [give(browser) for browser in browsers[10:]]
    for came_in in entered:
        tally.count("in" if came_in else "out")
    tally.check(sum(entered) == 1, f"{sum(entered)} came in with one code")


@attack(
    "session-of-before",
    "the session cookie of before the password, and of between password and code, used after the code",
    "the cookie changes with each step; the old ones open nothing",
)
def session_of_before(site: Site, tally: Tally) -> None:
    browser = Browser(site, "127.0.2.7")
    fixed = browser.copy()
    fixed.cookies["sessionid"] = "a" * 32
    browser.cookies["sessionid"] = "a" * 32
    before = browser.copy()
    browser.post("/accounts/login/", {"login": "admin", "password": PASSWORD})
    between = browser.copy()
    browser.post("/accounts/2fa/authenticate/", {"code": totp(site.people["admin"])})
    site._browsers["admin"] = browser
    tally.check(inside(browser), "the sign-in itself failed")
    for name, old in (("chosen by a stranger", fixed), ("before", before), ("between", between)):
        for path in ("/", "/customers/", "/keys/", "/admin/", "/accounts/2fa/", "/accounts/password/change/"):
            answer = old.copy().open(path)
            tally.count(seen(answer))
            tally.check(seen(answer) == "login", f"{path} with the cookie of {name}: {seen(answer)}")


@attack(
    "sessions-that-ended",
    "cookies of a session after signing out, after the account was switched off and "
    "after its password was changed elsewhere",
    "they open nothing",
)
def sessions_that_ended(site: Site, tally: Tally) -> None:
    ends = {
        "leaver": lambda browser: browser.post("/accounts/logout/"),
        "dismissed": lambda _browser: site.shell(
            "from core.models import User\nanswer = User.objects.filter(username='dismissed').update(is_active=False)"
        ),
        "changed": lambda _browser: site.shell(
            "from core.models import User\nuser = User.objects.get(username='changed')\n"
            "user.set_password('another-long-password')\nuser.save()\nanswer = 1"
        ),
    }
    for place, (name, end) in enumerate(ends.items()):
        browser = Browser(site, f"127.0.2.{20 + place}")
        browser.sign_in(name, site.people[name])
        kept = browser.copy()
        tally.check(inside(browser), f"{name} could not sign in")
        end(browser)
        for path in ("/", "/customers/", "/keys/", "/admin/", "/accounts/2fa/"):
            found = seen(kept.copy().open(path))
            tally.count(found)
            tally.check(found == "login", f"{path} of {name}: {found}")


@attack(
    "headers-and-cookies",
    "the headers of pages, errors, files and API answers, and the attributes of cookies",
    "nosniff everywhere; pages with a policy that allows no other site's code or frame; cookies HttpOnly and Lax",
)
def headers_and_cookies(site: Site, tally: Tally) -> None:
    admin = site.browser("admin", "127.0.2.7")
    for path in (
        "/",
        "/customers/",
        "/keys/",
        "/admin/",
        "/accounts/2fa/",
        "/accounts/login/",
        "/no/such/page/",
        "/components/",
    ):
        answer = (Browser(site) if path == "/accounts/login/" else admin.copy()).open(path)
        tally.count(answer.status)
        policy = answer.headers.get("content-security-policy", "")
        tally.check("default-src 'none'" in policy or "default-src 'self'" in policy, f"{path}: policy {policy[:80]!r}")
        tally.check("frame-ancestors 'none'" in policy and "base-uri 'none'" in policy, f"{path}: policy {policy!r}")
        tally.check("*" not in policy, f"{path}: policy {policy!r}")
        # The admin's own scripts (Alpine) evaluate the texts of their attributes.
        tally.check("unsafe-" not in policy or path == "/admin/", f"{path}: policy {policy!r}")
        tally.check(answer.headers.get("referrer-policy"), f"{path} has no Referrer-Policy")
        if path != "/accounts/login/":
            tally.check("no-store" in answer.headers.get("cache-control", ""), f"{path} may be cached")
    for path in ("/", "/healthz", "/api/v1/orders", "/api/schema/", "/static/img/icon.svg", "/rewards/pictures/no.png"):
        answer = site.ask("GET", path, address="127.0.2.10")
        tally.count(answer.status)
        tally.check(answer.headers.get("x-content-type-options") == "nosniff", f"{path} lacks nosniff")
        # Static files are the same for all users.
        opened = "access-control-allow-origin" in answer.headers and not path.startswith("/static/")
        tally.check(not opened, f"{path} is open to other sites")
    fresh = Browser(site, "127.0.2.11")
    answers = [
        fresh.open("/accounts/login/"),
        fresh.post("/accounts/login/", {"login": "halfway", "password": PASSWORD}),
    ]
    for line in "\n".join(answer.headers.get("set-cookie", "") for answer in answers).split("\n"):
        if line:
            tally.count(f"cookie {line.partition('=')[0]}")
            tally.check(
                "httponly" in line.lower() and "samesite=lax" in line.lower(), f"cookie without attributes: {line[:20]}"
            )


@attack(
    "forms-of-other-sites",
    "forms without a token, with another's and with one of their own making; the API with a session's cookie",
    "403, and 401 by the API; nothing is written",
)
def forms_of_other_sites(site: Site, tally: Tally) -> None:
    admin = site.browser("admin", "127.0.2.7")
    keys = site.one("SELECT count(*) FROM core_apikey")
    targets = ["/accounts/login/", "/keys/new/", "/webhooks/new/", "/preferences/theme/", "/accounts/logout/",
               "/templates/new/", "/sending/hold/stop/", "/admin/core/user/add/", "/imports/new/"]  # fmt: skip
    for path in targets:
        for token in ("", "x" * 64, Browser(site).open("/accounts/login/").headers.get("set-cookie", "")[10:42]):
            for origin in ({}, {"Origin": "https://evil.example"}):
                browser = admin.copy()
                fields = {"csrfmiddlewaretoken": token, "name": "stolen", "login": "admin", "password": PASSWORD}
                answer = browser.post(path, fields, headers=origin)
                tally.count(answer.status or "closed")
                tally.check(answer.status == 403, f"{path}: {answer.status}")
    cookie = "; ".join(f"{name}={value}" for name, value in admin.cookies.items())
    for method, path in (("GET", "customers"), ("POST", "orders"), ("GET", "orders")):
        answer = site.ask(
            method,
            f"/api/v1/{path}",
            b"{}",
            {"Cookie": cookie, "Content-Type": "application/json"},
            address="127.0.2.8",
        )
        tally.count(answer.status or "closed")
        tally.check(answer.status == 401, f"the API takes a session: {path} {answer.status}")
    tally.check(site.one("SELECT count(*) FROM core_apikey") == keys, "a key was made")
    tally.check(inside(admin), "the session was ended by a forged form")


ELSEWHERE = [
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "https:evil.example", "/%09/evil.example", "\t//evil.example", "http://localhost@evil.example/",
    "javascript:alert(1)", "data:text/html,x", "//evil.example/%2f..", "/\r\nLocation: https://evil.example",
    "https:/\\evil.example", "////evil.example/..;/", "http:///evil.example", "．．//evil.example",
    "https://evil.example%23.localhost/",
]  # fmt: skip


def stays_here(location: str) -> bool:
    """Return whether a redirect to this address stays on the site. Browsers treat a backslash as a slash."""
    target = urlsplit(urljoin("http://here/accounts/login/", location.replace("\\", "/").strip()))
    return (target.scheme, target.netloc) == ("http", "here")


@attack(
    "open-redirects",
    "18 spellings of another site in ?next= and in fields that lead back",
    "every redirect stays on this site",
)
def open_redirects(site: Site, tally: Tally) -> None:
    admin = site.browser("admin", "127.0.2.7")
    for target in ELSEWHERE:
        asked = quote(target, safe="")
        stranger = Browser(site, "127.0.2.9")
        answers = [
            admin.copy().open(f"/accounts/login/?next={asked}"),
            admin.copy().open(f"/admin/login/?next={asked}"),
            admin.copy().open(f"/accounts/reauthenticate/?next={asked}"),
            admin.copy().post("/accounts/reauthenticate/", {"password": PASSWORD, "next": target}),
            admin.copy().post(
                f"/preferences/theme/?next={asked}",
                {"theme": "dark", "next": target},
                headers={"Referer": target.encode().decode("latin-1").replace("\r\n", "")},
            ),
            stranger.post("/preferences/language/", {"language": "en", "next": target}),
            stranger.open(f"/admin/login/?next={asked}"),
        ]
        for answer in answers:
            tally.count(answer.status or "closed")
            location = answer.headers.get("location", "")
            tally.check(not location or stays_here(location), f"{target!r} leads to {location!r}")
            tally.check(answer.status < 500, f"{target!r}: {answer.status}")
