"""Routes of loyalty: the API, the console and public pages."""

from django.urls import path

import core.api.converters  # noqa: F401
from loyalty.earning.api import quotes as earning_quotes_api
from loyalty.earning.api import views as earning_api
from loyalty.earning.console import rules as earning
from loyalty.growth.api import views as growth_api
from loyalty.growth.console import badges as growth_badges
from loyalty.growth.console import tasks as growth
from loyalty.ledger.api import batches as batches_api
from loyalty.ledger.api import views as views_api
from loyalty.ledger.console import adjustments as ledger_adjustments
from loyalty.ledger.console import limits
from loyalty.members.api import views as members_views_api
from loyalty.members.console import pages as views
from loyalty.rewards import public
from loyalty.rewards.api import views as rewards_api
from loyalty.rewards.console import categories, redeeming, redemptions, rewards
from loyalty.tiers.api import views as tiers_api
from loyalty.tiers.console import program, tiers

api = [
    path("members/<ref:number>/points/holds", views_api.HoldsView.as_view()),
    path("members/<ref:number>/points/redemptions", views_api.RedemptionsView.as_view()),
    path("earning-rules", earning_api.EarningRulesViewSet.as_view({"get": "list"})),
    path("members", members_views_api.MembersView.as_view()),
    path("members/<ref:number>", members_views_api.MemberView.as_view()),
    path("members/<ref:number>/suspend", members_views_api.SuspendView.as_view()),
    path("members/<ref:number>/resume", members_views_api.ResumeView.as_view()),
    path("tiers-for-sale", tiers_api.TiersForSaleView.as_view()),
    path("members/<ref:number>/tier", tiers_api.MemberTierView.as_view()),
    path("members/<ref:number>/tier/purchase", tiers_api.TierPurchaseView.as_view()),
    path("members/<ref:number>/tier/refund", tiers_api.TierRefundView.as_view()),
    path("members/<ref:number>/tier/products", tiers_api.TierProductsView.as_view()),
    path("members/<ref:number>/points", views_api.BalanceView.as_view()),
    path("members/<ref:number>/points/history", views_api.HistoryViewSet.as_view({"get": "list"})),
    path("members/<ref:number>/points/quote", earning_quotes_api.QuoteView.as_view()),
    path("members/<ref:number>/rewards", rewards_api.RewardsViewSet.as_view({"get": "list"})),
    path(
        "members/<ref:number>/rewards/redemptions",
        rewards_api.RewardRedemptionsViewSet.as_view({"get": "list", "post": "redeem"}),
    ),
    path(
        "members/<ref:number>/rewards/redemptions/<uuid:redemption>",
        rewards_api.RewardRedemptionView.as_view(),
    ),
    path(
        "members/<ref:number>/rewards/redemptions/<uuid:redemption>/cancel",
        rewards_api.CancelRewardView.as_view(),
    ),
    path("members/<ref:number>/tasks", growth_api.TasksView.as_view()),
    path("members/<ref:number>/tasks/<ref:task>/join", growth_api.JoinTaskView.as_view()),
    path("members/<ref:number>/tasks/<ref:task>/leave", growth_api.LeaveTaskView.as_view()),
    path("members/<ref:number>/badges", growth_api.BadgesView.as_view()),
    path("members/<ref:number>/leaderboard-name", growth_api.LeaderboardNameView.as_view()),
    path("leaderboard", growth_api.LeaderboardView.as_view()),
    path("members/<ref:number>/points/transfers", views_api.TransfersView.as_view()),
    path("points/redemptions", batches_api.RedemptionBatchesView.as_view()),
    path("points/holds/<uuid:hold>/capture", views_api.CaptureView.as_view()),
    path("points/holds/<uuid:hold>/release", views_api.ReleaseView.as_view()),
]
console = [
    path("loyalty/", views.overview, name="loyalty"),
    path("loyalty/prove/", views.prove, name="loyalty_prove"),
    path("loyalty/approvals/", ledger_adjustments.approvals, name="loyalty_approvals"),
    path("loyalty/approvals/<uuid:pk>/", ledger_adjustments.decide, name="loyalty_decide"),
    path("loyalty/adjustments/<uuid:pk>/reverse/", ledger_adjustments.reverse, name="loyalty_reverse"),
    path("loyalty/limits/", limits.show, name="giving_limits"),
    path("loyalty/members/", views.members, name="loyalty_members"),
    path("loyalty/members/<str:number>/adjust/", ledger_adjustments.adjust, name="loyalty_adjust"),
    path("loyalty/members/<str:number>/enrol/", views.enrol, name="loyalty_enrol"),
    path("loyalty/members/<str:number>/redeem/", redeeming.choose, name="loyalty_redeem"),
    path("loyalty/members/<str:number>/redeem/<int:pk>/", redeeming.redeem, name="loyalty_redeem_reward"),
    path("loyalty/members/<str:number>/end/", views.end, name="loyalty_end"),
    path("loyalty/members/<str:number>/suspend/", views.suspend, name="loyalty_suspend"),
    path("loyalty/members/<str:number>/resume/", views.resume, name="loyalty_resume"),
    path("earning/", earning.index, name="earning"),
    path("earning/new/", earning.new, name="earning_new"),
    path("earning/<int:pk>/", earning.show, name="earning_rule"),
    path("earning/<int:pk>/edit/", earning.edit, name="earning_edit"),
    path("earning/<int:pk>/settings/", earning.settings, name="earning_settings"),
    path("earning/<int:pk>/switch/", earning.switch, name="earning_switch"),
    path("earning/try/<int:pk>/", earning.trial, name="earning_trial"),
    path("loyalty/members/<str:number>/tier/", tiers.give, name="loyalty_give_tier"),
    path("loyalty/members/<str:number>/tier/end/", tiers.release, name="loyalty_release_tier"),
    path("loyalty/tiers/", tiers.index, name="loyalty_tiers"),
    path("loyalty/tiers/policy/", tiers.policy, name="loyalty_tier_policy"),
    path("settings/program/", program.show, name="loyalty_program"),
    path("settings/program/dry-run/<int:pk>/", program.dry_run, name="loyalty_dry_run"),
    path("settings/program/dry-run/<int:pk>/apply/", program.apply, name="loyalty_dry_run_apply"),
    path("loyalty/tiers/new/", tiers.new, name="loyalty_tier_new"),
    path("loyalty/tiers/<int:pk>/", tiers.show, name="loyalty_tier"),
    path("loyalty/tiers/<int:pk>/edit/", tiers.edit, name="loyalty_tier_edit"),
    path("loyalty/tiers/<int:pk>/dry-run/", tiers.try_out, name="loyalty_tier_dry_run"),
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
    path("settings/reward-categories/", categories.index, name="reward_categories"),
    path("settings/reward-categories/new/", categories.new, name="reward_category_new"),
    path("settings/reward-categories/<int:pk>/", categories.edit, name="reward_category_edit"),
    path("settings/reward-categories/<int:pk>/delete/", categories.delete, name="reward_category_delete"),
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
