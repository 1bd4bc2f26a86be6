"""P4, F17: who may open what.

One line for every page and every API operation; the list of routes comes from the URL map, so that a new route fails
here until it has its line.
"""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib import admin
from django.core import signing
from django.test import Client
from django.urls import get_resolver
from rest_framework.test import APIClient

from core.base.actor import SYSTEM
from core.security.roles import Role
from core.security.scopes import SCOPES
from crm.customers.api.authentication import make_member_token
from crm.desk.services import open_ticket
from tests.entering import App, give_password, sign_in

pytestmark = pytest.mark.django_db

# Route, then the roles that may open it: `staff` is every signed-in user, `public` is everyone.
PAGES = """
/healthz                                           public
/readyz                                            public
/metrics                                           public
/                                                  staff
/search/                                           staff
/palette/                                          staff
/preferences/                                      staff
/lists/<slug:name>/export/                         staff
/lists/<slug:name>/bulk/                           staff
/lists/<slug:name>/columns/                        staff
/lists/<slug:name>/views/                          staff
/lists/<slug:name>/views/<int:pk>/remove/          staff
/lists/<slug:name>/<int:pk>/archive/               staff
/lists/<slug:name>/<int:pk>/restore/               staff
/lists/<slug:name>/<int:pk>/duplicate/             staff
/lists/<slug:name>/<int:pk>/describe/              staff
/notices/                                          staff
/notices/read/                                     staff
/notices/<int:pk>/                                 staff
/preferences/language/                             public
/preferences/theme/                                staff
/settings/                                         staff
/settings/team/                                    administrator
/settings/team/invite/                             administrator
/settings/team/<int:pk>/                           administrator
/settings/team/<int:pk>/role/                      administrator
/settings/team/<int:pk>/switch/                    administrator
/settings/team/<int:pk>/sessions/                  administrator
/settings/team/<int:pk>/resend/                    administrator
/settings/team/<int:pk>/withdraw/                  administrator
/join/<str:uid>/<str:token>/                       public
/settings/shop/                                    administrator
/settings/shop/domain/                             administrator
/shop/logo/<str:name>                              public
/settings/fields/                                  administrator
/settings/fields/new/                              administrator
/settings/fields/<int:pk>/                         administrator
/settings/fields/<int:pk>/archive/                 administrator
/settings/tags/                                    administrator
/settings/tags/<int:pk>/                           administrator
/settings/tags/<int:pk>/rename/                    administrator
/settings/tags/<int:pk>/merge/                     administrator
/settings/tags/<int:pk>/delete/                    administrator
/settings/scoring/                                 marketer administrator
/settings/scoring/preview/<int:pk>/                marketer administrator
/settings/scoring/preview/<int:pk>/apply/          marketer administrator
/settings/program/                                 marketer administrator
/settings/program/dry-run/<int:pk>/                marketer administrator
/settings/program/dry-run/<int:pk>/apply/          marketer administrator
/settings/reward-categories/                       lead marketer administrator
/settings/reward-categories/new/                   lead marketer administrator
/settings/reward-categories/<int:pk>/              lead marketer administrator
/settings/reward-categories/<int:pk>/delete/       lead marketer administrator
/products/                                         staff
/products/<int:pk>/edit/                           administrator
/products/pick/                                    staff
/products/pick/categories/                         staff
/products/pick/branches/                           staff
/jobs/                                             lead marketer administrator
/jobs/running/                                     lead marketer administrator
/jobs/health/                                      lead marketer administrator
/jobs/retry/                                       lead marketer administrator
/audit/                                            lead administrator
/keys/                                             administrator
/keys/new/                                         administrator
/keys/<int:pk>/revoke/                             administrator
/webhooks/                                         administrator
/webhooks/new/                                     administrator
/webhooks/deliveries/<uuid:pk>/                    administrator
/webhooks/deliveries/<uuid:pk>/replay/             administrator
/webhooks/<int:pk>/                                administrator
/webhooks/<int:pk>/edit/                           administrator
/webhooks/<int:pk>/switch/                         administrator
/webhooks/<int:pk>/secret/                         administrator
/webhooks/<int:pk>/test/                           administrator
/webhooks/<int:pk>/replay/                         administrator
/sending/hold/                                     marketer administrator
/sending/hold/stop/                                marketer administrator
/sending/hold/decide/                              marketer administrator
/sending/hold/start/                               marketer administrator
/components/                                       staff
/customers/                                        staff
/customers/tag/                                    agent lead marketer administrator
/customers/export/                                 lead analyst administrator
/customers/pick/                                   staff
/customers/new/                                    agent lead administrator
/customers/duplicates/                             agent lead administrator
/customers/duplicates/<int:pk>/                    agent lead administrator
/customers/duplicates/<int:pk>/decide/             agent lead administrator
/customers/<str:number>/                           staff
/customers/<str:number>/timeline/                  staff
/customers/<str:number>/orders/                    staff
/customers/<str:number>/edit/                      agent lead administrator
/customers/<str:number>/consents/                  agent lead administrator
/customers/<str:number>/contacts/                  agent lead administrator
/customers/<str:number>/identities/<int:pk>/verify/ agent lead administrator
/customers/<str:number>/identities/<int:pk>/remove/ agent lead administrator
/customers/<str:number>/tags/                      agent lead marketer administrator
/customers/<str:number>/tags/<int:pk>/remove/      agent lead marketer administrator
/customers/<str:number>/notes/                     agent lead administrator
/customers/<str:number>/notes/<int:pk>/pin/        agent lead administrator
/customers/<str:number>/identities/<int:pk>/       agent lead administrator
/orders/                                           staff
/orders/<int:pk>/                                  staff
/orders/<int:pk>/refund/                           agent lead administrator
/tickets/                                          agent lead analyst administrator
/tickets/new/                                      agent lead administrator
/tickets/ratings/                                  agent lead analyst administrator
/tickets/<str:number>/                             agent lead analyst administrator
/tickets/<str:number>/reply/                       agent lead administrator
/tickets/<str:number>/draft/                        agent lead administrator
/tickets/<str:number>/reopen/                       agent lead administrator
/tickets/<str:number>/assign/                      agent lead administrator
/tickets/<str:number>/priority/                    agent lead administrator
/tickets/<str:number>/resolve/                     agent lead administrator
/tickets/<str:number>/close/                       agent lead administrator
/rate/<str:token>/                                 public
/imports/                                          lead marketer analyst administrator
/imports/new/                                      marketer administrator
/imports/<int:pk>/                                 lead marketer analyst administrator
/imports/<int:pk>/map/                             marketer administrator
/imports/<int:pk>/preview/                         marketer administrator
/imports/<int:pk>/progress/                        lead marketer analyst administrator
/imports/<int:pk>/start/                           marketer administrator
/imports/<int:pk>/refused/                         lead marketer analyst administrator
/imports/<int:pk>/refused.csv                      marketer administrator
/loyalty/                                          staff
/loyalty/prove/                                    administrator
/loyalty/approvals/                                lead administrator
/loyalty/approvals/<uuid:pk>/                      lead administrator
/loyalty/adjustments/<uuid:pk>/reverse/            agent lead administrator
/loyalty/limits/                                   administrator
/loyalty/members/                                  staff
/loyalty/members/<str:number>/adjust/              agent lead administrator
/loyalty/members/<str:number>/enrol/               agent lead administrator
/loyalty/members/<str:number>/redeem/              agent lead administrator
/loyalty/members/<str:number>/redeem/<int:pk>/     agent lead administrator
/loyalty/members/<str:number>/end/                 lead administrator
/loyalty/members/<str:number>/suspend/             lead administrator
/loyalty/members/<str:number>/resume/              lead administrator
/earning/                                          marketer administrator
/earning/new/                                      marketer administrator
/earning/<int:pk>/                                 marketer administrator
/earning/<int:pk>/edit/                            marketer administrator
/earning/<int:pk>/settings/                        marketer administrator
/earning/<int:pk>/switch/                          marketer administrator
/earning/try/<int:pk>/                             marketer administrator
/loyalty/members/<str:number>/tier/                lead administrator
/loyalty/members/<str:number>/tier/end/            lead administrator
/loyalty/tiers/                                    staff
/loyalty/tiers/policy/                             marketer administrator
/loyalty/tiers/new/                                marketer administrator
/loyalty/tiers/<int:pk>/                           staff
/loyalty/tiers/<int:pk>/edit/                      marketer administrator
/loyalty/tiers/<int:pk>/dry-run/                   marketer administrator
/loyalty/tiers/<int:pk>/benefits/                  marketer administrator
/loyalty/benefits/<int:pk>/                        marketer administrator
/loyalty/benefits/<int:pk>/switch/                 marketer administrator
/loyalty/benefits/given/<int:pk>/                  marketer administrator
/rewards/                                          staff
/rewards/new/                                      lead marketer administrator
/rewards/<int:pk>/                                 staff
/rewards/<int:pk>/edit/                            lead marketer administrator
/rewards/<int:pk>/switch/                          lead marketer administrator
/rewards/<int:pk>/codes/                           lead marketer administrator
/products/pictures/<str:name>                      public
/rewards/pictures/<str:name>                       public
/loyalty/members/<str:number>/leaderboard-name/    agent lead administrator
/tasks/                                            staff
/tasks/new/                                        marketer administrator
/tasks/<int:pk>/                                   staff
/tasks/<int:pk>/edit/                              marketer administrator
/tasks/<int:pk>/switch/                            marketer administrator
/badges/                                           staff
/badges/new/                                       marketer administrator
/badges/<int:pk>/edit/                             marketer administrator
/leaderboard/                                      staff
/redemptions/                                      staff
/redemptions/<uuid:pk>/                            staff
/redemptions/<uuid:pk>/address/                    agent lead administrator
/redemptions/<uuid:pk>/ship/                       agent lead administrator
/redemptions/<uuid:pk>/cancel/                     agent lead administrator
/segments/                                         staff
/segments/new/                                     marketer analyst administrator
/segments/preview/                                 staff
/segments/complete/                                staff
/segments/lists/new/                               marketer analyst administrator
/segments/lists/add/                               marketer analyst administrator
/segments/<int:pk>/upload/                         marketer analyst administrator
/segments/<int:pk>/uploads/<int:upload>/           marketer analyst administrator
/segments/<int:pk>/uploads/<int:upload>/progress/  marketer analyst administrator
/segments/<int:pk>/uploads/<int:upload>/again/     marketer analyst administrator
/segments/<int:pk>/uploads/<int:upload>/not-found/ marketer analyst administrator
/segments/<int:pk>/remove/                         marketer analyst administrator
/segments/<int:pk>/                                staff
/segments/<int:pk>/edit/                           marketer analyst administrator
/segments/<int:pk>/reach/                          staff
/segments/<int:pk>/profile/                        staff
/segments/<int:pk>/status/                         staff
/segments/<int:pk>/archive/                        marketer analyst administrator
/segments/<int:pk>/recompute/                      marketer analyst administrator
/care/                                             marketer analyst administrator
/care/new/                                         marketer administrator
/care/<int:pk>/                                    marketer analyst administrator
/care/<int:pk>/edit/                               marketer administrator
/care/<int:pk>/preview/                            marketer analyst administrator
/care/<int:pk>/activate/                           marketer administrator
/care/<int:pk>/pause/                              marketer administrator
/broadcasts/                                       marketer analyst administrator
/broadcasts/new/                                   marketer administrator
/broadcasts/<int:pk>/                              marketer analyst administrator
/broadcasts/<int:pk>/counts/                       marketer analyst administrator
/broadcasts/<int:pk>/edit/                         marketer administrator
/broadcasts/<int:pk>/preview/                      marketer analyst administrator
/broadcasts/<int:pk>/schedule/                     marketer administrator
/broadcasts/<int:pk>/unschedule/                   marketer administrator
/broadcasts/<int:pk>/pause/                        marketer administrator
/broadcasts/<int:pk>/resume/                       marketer administrator
/broadcasts/<int:pk>/stop/                         marketer administrator
/messages/                                         staff
/messages/list/                                    marketer analyst administrator
/messages/<uuid:pk>/                               staff
/messages/<uuid:pk>/body/                          staff
/messages/<uuid:pk>/again/                         lead marketer administrator
/messages/<uuid:pk>/sent/                          lead marketer administrator
/experiments/                                      marketer analyst administrator
/experiments/new/                                  marketer administrator
/experiments/<int:pk>/                             marketer analyst administrator
/experiments/<int:pk>/edit/                        marketer administrator
/experiments/<int:pk>/start/                       marketer administrator
/experiments/<int:pk>/end/                         marketer administrator
/templates/                                        marketer analyst administrator
/templates/new/                                    marketer administrator
/templates/preview/                                marketer administrator
/templates/preview/<slug:mark>/                    marketer administrator
/templates/designs/                                marketer administrator
/templates/designs/start/                          marketer administrator
/templates/designs/preview/                        marketer administrator
/templates/designs/pictures/                       marketer administrator
/templates/designs/test/                           marketer administrator
/templates/designs/blocks/                         marketer administrator
/templates/designs/blocks/<int:pk>/delete/         marketer administrator
/templates/designs/ready/<slug:code>/              marketer analyst administrator
/templates/designs/<int:pk>/                       marketer administrator
/templates/designs/<int:pk>/save/                  marketer administrator
/templates/designs/<int:pk>/publish/               marketer administrator
/templates/designs/<int:pk>/discard/               marketer administrator
/templates/<int:pk>/design/                        marketer administrator
/templates/<int:pk>/                               marketer analyst administrator
/templates/<int:pk>/edit/                          marketer administrator
/templates/<int:pk>/body/                          marketer analyst administrator
/templates/<int:pk>/restore/                       marketer administrator
/templates/<int:pk>/test/                          marketer administrator
/journeys/                                         lead marketer analyst administrator
/journeys/new/                                     marketer administrator
/journeys/runs/<int:pk>/                           staff
/journeys/<int:pk>/                                lead marketer analyst administrator
/journeys/<int:pk>/counts/                         lead marketer analyst administrator
/journeys/<int:pk>/results/                        lead marketer analyst administrator
/journeys/<int:pk>/customers/                      lead marketer analyst administrator
/journeys/<int:pk>/customers/save/                  marketer analyst administrator
/journeys/<int:pk>/try/                            lead marketer analyst administrator
/journeys/<int:pk>/edit/                           marketer administrator
/journeys/<int:pk>/steps/<slug:step_id>/           marketer administrator
/journeys/<int:pk>/add/                            marketer administrator
/journeys/<int:pk>/change/                         marketer administrator
/journeys/<int:pk>/tree/                           marketer administrator
/journeys/<int:pk>/publish/                        marketer administrator
/journeys/<int:pk>/pause/                          marketer administrator
/journeys/<int:pk>/resume/                         marketer administrator
/journeys/<int:pk>/stop/                           marketer administrator
/journeys/<int:pk>/delete/                         marketer administrator
/coupons/                                          staff
/coupons/uses/                                     staff
/coupons/new/                                      marketer administrator
/coupons/for-segment/<int:pk>/                     marketer administrator
/coupons/<int:pk>/                                 staff
/coupons/<int:pk>/edit/                            marketer administrator
/coupons/<int:pk>/switch/                          marketer administrator
/coupons/<int:pk>/jobs/                            staff
/coupons/<int:pk>/issue/                           agent lead marketer administrator
/coupons/<int:pk>/issue/segment/                   marketer administrator
/coupons/<int:pk>/codes/                           marketer administrator
/coupons/<int:pk>/codes/<int:job>.csv              marketer administrator
/customers/<str:number>/coupons/                   agent lead marketer administrator
/customers/<str:number>/why/                       staff
/customers/<str:number>/suppressions/              lead marketer administrator
/suppressions/                                     lead marketer administrator
/suppressions/add/                                 lead marketer administrator
/suppressions/export.csv                           lead marketer administrator
/suppressions/<int:pk>/lift/                       marketer administrator
/deliverability/                                   marketer analyst administrator
/sending/                                          lead marketer analyst administrator
/sending/edit/                                     lead marketer administrator
/u/<str:token>/                                    public
/c/<str:token>/                                    public
/o/<str:token>.gif                                 public
/p/<str:token>/                                    public
/design-pictures/<str:name>                        public
/m/<str:token>.png                                 public
/hooks/messages/<int:pk>/                          public
/hooks/email/<slug:provider>/                      public
/opportunities/<slug:code>/draft/                  marketer administrator
/calendar/                                         marketer analyst administrator
/calendar/<int:pk>/remove/                         marketer administrator
/calendar/<int:pk>/move/                           marketer administrator
/calendar/broadcasts/<int:pk>/move/                marketer administrator
/settings/calendar/                                marketer administrator
/channels/                                         administrator
/channels/new/                                     administrator
/channels/<slug:channel>/test/                     administrator
/channels/<int:pk>/                                administrator
/channels/<int:pk>/switch/                         administrator
/broadcasts/<int:pk>/results/                      marketer analyst administrator
/care/<int:pk>/results/                            marketer analyst administrator
/coupons/<int:pk>/results/                         staff
/journeys/<int:pk>/message-results/                lead marketer analyst administrator
/campaigns/compare/                                marketer analyst administrator
/campaigns/compare.csv                             marketer analyst administrator
/api/schema/                                       public
/api/docs/                                         public
/api/^(?!(?:schema|docs)$)                         public
"""

