from django.urls import path

import core.api.converters  # noqa: F401
from loyalty.api import batches, earning, growth, rewards, tiers, views

urlpatterns = [
    path("members/<ref:number>/points/holds", views.HoldsView.as_view()),
    path("members/<ref:number>/points/redemptions", views.RedemptionsView.as_view()),
    path("earning-rules", earning.EarningRulesViewSet.as_view({"get": "list"})),
    path("members", views.MembersView.as_view()),
    path("members/<ref:number>", views.MemberView.as_view()),
    path("members/<ref:number>/suspend", views.SuspendView.as_view()),
    path("members/<ref:number>/resume", views.ResumeView.as_view()),
    path("tiers-for-sale", tiers.TiersForSaleView.as_view()),
    path("members/<ref:number>/tier", tiers.MemberTierView.as_view()),
    path("members/<ref:number>/tier/purchase", tiers.TierPurchaseView.as_view()),
    path("members/<ref:number>/tier/refund", tiers.TierRefundView.as_view()),
    path("members/<ref:number>/tier/products", tiers.TierProductsView.as_view()),
    path("members/<ref:number>/points", views.BalanceView.as_view()),
    path("members/<ref:number>/points/history", views.HistoryViewSet.as_view({"get": "list"})),
    path("members/<ref:number>/points/quote", views.QuoteView.as_view()),
    path("members/<ref:number>/rewards", rewards.RewardsViewSet.as_view({"get": "list"})),
    path(
        "members/<ref:number>/rewards/redemptions",
        rewards.RewardRedemptionsViewSet.as_view({"get": "list", "post": "redeem"}),
    ),
    path(
        "members/<ref:number>/rewards/redemptions/<uuid:redemption>",
        rewards.RewardRedemptionView.as_view(),
    ),
    path(
        "members/<ref:number>/rewards/redemptions/<uuid:redemption>/cancel",
        rewards.CancelRewardView.as_view(),
    ),
    path("members/<ref:number>/tasks", growth.TasksView.as_view()),
    path("members/<ref:number>/tasks/<ref:task>/join", growth.JoinTaskView.as_view()),
    path("members/<ref:number>/tasks/<ref:task>/leave", growth.LeaveTaskView.as_view()),
    path("members/<ref:number>/badges", growth.BadgesView.as_view()),
    path("members/<ref:number>/leaderboard-name", growth.LeaderboardNameView.as_view()),
    path("leaderboard", growth.LeaderboardView.as_view()),
    path("members/<ref:number>/points/transfers", views.TransfersView.as_view()),
    path("points/redemptions", batches.RedemptionBatchesView.as_view()),
    path("points/holds/<uuid:hold>/capture", views.CaptureView.as_view()),
    path("points/holds/<uuid:hold>/release", views.ReleaseView.as_view()),
]
