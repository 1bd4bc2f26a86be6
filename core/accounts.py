"""Staff accounts: created by an administrator, never by signing up."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter


class StaffAccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request):
        return False


class StaffMfaAdapter(DefaultMFAAdapter):
    def get_totp_label(self, user):
        return user.get_username()
