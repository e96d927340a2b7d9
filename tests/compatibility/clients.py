"""Merge's two clients behind one way to call them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from merge import Merge
from merge.core.api_error import ApiError
from merge.core.jsonable_encoder import jsonable_encoder

HERE = Path(__file__).parent
FREE_FORM = {"integration_params", "headers"}  # their keys are data, which no client spells anew


class RefusedError(Exception):
    """The answer was no success."""

    def __init__(self, status: int | None, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class AbsentError(Exception):
    """The client has no such operation."""


class PythonClient:
    name = "MergePythonClient"

    def __init__(self, url: str, key: str, token: str) -> None:
        self.merge = Merge(api_key=key, account_token=token, base_url=url)

    def call(self, resource: str, method: str, *ids: str, **request: Any) -> Any:
        """Return the answer as JSON's types. Raises RefusedError."""
        call = getattr(getattr(self.merge.ats, resource), method)
        try:
            answer = call(*ids, **request)
        except ApiError as error:
            raise RefusedError(error.status_code, error.body) from error
        return jsonable_encoder(answer)

    def close(self) -> None:
        pass


class NodeClient:
    name = "merge-node-client"

    def __init__(self, url: str, key: str, token: str) -> None:
        folder = _install()
        self.process = subprocess.Popen(
            ["node", "call.mjs"],
            cwd=folder,
            env={**os.environ, "BASE_URL": url, "API_KEY": key, "ACCOUNT_TOKEN": token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, resource: str, method: str, *ids: str, **request: Any) -> Any:
        """Return the answer with keys as the API spells them. Raises RefusedError."""
        request = request.pop("request", request)  # as the Python client names a body without a name
        args = [*ids, _keys(request, _camel)] if request or not ids else list(ids)
        line = json.dumps({"resource": _camel(resource), "method": _camel(method), "args": args})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "absent" in answer:
            raise AbsentError
        if "result" not in answer:
            raise RefusedError(answer["status"], answer["body"])
        return _keys(answer["result"], _snake)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=10)


def _install() -> Path:
    """Return a folder with the client, installed by npm without a lock file; kept for the next time."""
    if not shutil.which("npm"):
        pytest.skip("no npm on this machine")  # `.ci/run` installs it
    folder = Path(settings.BASE_DIR) / ".data" / "node-client"
    wanted = (HERE / "package.json").read_text()
    if not (folder / "installed").exists() or (folder / "installed").read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(HERE / "package.json", folder)
        npm = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(npm, cwd=folder, check=True, timeout=300)
        (folder / "installed").write_text(wanted)
    shutil.copy(HERE / "call.mjs", folder)
    return folder


def _keys(value: Any, spell: Any) -> Any:
    if isinstance(value, dict):
        return {spell(name): one if _snake(name) in FREE_FORM else _keys(one, spell) for name, one in value.items()}
    return [_keys(one, spell) for one in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)
