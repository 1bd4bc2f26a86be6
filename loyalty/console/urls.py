from django.urls import path

from loyalty.console import views

urlpatterns = [
    path("loyalty/", views.overview, name="loyalty"),
    path("loyalty/prove/", views.prove, name="loyalty_prove"),
    path("loyalty/members/", views.members, name="loyalty_members"),
    path("loyalty/members/<str:number>/adjust/", views.adjust, name="loyalty_adjust"),
    path("loyalty/members/<str:number>/enrol/", views.enrol, name="loyalty_enrol"),
]