# Below /api/v1/: route, method, the scope for a server key, and whether a member's own token may call it.
API = """
customers                                            GET    customers:read   -
customers                                            POST   customers:write  -
customers/<ref:number>                               GET    customers:read   member
customers/<ref:number>                               PATCH  customers:write  member
customers/<ref:number>/identities                    GET    customers:read   -
customers/<ref:number>/identities                    POST   customers:write  -
customers/<ref:number>/consents                      GET    customers:read   member
customers/<ref:number>/consents                      POST   customers:write  member
customers/<ref:number>/spend                         GET    orders:read      -
member-tokens                                        POST   tokens:write     -
orders                                               GET    orders:read      member
orders                                               POST   orders:write     -
orders/batch                                         POST   orders:write     -
orders/<ref:number>                                  GET    orders:read      member
orders/<ref:number>/refunds                          GET    orders:read      -
orders/<ref:number>/refunds                          POST   orders:write     -
activity                                             POST   activity:write   -
products                                             GET    products:read    -
products                                             POST   products:write   -
tickets                                              GET    tickets:read     member
tickets                                              POST   tickets:write    member
tickets/<ref:number>                                 GET    tickets:read     member
tickets/<ref:number>/replies                         POST   tickets:write    member
earning-rules                                        GET    members:read     member
members                                              POST   members:write    -
members/<ref:number>                                 GET    members:read     member
members/<ref:number>/suspend                         POST   members:write    -
members/<ref:number>/resume                          POST   members:write    -
tiers-for-sale                                       GET    members:read     member
members/<ref:number>/tier                            GET    members:read     member
members/<ref:number>/tier/purchase                   POST   members:write    -
members/<ref:number>/tier/refund                     POST   members:write    -
members/<ref:number>/tier/products                   POST   members:read     member
members/<ref:number>/points                          GET    members:read     member
members/<ref:number>/points/history                  GET    members:read     member
members/<ref:number>/points/quote                    POST   members:read     member
members/<ref:number>/points/holds                    POST   points:redeem    -
members/<ref:number>/points/redemptions              POST   points:redeem    -
members/<ref:number>/rewards                         GET    members:read     member
members/<ref:number>/rewards/redemptions             GET    members:read     member
members/<ref:number>/rewards/redemptions             POST   points:redeem    member
members/<ref:number>/rewards/redemptions/<uuid:redemption>        GET  members:read  member
members/<ref:number>/rewards/redemptions/<uuid:redemption>/cancel POST points:redeem member
members/<ref:number>/tasks                           GET    members:read     member
members/<ref:number>/tasks/<ref:task>/join           POST   members:write    member
members/<ref:number>/tasks/<ref:task>/leave          POST   members:write    member
members/<ref:number>/badges                          GET    members:read     member
members/<ref:number>/leaderboard-name                PUT    members:write    member
leaderboard                                          GET    members:read     member
members/<ref:number>/points/transfers                POST   points:redeem    member
points/redemptions                                   POST   points:redeem    -
points/holds/<uuid:hold>/capture                     POST   points:redeem    -
points/holds/<uuid:hold>/release                     POST   points:redeem    -
segments                                             GET    segments:read    -
segments                                             POST   segments:write   -
segments/<id:segment>                                GET    segments:read    -
segments/<id:segment>                                PATCH  segments:write   -
segments/<id:segment>/members                        GET    segments:read    -
segments/<id:segment>/members                        POST   segments:write   -
segments/<id:segment>/members/remove                 POST   segments:write   -
customers/<ref:number>/segments                      GET    segments:read    -
coupons/validate                                     POST   coupons:read     member
coupons/reservations                                 POST   coupons:write    member
coupons/reservations/<uuid:reservation>/redeem       POST   coupons:write    -
coupons/reservations/<uuid:reservation>/release      POST   coupons:write    member
coupons/<id:coupon>/issue                            POST   coupons:write    -
coupons/<id:coupon>/codes                            POST   coupons:write    -
coupons/<id:coupon>/codes/<id:generation>            GET    coupons:read     -
coupons/<id:coupon>/codes/<id:generation>/file       GET    coupons:write    -
messages                                             POST   messages:send    -
messages/<uuid:message>                              GET    messages:read    -
suppressions                                         GET    suppressions:read  -
suppressions                                         POST   suppressions:write -
suppressions/<id:suppression>/lift                   POST   suppressions:write -
broadcasts                                           GET    broadcasts:read  -
broadcasts                                           POST   broadcasts:write -
broadcasts/<id:broadcast>                            GET    broadcasts:read  -
broadcasts/<id:broadcast>                            PATCH  broadcasts:write -
broadcasts/<id:broadcast>/preview                    GET    broadcasts:read  -
broadcasts/<id:broadcast>/schedule                   POST   broadcasts:send  -
broadcasts/<id:broadcast>/unschedule                 POST   broadcasts:send  -
broadcasts/<id:broadcast>/pause                      POST   broadcasts:send  -
broadcasts/<id:broadcast>/resume                     POST   broadcasts:send  -
broadcasts/<id:broadcast>/stop                       POST   broadcasts:send  -
calendar                                             GET    calendar:read    -
journeys/<id:journey>/entries                        POST   journeys:write   -
customers/<ref:number>/coupons                       GET    coupons:read     member
customers/<ref:number>/inbox                         GET    inbox:read       member
customers/<ref:number>/inbox/unread                  GET    inbox:read       member
customers/<ref:number>/inbox/read                    POST   inbox:read       member
customers/<ref:number>/inbox/<uuid:message>/read     POST   inbox:read       member
"""

