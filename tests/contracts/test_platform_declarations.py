"""What connectors declare is what they do: fields, incremental listings, credentials."""

from base64 import b64decode
from contextlib import suppress
from dataclasses import fields
from importlib import import_module
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import quote_plus, unquote_plus
from xml.sax.saxutils import escape, unescape

import pytest
import stamina

from connectors.base import Window
from connectors.errors import ConnectorError
from connectors.records import Gap, Record
from connectors.registry import connector_class, connectors
from sandbox.company import build_company
from sandbox.platforms import simulators
from sandbox.server import Answer, serve
from sync.engine import synchronise
from sync.models import ModelSync
from sync.resources import LISTED
from sync.stamps import database_now
from sync.stored import StoredRecords
from tests.platforms import FIELDS, SLUGS, link, linked, shown, spoiled

every_platform = pytest.mark.parametrize("slug", SLUGS)
each_model = pytest.mark.parametrize(
    ("slug", "model_name"), [(slug, name) for slug in SLUGS for name in connector_class(slug).models]
)
REQUIRED = [(slug, one.name) for slug in SLUGS for one in connector_class(slug).credentials if one.is_required({})]
SHARED = {field.name for field in fields(Record)}


@pytest.fixture(autouse=True)
def _no_waiting():
    with stamina.set_testing(True, attempts=100):
        yield


class Listing(NamedTuple):
    """What one listing asked for, and what it handed back: model names and remote ids."""

    requests: list[Any]
    records: set[tuple[str, str]]


def read(platform, *, full):
    """Return what each listing of a sync does, by model name, without storing anything."""
    account, requests = platform.account, platform.server.requests
    syncs = {one.model_name: one for one in ModelSync.objects.filter(linked_account=account)}
    found = {}
    with account.connect() as connector:
        for resource in LISTED:
            model_sync, begin = syncs[resource.name], len(requests)
            window = Window(
                since=None if full else model_sync.data_fresh_as_of,
                started_at=database_now(),
                state={} if full else model_sync.state,
                stored=StoredRecords(account.id),
            )
            entries = list(resource.listing(connector, window))
            records = {(one.model_name, one.remote_id) for one in entries if isinstance(one, Record)}
            found[resource.name] = Listing(requests[begin:], records)
    return found


def asked(listings):
    return [(one.method, one.path, sorted(one.query), one.body) for listing in listings for one in listing.requests]


def told(listings, model_name):
    return {remote_id for listing in listings for name, remote_id in listing.records if name == model_name}


def addresses(listings):
    """Return what was called, in no order: some platforms are asked by several threads at a time."""
    return sorted((request.method, request.path) for listing in listings for request in listing.requests)


@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    """Return a function that tells which fields of a model have a value in any record; it reads each platform once."""
    known = {}

    def read_platform(slug):
        module = import_module(f"tests.connectors.{slug}.samples")
        company = build_company(interviews=300, seed=3)
        found = {name: set() for name in FIELDS}
        for simulator in (module.documented(), simulators()[slug](company)):
            with serve(simulator) as server:
                account = link(slug, server.url + simulator.base_path, dict(simulator.credentials))
                synchronise(account)
            for name, rows in shown(account).items():
                found[name] |= {field for row in rows.values() for field in row if row[field] not in (None, [])}
        return {name: names - SHARED for name, names in found.items()}

    def of(slug, model_name):
        if slug not in known:
            known[slug] = read_platform(slug)
        return known[slug][model_name]

    return of


@pytest.mark.django_db(transaction=True)
@each_model
def test_the_declared_fields_are_those_that_records_fill(filled, slug, model_name):
    assert filled(slug, model_name) == connector_class(slug).models[model_name].fields


@every_platform
def test_listings_are_as_incremental_as_declared(transactional_db, slug):
    with linked(slug, interviews=300) as platform:
        synchronise(platform.account)

        whole, changed = read(platform, full=True), read(platform, full=False)

    for name, support in connector_class(slug).models.items():
        # A model without calls of its own comes along with others.
        names = [name] if whole[name].requests else sorted(support.told_by)
        first, later = [whole[one] for one in names], [changed[one] for one in names]
        if support.is_incremental:
            assert asked(later) != asked(first), name
            assert len(told(later, name)) < len(told(first, name)), name
        else:
            assert addresses(later) == addresses(first), name
            assert told(later, name) == told(first, name), name


