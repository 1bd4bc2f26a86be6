from django.urls import path

import core.api.converters  # noqa: F401
from crm.api import activity, catalogue, customers, orders, tickets

urlpatterns = [
    path("customers", customers.CustomersView.as_view()),
    path("customers/<ref:number>", customers.CustomerView.as_view()),
    path("customers/<ref:number>/identities", customers.IdentitiesView.as_view()),
    path("customers/<ref:number>/consents", customers.ConsentsView.as_view()),
    path("member-tokens", customers.MemberTokensView.as_view()),
    path("customers/<ref:number>/spend", customers.SpendView.as_view()),
    path("orders", orders.OrdersViewSet.as_view({"get": "list", "post": "create"})),
    path("orders/batch", orders.OrdersViewSet.as_view({"post": "batch"})),
    path("orders/<ref:number>", orders.OrdersViewSet.as_view({"get": "retrieve"})),
    path("orders/<ref:number>/refunds", orders.RefundsView.as_view()),
    path("activity", activity.ActivityView.as_view()),
    path("products", catalogue.ProductsViewSet.as_view({"get": "list", "post": "save"})),
    path("tickets", tickets.TicketsViewSet.as_view({"get": "list", "post": "create"})),
    path("tickets/<ref:number>", tickets.TicketsViewSet.as_view({"get": "retrieve"})),
    path("tickets/<ref:number>/replies", tickets.TicketsViewSet.as_view({"post": "reply"})),
]