# Models in /admin/ and the roles that see them there; a user without is_staff can't open the admin. Agents see none.
ADMIN = """
core/user                          administrator
auth/group                         administrator
crm/store                          lead marketer analyst administrator
crm/attributedefinition            lead marketer analyst administrator
crm/tag                            lead marketer analyst administrator
crm/product                        lead marketer analyst administrator
crm/activitykind                   administrator
crm/spendadjustment                lead marketer analyst administrator
loyalty/program                    marketer administrator
loyalty/pointtype                  marketer administrator
loyalty/earningrule                marketer administrator
loyalty/member                     lead marketer analyst administrator
loyalty/givinglimit                administrator
loyalty/tier                       marketer administrator
loyalty/tierbenefit                lead marketer analyst administrator
loyalty/reward                     lead marketer analyst administrator
loyalty/task                       lead marketer analyst administrator
loyalty/badge                      lead marketer analyst administrator
loyalty/rewardcategory             lead marketer analyst administrator
analytics/segment                  lead marketer analyst administrator
campaigns/sendingpolicy            lead marketer analyst administrator
campaigns/channelaccount           administrator
campaigns/coupon                   lead marketer analyst administrator
campaigns/template                 marketer analyst administrator
campaigns/carerule                 marketer analyst administrator
campaigns/broadcast                marketer analyst administrator
campaigns/experiment               marketer analyst administrator
campaigns/journey                  lead marketer analyst administrator
campaigns/shopday                  marketer analyst administrator
campaigns/suppression              lead marketer administrator
"""

