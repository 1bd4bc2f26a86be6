"""allauth's account forms, where they would let someone guess a password without a count."""

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm


class StaffChangePasswordForm(ChangePasswordForm):
    def clean_oldpassword(self) -> str:
        """Check the old password as signing in does, because it can be guessed here as well as there."""
        password = self.cleaned_data.get("oldpassword", "")
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password
