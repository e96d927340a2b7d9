"""Django's own users and groups, in the same dress as all else."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UnfoldReadOnlyPasswordHashWidget, UserCreationForm
from unfold.forms import UserChangeForm as BaseUserChangeForm

admin.site.unregister(User)
admin.site.unregister(Group)


class PasswordWidget(UnfoldReadOnlyPasswordHashWidget):
    """Tells whether there is a password, without the parts of its hash that Django shows."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        if len(context.get("summary", [])) > 1:
            context["summary"] = [{"label": "Set."}]
        return context


class UserChangeForm(BaseUserChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget = PasswordWidget()


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    date_hierarchy = "date_joined"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):
    pass
