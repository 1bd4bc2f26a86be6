from django.urls import path

from crm.console import customers, orders, saved_views

urlpatterns = [
    path("customers/", customers.index, name="customers"),
    path("customers/tag/", customers.tag_many, name="customers_tag"),
    path("customers/export/", customers.export, name="customers_export"),
    path("customers/views/", saved_views.save, name="customers_view_save"),
    path("customers/views/<int:pk>/remove/", saved_views.remove, name="customers_view_remove"),
    path("customers/<str:number>/", customers.show, name="customer"),
    path("customers/<str:number>/timeline/", customers.timeline, name="customer_timeline"),
    path("customers/<str:number>/orders/", orders.of_customer, name="customer_orders"),
    path("customers/<str:number>/edit/", customers.edit, name="customer_edit"),
    path("customers/<str:number>/tags/", customers.tag, name="customer_tag"),
    path("customers/<str:number>/tags/<int:pk>/remove/", customers.untag, name="customer_untag"),
    path("customers/<str:number>/notes/", customers.note, name="customer_note"),
    path("customers/<str:number>/identities/<int:pk>/", customers.unmask, name="customer_unmask"),
    path("orders/", orders.index, name="orders"),
    path("orders/<int:pk>/", orders.show, name="order"),
]
