from rest_framework.routers import SimpleRouter


class Router(SimpleRouter):
    """Serves every path with and without a slash at its end, so that nothing is ever redirected."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
