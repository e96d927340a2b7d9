"""docs/platforms.md, which is generated."""

from pathlib import Path

import pytest
from django.core.management import call_command

from connectors.registry import connectors

COMMITTED = Path(__file__).parents[2] / "docs" / "platforms.md"
README = Path(__file__).parents[2] / "README.md"


def test_the_committed_document_is_the_generated_one(tmp_path):
    call_command("supportmatrix", file=tmp_path / "platforms.md")

    assert COMMITTED.read_text() == (tmp_path / "platforms.md").read_text(), "run: just matrix"


def test_the_document_goes_to_standard_output_unless_told_otherwise(capsys):
    call_command("supportmatrix")

    assert capsys.readouterr().out == COMMITTED.read_text()


@pytest.mark.parametrize("connector", connectors().values(), ids=connectors())
def test_a_platforms_section_says_what_a_customer_has_to_set_up(connector):
    _, _, rest = COMMITTED.read_text().partition(f"\n## {connector.name}\n")
    section = " ".join(rest.partition("\n## ")[0].split())

    assert connector.setup in section
    assert all(f"| `{one.name}` |" in section for one in connector.credentials)
    assert connector.webhooks is None or connector.webhooks.setup in section


@pytest.mark.parametrize("connector", connectors().values(), ids=connectors())
def test_the_readme_names_every_platform(connector):
    assert f"docs/platforms.md#{connector.name.lower().replace(' ', '-')}" in README.read_text()
