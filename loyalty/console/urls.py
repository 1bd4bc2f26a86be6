from django.urls import path

from loyalty import public
from loyalty.console import growth, growth_badges, redemptions, rewards, views

urlpatterns = [
    path("loyalty/", views.overview, name="loyalty"),
    path("loyalty/prove/", views.prove, name="loyalty_prove"),
    path("loyalty/approvals/", views.approvals, name="loyalty_approvals"),
    path("loyalty/approvals/<uuid:pk>/", views.decide, name="loyalty_decide"),
    path("loyalty/members/", views.members, name="loyalty_members"),
    path("loyalty/members/<str:number>/adjust/", views.adjust, name="loyalty_adjust"),
    path("loyalty/members/<str:number>/enrol/", views.enrol, name="loyalty_enrol"),
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
    path("loyalty/members/<str:number>/leaderboard-name/", growth.leaderboard_name, name="leaderboard_name"),
    path("tasks/", growth.index, name="tasks"),
    path("tasks/new/", growth.new, name="task_new"),
    path("tasks/<int:pk>/", growth.show, name="task"),
    path("tasks/<int:pk>/edit/", growth.edit, name="task_edit"),
    path("tasks/<int:pk>/switch/", growth.switch, name="task_switch"),
    path("badges/", growth_badges.index, name="badges"),
    path("badges/new/", growth_badges.new, name="badge_new"),
    path("badges/<int:pk>/edit/", growth_badges.edit, name="badge_edit"),
    path("leaderboard/", growth.board, name="leaderboard"),
]
