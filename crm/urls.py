"""Routes of crm: the API, the console and public pages."""

from django.urls import path

import core.api.converters  # noqa: F401
from crm.activity.api import views as activity_api
from crm.customers import public as customers_public
from crm.customers.api import views as customers_api
from crm.customers.console import attributes, shop, tags
from crm.desk.api import views as tickets_api
from crm.desk.console import tickets
from crm.imports.console import imports
from crm.orders import public
from crm.orders.api import orders as orders_api
from crm.orders.api import products as catalogue_api
from crm.orders.api import spend as orders_spend_api
from crm.orders.console import orders, products, refunds
from crm.profiles.console import consents, contacts, creating, customers, duplicates, picker

api = [
    path("customers", customers_api.CustomersView.as_view()),
    path("customers/<ref:number>", customers_api.CustomerView.as_view()),
    path("customers/<ref:number>/identities", customers_api.IdentitiesView.as_view()),
    path("customers/<ref:number>/consents", customers_api.ConsentsView.as_view()),
    path("member-tokens", customers_api.MemberTokensView.as_view()),
    path("customers/<ref:number>/spend", orders_spend_api.SpendView.as_view()),
    path("orders", orders_api.OrdersViewSet.as_view({"get": "list", "post": "create"})),
    path("orders/batch", orders_api.OrdersViewSet.as_view({"post": "batch"})),
    path("orders/<ref:number>", orders_api.OrdersViewSet.as_view({"get": "retrieve"})),
    path("orders/<ref:number>/refunds", orders_api.RefundsView.as_view()),
    path("activity", activity_api.ActivityView.as_view()),
    path("products", catalogue_api.ProductsViewSet.as_view({"get": "list", "post": "save"})),
    path("tickets", tickets_api.TicketsViewSet.as_view({"get": "list", "post": "create"})),
    path("tickets/<ref:number>", tickets_api.TicketsViewSet.as_view({"get": "retrieve"})),
    path("tickets/<ref:number>/replies", tickets_api.TicketsViewSet.as_view({"post": "reply"})),
]
console = [
    path("customers/", customers.index, name="customers"),
    path("customers/tag/", customers.tag_many, name="customers_tag"),
    path("customers/export/", customers.export, name="customers_export"),
    path("customers/pick/", picker.pick, name="customer_pick"),
    path("customers/new/", creating.new, name="customer_new"),
    path("customers/duplicates/", duplicates.index, name="duplicates"),
    path("customers/duplicates/<int:pk>/", duplicates.show, name="duplicate"),
    path("customers/duplicates/<int:pk>/decide/", duplicates.decide, name="duplicate_decide"),
    path("customers/<str:number>/", customers.show, name="customer"),
    path("customers/<str:number>/timeline/", customers.timeline, name="customer_timeline"),
    path("customers/<str:number>/orders/", orders.of_customer, name="customer_orders"),
    path("customers/<str:number>/edit/", customers.edit, name="customer_edit"),
    path("customers/<str:number>/tags/", customers.tag, name="customer_tag"),
    path("customers/<str:number>/tags/<int:pk>/remove/", customers.untag, name="customer_untag"),
    path("customers/<str:number>/notes/", customers.note, name="customer_note"),
    path("customers/<str:number>/notes/<int:pk>/pin/", customers.pin, name="customer_note_pin"),
    path("customers/<str:number>/consents/", consents.record, name="customer_consent"),
    path("customers/<str:number>/contacts/", contacts.add, name="customer_contact"),
    path("customers/<str:number>/identities/<int:pk>/verify/", contacts.verify, name="customer_verify"),
    path("customers/<str:number>/identities/<int:pk>/remove/", contacts.remove, name="customer_contact_remove"),
    path("customers/<str:number>/identities/<int:pk>/", customers.unmask, name="customer_unmask"),
    path("orders/", orders.index, name="orders"),
    path("orders/<int:pk>/", orders.show, name="order"),
    path("orders/<int:pk>/refund/", refunds.refund, name="order_refund"),
    path("products/", products.index, name="products"),
    path("products/<int:pk>/edit/", products.edit, name="product_edit"),
    path("products/pick/", products.pick_products, name="pick_products"),
    path("products/pick/categories/", products.pick_categories, name="pick_categories"),
    path("products/pick/branches/", products.pick_branches, name="pick_branches"),
    path("products/pictures/<str:name>", public.picture, name="product_picture"),
]
console += [
    path("tickets/", tickets.index, name="tickets"),
    path("tickets/new/", tickets.new, name="ticket_new"),
    path("tickets/ratings/", tickets.ratings, name="ticket_ratings"),
    path("tickets/<str:number>/", tickets.show, name="ticket"),
    path("tickets/<str:number>/reply/", tickets.reply, name="ticket_reply"),
    path("tickets/<str:number>/draft/", tickets.draft, name="ticket_draft"),
    path("tickets/<str:number>/reopen/", tickets.reopen, name="ticket_reopen"),
    path("tickets/<str:number>/assign/", tickets.assign, name="ticket_assign"),
    path("tickets/<str:number>/priority/", tickets.prioritise, name="ticket_priority"),
    path("tickets/<str:number>/resolve/", tickets.resolve, name="ticket_resolve"),
    path("tickets/<str:number>/close/", tickets.close, name="ticket_close"),
    path("rate/<str:token>/", tickets.rate, name="rate"),
]
console += [
    path("imports/", imports.index, name="imports"),
    path("imports/new/", imports.new, name="import_new"),
    path("imports/<int:pk>/", imports.show, name="import_run"),
    path("imports/<int:pk>/map/", imports.columns, name="import_map"),
    path("imports/<int:pk>/preview/", imports.preview, name="import_preview"),
    path("imports/<int:pk>/progress/", imports.progress, name="import_progress"),
    path("imports/<int:pk>/start/", imports.start, name="import_start"),
    path("imports/<int:pk>/refused/", imports.refused, name="import_refused"),
    path("imports/<int:pk>/refused.csv", imports.refused_file, name="import_refused_file"),
]
console += [
    path("settings/shop/", shop.show, name="settings_shop"),
    path("settings/shop/domain/", shop.domain, name="settings_domain"),
    path("settings/fields/", attributes.index, name="attributes"),
    path("settings/fields/new/", attributes.new, name="attribute_new"),
    path("settings/fields/<int:pk>/", attributes.edit, name="attribute_edit"),
    path("settings/fields/<int:pk>/archive/", attributes.archive, name="attribute_archive"),
    path("settings/tags/", tags.index, name="tags"),
    path("settings/tags/<int:pk>/", tags.show, name="tag"),
    path("settings/tags/<int:pk>/rename/", tags.rename, name="tag_rename"),
    path("settings/tags/<int:pk>/merge/", tags.merge, name="tag_merge"),
    path("settings/tags/<int:pk>/delete/", tags.delete, name="tag_delete"),
    path("shop/logo/<str:name>", customers_public.logo, name="shop_logo"),
]