NAMES = {
    "agent": Role.AGENT,
    "lead": Role.LEAD,
    "marketer": Role.MARKETER,
    "analyst": Role.ANALYST,
    "administrator": Role.ADMINISTRATOR,
}


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.strip().splitlines()]


def routes(resolver=None, prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            found |= routes(pattern, route)
        else:
            found[route] = pattern.callback
    return found


def operations(view) -> list[str]:
    cls = getattr(view, "cls", None) or view.view_class
    actions = getattr(view, "actions", None) or {
        name: name for name in ("get", "post", "patch", "put", "delete") if hasattr(cls, name)
    }
    return sorted(name.upper() for name in actions if name != "head")


def test_every_page_has_its_line():
    known = {row[0].lstrip("/") for row in (line if len(line) > 1 else ["", *line] for line in table(PAGES))}
    pages = {route for route in routes() if not route.startswith(("api/v1/", "admin/", "accounts/"))}
    assert pages - known == set(), "these pages need a line in PAGES"
    assert known - pages == set(), "these lines name no page"


def test_every_api_operation_has_its_line():
    known = {(row[0], row[1]) for row in table(API)}
    found = {
        (route.removeprefix("api/v1/"), method)
        for route, view in routes().items()
        if route.startswith("api/v1/")
        for method in operations(view)
    }
    assert found == known


def test_every_admin_model_has_its_line():
    ours = {
        f"{model._meta.app_label}/{model._meta.model_name}"
        for model in admin.site._registry
        if model._meta.app_label in {"core", "auth", "crm", "loyalty", "analytics", "campaigns"}
    }
    assert ours - SUPERUSERS == {row[0] for row in table(ADMIN)}


@pytest.fixture
def shop(program, make_customer, make_order, settle):
    customer = make_customer("Ann", phone="13800138000")
    order = make_order(customer, 50_000, number="A1")
    ticket = open_ticket(customer=customer, subject="Hi", text="Hello", actor=SYSTEM)
    settle()
    return customer, order, ticket


def fill(route: str, customer, ticket) -> str:
    number = ticket.number if route.startswith(("/tickets", "tickets")) else customer.number
    if route.startswith("orders/"):
        number = "A1"
    route = re.sub(r"<(?:str|ref):number>", number, route)
    route = route.replace("<ref:task>", "first-order")
    route = re.sub(r"<(?:int|id):[a-z]+>", "999999", route)
    route = re.sub(r"<uuid:[a-z]+>", str(uuid.UUID(int=7)), route)
    return re.sub(r"<(?:str|slug):[a-z_]+>", signing.dumps([1, 1], salt="x").replace(":", "-"), route)


def reaches(client, path: str) -> int:
    """Return the status of a GET, or of a POST if GET is not allowed."""
    response = client.get(path)
    if response.status_code == 405:
        response = client.post(path, {})
    return response.status_code


@pytest.mark.parametrize("role", NAMES)
def test_each_role_reaches_its_pages_and_no_others(role, client, staff, shop):
    customer, _order, ticket = shop
    client.force_login(staff(NAMES[role]))
    wrong = []
    for route, *who in table(PAGES):
        status = reaches(client, fill(route, customer, ticket))
        allowed = "staff" in who or "public" in who or role in who
        if (status == 403) == allowed or (status >= 500 and "readyz" not in route):
            wrong.append((route, status))
    assert wrong == []


def test_strangers_are_sent_to_sign_in(client, shop):
    customer, _order, ticket = shop
    wrong = []
    for route, *who in table(PAGES):
        path = fill(route, customer, ticket)
        response = client.get(path)
        if response.status_code == 405:
            response = client.post(path, {})
        to_login = response.status_code == 302 and response["Location"].startswith("/accounts/login/")
        if to_login == ("public" in who):
            wrong.append((route, response.status_code))
    assert wrong == []


def call(client: APIClient, method: str, path: str):
    return client.generic(method, "/api/v1/" + path, "{}", content_type="application/json")


def test_a_key_without_the_scope_is_refused_and_one_with_it_gets_in(shop, server_key):
    customer, _order, ticket = shop
    wrong = []
    keys = {scope: server_key(scope) for scope in SCOPES.names()}
    for route, method, scope, _member in table(API):
        path = fill(route, customer, ticket)
        for name, secret in keys.items():
            client = APIClient()
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
            status = call(client, method, path).status_code
            if (status == 403) == (name == scope) or status in {401, 405} or status >= 500:
                wrong.append((route, method, name, status))
    assert wrong == []


def test_no_key_and_a_wrong_key_are_401_everywhere(shop):
    customer, _order, ticket = shop
    for header in ("", "Bearer lk_wrong_key", "Bearer lkm_forged", "Basic YTpi"):
        client = APIClient()
        if header:
            client.credentials(HTTP_AUTHORIZATION=header)
        for route, method, _scope, _member in table(API):
            assert call(client, method, fill(route, customer, ticket)).status_code == 401, (route, header)


def test_a_members_token_reaches_its_own_and_nobody_elses(shop, make_customer, settle):
    ann, _order, ticket = shop
    bob = make_customer("Bob")
    settle()
    own, others = APIClient(), APIClient()
    own.credentials(HTTP_AUTHORIZATION="Bearer " + make_member_token(ann, source="storefront", seconds=60))
    others.credentials(HTTP_AUTHORIZATION="Bearer " + make_member_token(bob, source="storefront", seconds=60))
    wrong = []
    for route, method, _scope, member in table(API):
        path = fill(route, ann, ticket)
        mine, theirs = call(own, method, path).status_code, call(others, method, path).status_code
        if (mine == 403) == (member == "member") or mine >= 500:
            wrong.append((route, method, "own", mine))
        # A path with Ann's number answers Bob as if it did not exist.
        if "<ref:number>" in route and theirs not in {403, 404}:
            wrong.append((route, method, "other", theirs))
        if theirs >= 500:
            wrong.append((route, method, "other", theirs))
    assert wrong == []


@pytest.mark.parametrize("role", NAMES)
def test_the_admin_shows_each_role_its_models(role, client, staff, shop):
    user = staff(NAMES[role])
    client.force_login(user)
    assert client.get("/admin/").status_code == 302, "not without is_staff"
    user.is_staff = True
    user.save()
    wrong = []
    for model, *who in table(ADMIN):
        status = client.get(f"/admin/{model}/").status_code
        if status != (200 if role in who else 403):
            wrong.append((model, status))
    assert wrong == []


# Below accounts/: route, then what a stranger gets, someone without a factor, someone with one who gave the password
# alone, and someone who gave the code too. `open`: the page answers; `login`, `setup`, `code`: it sends there; `home`:
# away from the sign-in pages; `confirm`: asks for the password or code once more; `none`: there is nothing.
ACCOUNTS = """
accounts/password/reset/                      open   setup    code     open
accounts/login/                               open   setup    code     home
accounts/logout/                              home   open     open     open
accounts/inactive/                            open   setup    code     open
accounts/signup/                              open   setup    code     home
accounts/reauthenticate/                      login  open     code     open
accounts/email/                               login  setup    code     open
accounts/confirm-email/                       open   setup    code     open
accounts/password/change/                     login  setup    code     open
accounts/password/set/                        login  setup    code     home
accounts/login/code/confirm/                  login  setup    code     home
accounts/^confirm-email/(?P<key>[-:\\w]+)/$    open   setup    code     open
accounts/password/reset/key/done/             open   setup    code     open
accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$ open setup code open
accounts/password/reset/done/                 open   setup    code     open
accounts/2fa/                                 login  setup    code     open
accounts/2fa/authenticate/                    login  setup    code     home
accounts/2fa/reauthenticate/                  login  setup    open     open
accounts/2fa/totp/activate/                   login  confirm  code     confirm
accounts/2fa/totp/deactivate/                 login  setup    code     confirm
accounts/2fa/recovery-codes/                  login  setup    code     confirm
accounts/2fa/recovery-codes/generate/         login  setup    code     confirm
accounts/2fa/recovery-codes/download/         login  setup    code     confirm
"""
STATES = ("stranger", "none", "password", "code")


def account_path(route: str) -> str:
    route = route.replace("^confirm-email/(?P<key>[-:\\w]+)/$", "confirm-email/abc/")
    return "/" + route.replace("^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$", "password/reset/key/1-x/")


def seen(response) -> str:
    """Return the word of ACCOUNTS for an answer."""
    target = response.get("Location", "").partition("?")[0]
    if response.status_code != 302:
        return "open" if response.status_code in {200, 404} else str(response.status_code)
    return {
        "/accounts/login/": "login",
        "/admin/login/": "login",
        "/accounts/2fa/totp/activate/": "setup",
        "/accounts/2fa/reauthenticate/": "code",
        "/accounts/reauthenticate/": "confirm",
    }.get(target, "home")


def test_every_account_page_has_its_line():
    assert {route for route in routes() if route.startswith("accounts/")} == {row[0] for row in table(ACCOUNTS)}


@pytest.mark.parametrize("role", NAMES)
@pytest.mark.parametrize("state", STATES)
def test_account_pages_ask_for_the_factor_of_this_session(role, state, staff, settings):
    settings.SECOND_FACTOR_REQUIRED = True
    client, _user = enter(state, staff(NAMES[role]))
    wrong = []
    for route, *expected in table(ACCOUNTS):
        found = seen(client.get(account_path(route)))
        if found != expected[STATES.index(state)]:
            wrong.append((route, found))
    assert wrong == []


def enter(state: str, user):
    """Return a client of this user in one of STATES."""
    client = Client()
    if state == "none":
        give_password(client, user.username)
    elif state == "password":
        give_password(client, user.username)
        App(user)
    elif state == "code":
        sign_in(client, user, App(user))
    return client, user


def admin_routes() -> list[str]:
    return [route for route in routes() if route.startswith("admin/")]


def admin_path(route: str) -> str:
    route = re.sub(r"\^\(\?P<app_label>.*$", "core/", route).replace("(?P<url>.*)$", "nothing/")
    return "/" + re.sub(r"<[^>]+>", "999999", route)


@pytest.mark.parametrize("state", ["stranger", "none", "password"])
def test_no_admin_page_opens_without_the_factor_of_this_session(state, staff, settings):
    # given an administrator with all permissions
    settings.SECOND_FACTOR_REQUIRED = True
    user = staff(Role.ADMINISTRATOR)
    user.is_staff = user.is_superuser = True
    user.save()
    client, user = enter(state, user)
    # when every page of the admin gets a GET and a POST
    wanted = {"stranger": "login", "none": "setup", "password": "code"}[state]
    wrong = []
    for route in admin_routes():
        path = admin_path(route)
        for answer in (client.get(path), client.post(path, {"username": user.username, "password": "a-long-password"})):
            if seen(answer) != wanted:
                wrong.append((route, answer.status_code, answer.get("Location", "")))
    # then each redirects to the sign-in, the set-up or the code
    assert len(admin_routes()) > 150
    assert wrong == []


# Pages of the admin without a model: all users with is_staff.
ADMIN_PAGES = {
    "search/",
    "",
    "login/",
    "logout/",
    "password_change/",
    "password_change/done/",
    "autocomplete/",
    "jsi18n/",
}
# Models of packages in the admin, and the ledger as stored: only superusers.
SUPERUSERS = {
    "mfa/authenticator",
    "account/emailaddress",
    "contenttypes/contenttype",
    *(f"loyalty/{name}" for name in ("account", "allocation", "entry", "hold", "lot", "transfer")),
    *(f"django_celery_beat/{name}schedule" for name in ("clocked", "crontab", "solar", "interval")),
    "django_celery_beat/periodictask",
}


@pytest.mark.parametrize("role", NAMES)
def test_each_role_reaches_its_admin_pages_and_no_others(role, staff, settings):
    settings.SECOND_FACTOR_REQUIRED = True
    user = staff(NAMES[role])
    user.is_staff = True
    user.save()
    client, user = enter("code", user)
    mine = {model for model, *who in table(ADMIN) if role in who}
    known = {model for model, *_who in table(ADMIN)} | SUPERUSERS
    wrong = []
    for route in admin_routes():
        path = route.removeprefix("admin/")
        if path in ADMIN_PAGES or path.startswith(("^", "(", "r/")):
            continue
        model = "/".join(path.split("/")[:2])
        assert model in known, f"{model} needs a line in ADMIN"
        status = client.get(admin_path(route)).status_code
        # A visible list opens; a missing row redirects to the list; adding, deleting and passwords depend on
        # the model, and none of it is for those who do not see the model at all.
        if (model in mine and path == f"{model}/" and status != 200) or (
            model not in mine and status not in {302, 403}
        ):
            wrong.append((route, status))
        if model not in mine and status == 302 and client.get(f"/admin/{model}/").status_code != 403:
            wrong.append((route, status))
    assert wrong == []
