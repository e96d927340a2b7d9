from django.db.migrations import RunSQL


def forget_when_changed(table: str, *columns: str) -> RunSQL:
    """Return the migration that keeps `printed` from outliving what it tells, whoever writes the row.

    Where one of these columns changes and the text does not, the text is dropped: it is then printed as it is read.
    """
    compared = ["id", "remote_id", "created_at", "modified_at", "remote_was_deleted", "field_mappings::text", *columns]
    old, new = (", ".join(f"{row}.{column}" for column in compared) for row in ("OLD", "NEW"))
    return RunSQL(
        f"""
        CREATE OR REPLACE FUNCTION unified_forget_printed() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.printed := NULL; NEW.printed_format := NULL; RETURN NEW; END $$;
        CREATE TRIGGER forget_printed BEFORE UPDATE ON {table} FOR EACH ROW
        WHEN (OLD.printed IS NOT NULL AND NEW.printed = OLD.printed AND ({old}) IS DISTINCT FROM ({new}))
        EXECUTE FUNCTION unified_forget_printed();
        """,
        f"DROP TRIGGER forget_printed ON {table}",
    )
