from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from unified.fields import JSONTextField
from unified.querysets import UnifiedQuerySet
from unified.search import word_vector


class UnifiedModel(models.Model):
    """A platform's record in unified words. One row for ever for each (linked account, remote id)."""

    id = models.UUIDField(primary_key=True, editable=False)
    # Who writes rows holds the account, once for all of them: LinkedAccountQuerySet.hold.
    linked_account = models.ForeignKey(
        "linked_accounts.LinkedAccount",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    remote_id = models.TextField(null=True, help_text="The platform's own id, as text.")
    created_at = models.DateTimeField(help_text="When the record was first stored here.")
    modified_at = models.DateTimeField(help_text="When a unified field of the record last changed here.")
    remote_was_deleted = models.BooleanField(default=False, help_text="Whether the platform has deleted the record.")
    is_shell = models.BooleanField(
        default=False, help_text="Another record refers to this one, which has not arrived yet: only its ids are known."
    )
    field_mappings = JSONTextField(null=True)
    # blake2b-16 of the unified values: a sync compares it to see what changed. Null for shells.
    content_hash = models.BinaryField(null=True, max_length=16)
    # The record as the API shows it, and the format of that: see api.printing. A trigger makes both null when the row
    # changes without them.
    printed = models.TextField(null=True, editable=False)
    printed_format = models.SmallIntegerField(null=True, editable=False)

    objects = models.Manager.from_queryset(UnifiedQuerySet)()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.remote_id or str(self.id)


class RemoteData(models.Model):
    """The platform's originals of one record, apart from it so that lists without them do not read past them.

    `entries` is the text that the API answers with: `[{"path": "/interviews", "data": <original>}, …]`.
    """

    entries = JSONTextField()
    content_hash = models.BinaryField(max_length=16)  # blake2b-16 of `entries`

    class Meta:
        abstract = True


def reference(to: str, **options: Any) -> "models.ForeignKey[Any, Any]":
    """Return a nullable reference to another unified model.

    The database does not enforce it: a sync writes rows by the thousand and makes a shell for whatever a row
    refers to, and rows are never deleted but with their account. A contract test looks for dangling references instead.
    """
    return models.ForeignKey(
        to, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+", **options
    )


def record_key(model: type[UnifiedModel]) -> "models.OneToOneField[Any, Any]":
    """Return the key of the side table that holds the originals of `model`."""
    return models.OneToOneField(
        model, primary_key=True, on_delete=models.CASCADE, db_constraint=False, related_name="stored_remote_data"
    )


def unified_constraints(prefix: str) -> list[models.BaseConstraint]:
    return [
        models.UniqueConstraint(fields=["linked_account", "remote_id"], name=f"{prefix}_remote_id"),
        models.CheckConstraint(condition=Q(modified_at__gte=F("created_at")), name=f"{prefix}_modified_after_creation"),
    ]


def list_indexes(prefix: str) -> list[models.Index]:
    """Return the indexes that every list walks (docs/adr/0004-the-list-path.md): the account first in each.

    What lists show by default and what they hide are indexed apart; the last one serves `modified_after` with the rows
    that changed after they were made. `modified_at` is a key everywhere, not only included: conditions on keys are
    tested inside the index.
    """
    in_order = ["linked_account", "created_at", "id", "modified_at"]
    return [
        models.Index(fields=in_order, condition=Q(remote_was_deleted=False, is_shell=False), name=f"{prefix}_listed"),
        models.Index(fields=in_order, condition=Q(remote_was_deleted=True) | Q(is_shell=True), name=f"{prefix}_hidden"),
        models.Index(
            fields=["linked_account", "modified_at", "created_at", "id", "remote_was_deleted", "is_shell"],
            condition=Q(modified_at__gt=F("created_at")),
            name=f"{prefix}_changed",
        ),
    ]


def filter_index(prefix: str, field: str) -> models.Index:
    """Return the index for the lists that one reference narrows, in list order."""
    return models.Index(
        fields=["linked_account", field, "created_at", "id", "modified_at"], name=f"{prefix}_{field[:18]}"
    )


def newest_index(prefix: str) -> models.Index:
    """Return the index for the admin's lists, newest first, of all accounts together or of one.

    It costs next to nothing: rows of one sync share time and account, and equal entries are stored once.
    """
    return models.Index(fields=["created_at", "linked_account"], name=f"{prefix}_newest")


def words_index(prefix: str, *fields: str) -> GinIndex:
    """Return the index by which the admin finds people and things by the beginnings of the words of their names."""
    return GinIndex(word_vector(*fields), name=f"{prefix}_words")
