"""Replacements for allauth's account forms that would let someone guess a password without a limit."""

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm


class StaffChangePasswordForm(ChangePasswordForm):
    def clean_oldpassword(self) -> str:
        """Check the old password with the limits of the sign-in page, because it can be guessed here too."""
        password = self.cleaned_data.get("oldpassword", "")
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password