def test_there_is_a_simulator_for_every_platform():
    assert list(connectors()) == SLUGS


@every_platform
def test_required_credentials_are_all_it_takes(slug):
    simulator = simulators()[slug](build_company(interviews=10))
    declared = connector_class(slug)
    given = {one.name: simulator.credentials[one.name] for one in declared.credentials if one.is_required({})}

    assert declared.validate_credentials(given) == {}
    with serve(simulator) as server, declared(credentials=given, base_url=server.url + simulator.base_path) as one:
        one.check()


@pytest.mark.parametrize(("slug", "name"), REQUIRED)
def test_a_required_credential_cannot_be_left_out(slug, name):
    simulator = simulators()[slug](build_company(interviews=10))
    given = {one: value for one, value in simulator.credentials.items() if one != name}

    assert name in connector_class(slug).validate_credentials(given)


@pytest.mark.parametrize(("slug", "name"), REQUIRED)
def test_a_platform_refuses_another_value_of_a_required_credential(slug, name):
    simulator = simulators()[slug](build_company(interviews=10))
    given = {**simulator.credentials, name: spoiled(simulator.credentials[name])}

    with serve(simulator) as server:
        connector = connector_class(slug)(credentials=given, base_url=server.url + simulator.base_path)
        with connector, pytest.raises(ConnectorError):
            connector.check()


class Echo:
    """Answers the first calls as the platform does, and the others with an error that repeats what is secret in them.

    `repeated` is that, as it was sent.
    """

    def __init__(self, simulator, secrets, *, status, after):
        self.simulator, self.secrets, self.status, self.after = simulator, secrets, status, after
        self.repeated = []

    def answer(self, request):
        if self.after > 0:
            self.after -= 1
            return self.simulator.answer(request)
        sent = [*request.headers.values(), request.path, *(value for _, value in request.query)]
        body = request.body.decode()
        said = [part for text in (*sent, body, unquote_plus(body), unescape(body)) for part in self.secret_parts(text)]
        self.repeated += said
        return Answer(self.status, {"message": f"not with {' or '.join(said)}, please"})

    def secret_parts(self, text):
        for secret in self.secrets:
            yield from (one for one in (secret, escape(secret), quote_plus(secret)) if one in text)
        scheme, _, encoded = text.partition(" ")
        if scheme == "Basic" and any(secret in b64decode(encoded).decode() for secret in self.secrets):
            yield encoded


def fails(connector):
    """Return the messages with which a sync's listings fail."""
    window = Window(since=None, started_at=database_now())
    for resource in LISTED:
        try:
            for entry in resource.listing(connector, window):
                if isinstance(entry, Gap):
                    yield entry.reason
        except ConnectorError as error:
            yield str(error)


def ways_in(declared, simulator):
    """Yield credentials for each declared secret that is sent: that one, and what else is then required."""
    signing = declared.webhooks and declared.webhooks.secret_name
    public = {one.name: simulator.credentials.get(one.name, "") for one in declared.credentials if not one.secret}
    for secret in declared.credentials:
        if secret.secret and (secret.name != signing or secret.required):
            given = public | {secret.name: simulator.credentials.get(secret.name, "made-up")}
            needed = [one.name for one in declared.credentials if one.is_required(given)]
            yield {name: simulator.credentials[name] for name in needed if name not in given} | given


@every_platform
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_no_message_repeats_a_secret_that_the_platform_echoes(db, slug, status):
    simulator = simulators()[slug](build_company(interviews=10))
    declared = connector_class(slug)
    messages, repeated = [], []

    # The first calls may be those that log in.
    for given, after in product(ways_in(declared, simulator), range(3)):
        secrets = [given[one.name] for one in declared.credentials if one.secret and one.name in given]
        echo = Echo(simulator, secrets, status=status, after=after)
        with serve(echo) as server:
            connector = declared(credentials=given, base_url=server.url + simulator.base_path)
            with suppress(ConnectorError), connector:  # who cannot log in cannot log out
                messages += fails(connector)
        repeated += echo.repeated

    assert repeated
    assert any("[hidden]" in message for message in messages)
    assert not [part for part in repeated if any(part in message for message in messages)]
