"""Random requests for lists."""

from datetime import UTC, datetime, timedelta

from config.api_router import router

START = datetime(2026, 1, 1, tzinfo=UTC)
VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}


def random_parameters(chance, viewset, rows):
    serializer, filterset = viewset.serializer_class, viewset.filterset_class
    parameters = {"page_size": chance.choice(["1", "3", "100"])}
    for name in ("created_after", "created_before", "modified_after", "modified_before"):
        if chance.random() < 0.25:
            parameters[name] = (START + timedelta(seconds=chance.randrange(10))).isoformat()
    for name in ("include_deleted_data", "include_shell_data", "include_remote_data"):
        if chance.random() < 0.5:
            parameters[name] = chance.choice(["true", "false"])
    for name in filterset.base_filters.keys() & rows.keys():
        if chance.random() < 0.25:
            parameters[name] = str(chance.choice(rows[name]).id)
    if "email" in filterset.base_filters and chance.random() < 0.3:
        parameters["email"] = "a@X.EXAMPLE"
    if "source" in filterset.base_filters and chance.random() < 0.3:
        parameters["source"] = "Board"
    names = [name for name in serializer.expandable if chance.random() < 0.4]
    if names:
        parameters["expand"] = ",".join(names)
    if serializer.enum_origins and chance.random() < 0.3:
        parameters["show_enum_origins"] = ",".join(serializer.enum_origins)
    return parameters
