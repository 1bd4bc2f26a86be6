from django.urls import path

from loyalty import public
from loyalty.console import earning, redemptions, rewards, views

urlpatterns = [
    path("loyalty/", views.overview, name="loyalty"),
    path("loyalty/prove/", views.prove, name="loyalty_prove"),
    path("loyalty/approvals/", views.approvals, name="loyalty_approvals"),
    path("loyalty/approvals/<uuid:pk>/", views.decide, name="loyalty_decide"),
    path("loyalty/members/", views.members, name="loyalty_members"),
    path("loyalty/members/<str:number>/adjust/", views.adjust, name="loyalty_adjust"),
    path("loyalty/members/<str:number>/enrol/", views.enrol, name="loyalty_enrol"),
    path("earning/", earning.index, name="earning"),
    path("earning/new/", earning.new, name="earning_new"),
    path("earning/<int:pk>/", earning.show, name="earning_rule"),
    path("earning/<int:pk>/edit/", earning.edit, name="earning_edit"),
    path("earning/<int:pk>/settings/", earning.settings, name="earning_settings"),
    path("earning/<int:pk>/switch/", earning.switch, name="earning_switch"),
    path("earning/try/<int:pk>/", earning.trial, name="earning_trial"),
    path("rewards/", rewards.index, name="rewards"),
    path("rewards/new/", rewards.new, name="reward_new"),
    path("rewards/<int:pk>/", rewards.show, name="reward"),
    path("rewards/<int:pk>/edit/", rewards.edit, name="reward_edit"),
    path("rewards/<int:pk>/switch/", rewards.switch, name="reward_switch"),
    path("rewards/<int:pk>/codes/", rewards.codes, name="reward_codes"),
    path("redemptions/", redemptions.index, name="redemptions"),
    path("redemptions/<uuid:pk>/", redemptions.show, name="redemption"),
    path("redemptions/<uuid:pk>/address/", redemptions.address, name="redemption_address"),
    path("redemptions/<uuid:pk>/ship/", redemptions.ship, name="redemption_ship"),
    path("redemptions/<uuid:pk>/cancel/", redemptions.cancel, name="redemption_cancel"),
    path("rewards/pictures/<str:name>", public.picture, name="reward_picture"),
]
