from django.urls import path

from loyalty import public
from loyalty.console import redemptions, rewards, tiers, views

urlpatterns = [
    path("loyalty/", views.overview, name="loyalty"),
    path("loyalty/prove/", views.prove, name="loyalty_prove"),
    path("loyalty/approvals/", views.approvals, name="loyalty_approvals"),
    path("loyalty/approvals/<uuid:pk>/", views.decide, name="loyalty_decide"),
    path("loyalty/members/", views.members, name="loyalty_members"),
    path("loyalty/members/<str:number>/adjust/", views.adjust, name="loyalty_adjust"),
    path("loyalty/members/<str:number>/enrol/", views.enrol, name="loyalty_enrol"),
    path("loyalty/members/<str:number>/tier/", tiers.give, name="loyalty_give_tier"),
    path("loyalty/members/<str:number>/tier/end/", tiers.release, name="loyalty_release_tier"),
    path("loyalty/tiers/", tiers.index, name="loyalty_tiers"),
    path("loyalty/tiers/policy/", tiers.policy, name="loyalty_tier_policy"),
    path("loyalty/tiers/new/", tiers.new, name="loyalty_tier_new"),
    path("loyalty/tiers/<int:pk>/", tiers.show, name="loyalty_tier"),
    path("loyalty/tiers/<int:pk>/edit/", tiers.edit, name="loyalty_tier_edit"),
    path("loyalty/tiers/<int:pk>/benefits/", tiers.benefit_new, name="loyalty_benefit_new"),
    path("loyalty/benefits/<int:pk>/", tiers.benefit_edit, name="loyalty_benefit_edit"),
    path("loyalty/benefits/<int:pk>/switch/", tiers.benefit_switch, name="loyalty_benefit_switch"),
    path("loyalty/benefits/given/<int:pk>/", tiers.retry, name="loyalty_benefit_retry"),
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
