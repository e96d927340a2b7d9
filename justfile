python := ".venv/bin/python"

test *arguments:
    {{python}} -m pytest {{arguments}}

lint:
    .venv/bin/ruff check
    .venv/bin/ruff format --check
    .venv/bin/mypy .
    .venv/bin/lint-imports

format:
    .venv/bin/ruff check --fix
    .venv/bin/ruff format

# Write the OpenAPI document that is committed.
schema:
    {{python}} manage.py spectacular --file docs/openapi.yaml

# Write what each platform supports, as it is committed.
matrix:
    {{python}} manage.py supportmatrix --file docs/platforms.md

# Write down what Merge's clients can do here, as it is committed.
compatibility:
    UPDATE_COMPATIBILITY=1 {{python}} -m pytest tests/compatibility

# Pin what pyproject.toml asks for, for all Pythons at once.
requirements:
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url pyproject.toml -o requirements/base.txt
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url pyproject.toml --group dev -c requirements/base.txt -o requirements/dev.txt

run:
    {{python}} manage.py demo
