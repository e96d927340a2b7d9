import pytest
from lxml import etree

from connectors import soap
from connectors.errors import BadCredentials, MissingPermission, PlatformUnavailable, RateLimited, UnexpectedAnswer
from connectors.http import Retries, Session, Traffic
from connectors.soap import Vocabulary
from sandbox.server import Answer, serve
from tests.connectors.script import Script

words = Vocabulary("urn:words", "w")

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION_LAUGHS = f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>'
EXTERNAL_ENTITY = '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/hostname">]>'


def enveloped(body, *, before=""):
    return (
        f'{before}<e:Envelope xmlns:e="{soap.ENVELOPE}" xmlns:w="urn:words"><e:Body>{body}</e:Body></e:Envelope>'
    ).encode()


def fault(code, text="Sorry"):
    return enveloped(f"<e:Fault><faultcode>e:{code}</faultcode><faultstring>{text}</faultstring></e:Fault>")


def element(xml):
    return etree.fromstring(f'<x xmlns:w="urn:words" xmlns:other="urn:other">{xml}</x>')[0]


@pytest.fixture
def call():
    """Return a function that sends a request to a service that gives these answers in turn."""

    def call(*answers, retries=None):
        session = Session(
            traffic=Traffic(),
            secrets=["a&b"],
            retries=retries,
            judge=lambda session, answer: soap.judge_by_fault(session, answer, {"Client.no": MissingPermission}),
        )
        with serve(Script(*answers)) as server:
            try:
                return soap.content(session.call("POST", server.url, content=b"<x/>", idempotent=True))
            finally:
                call.requests, call.traffic = len(server.requests), session.traffic
                session.close()

    return call


# Requests


def test_request_says_who_calls():
    envelope = etree.fromstring(soap.envelope(words.make("Ask"), username="me@there", password="secret"))
    (security,) = envelope.iter(f"{{{soap.WSSE}}}Security")
    (token,) = security

    assert security.get(f"{{{soap.ENVELOPE}}}mustUnderstand") == "1"
    assert [one.text for one in token] == ["me@there", "secret"]
    assert token[1].get("Type") == soap.PLAIN_PASSWORD


def test_request_holds_its_headers_and_its_content():
    envelope = etree.fromstring(
        soap.envelope(words.make("Ask"), username="u", password="p", headers=[words.make("Common")])
    )

    assert [one.tag for one in envelope[0]] == [f"{{{soap.WSSE}}}Security", "{urn:words}Common"]
    assert [one.tag for one in envelope[1]] == ["{urn:words}Ask"]


def test_passwords_may_hold_what_xml_is_made_of():
    password = "<&>\"']]>ü"

    document = soap.envelope(words.make("Ask"), username="u", password=password)

    assert etree.fromstring(document).findtext(f".//{{{soap.WSSE}}}Password") == password


@pytest.mark.parametrize("given", [{"password": "bell\a"}, {"username": "null\0"}])
def test_what_xml_cannot_hold_are_bad_credentials(given):
    with pytest.raises(BadCredentials) as caught:
        soap.envelope(words.make("Ask"), **({"username": "u", "password": "p"} | given))

    assert "bell" not in str(caught.value)


# Reading


@pytest.mark.parametrize(
    "document",
    [
        f'{BILLION_LAUGHS}<x a="&l9;"/>',
        f"{BILLION_LAUGHS}<x>&l9;</x>",
        f"{EXTERNAL_ENTITY}<x>&file;</x>",
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>',
        "<!DOCTYPE x><x/>",
        "<x>" * 100_000,
        "<x>&undeclared;</x>",
        "<html><p></html>",
        "",
    ],
)
def test_dangerous_and_broken_xml_is_refused(document):
    with pytest.raises(ValueError, match="XML"):
        soap.parse(document.encode())


def test_doctype_is_refused_in_any_encoding():
    with pytest.raises(ValueError, match="DOCTYPE"):
        soap.parse("<!DOCTYPE x><x/>".encode("utf-16"))


def test_elements_are_found_by_namespace():
    found = element('<w:a xmlns:v="urn:words"><other:b>no</other:b><v:b v:kind="c">yes</v:b><v:b/></w:a>')

    assert words.text(found, "b") == "yes"
    assert words.attribute(words.first(found, "b"), "kind") == "c"
    assert len(words.all(found, "b")) == 2
    assert words.text(words.all(found, "b")[1], "b") is None


def test_nothing_is_found_in_what_is_not_there():
    assert words.first(None, "a/b") is None
    assert words.all(None, "a") == []
    assert words.text(None, "a") is None
    assert words.attribute(None, "a") is None


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<w:a/>", None),
        ("<w:a></w:a>", None),
        ("<w:a>text</w:a>", "text"),
        ("<w:a><![CDATA[<&]]></w:a>", "<&"),
        ('<w:a w:kind="b"/>', {"@kind": "b"}),
        ('<w:a w:kind="b">text</w:a>', {"@kind": "b", "#text": "text"}),
        ("<w:a> <w:b>1</w:b>\n</w:a>", {"b": "1"}),
        ("<w:a><w:b>1</w:b><w:c/><w:b>2</w:b><w:b>3</w:b></w:a>", {"b": ["1", "2", "3"], "c": None}),
        # Two elements of the same local name.
        ("<w:a><w:b>1</w:b><other:b>2</other:b></w:a>", {"b": ["1", "2"]}),
        ("<w:a>so <w:b>1</w:b> it is</w:a>", {"b": "1", "#text": "so  it is"}),
    ],
)
def test_xml_in_terms_of_json(xml, expected):
    assert soap.as_json(element(xml)) == expected


# Answers


def test_comments_leave_no_trace(call):
    found = call(Answer(200, enveloped("<w:a>on<!-- -->e<?two?></w:a>", before="<!-- Hello -->")))

    assert (found.tag, found.text) == ("{urn:words}a", "one")


def test_faults_that_are_known_are_final(call):
    with pytest.raises(MissingPermission, match="Not for you"):
        call(Answer(500, fault("Client.no", "Not for you")))

    assert call.requests == 1


def test_messages_hide_the_password(call):
    with pytest.raises(MissingPermission) as caught:
        call(Answer(500, fault("Client.no", "Who is a&amp;b?")))

    assert "Who is [hidden]?" in str(caught.value)


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(500, fault("Server")),
        Answer(500, fault("Client.noon")),
        Answer(502, b"<!DOCTYPE html><html></html>"),
        Answer(503),
        # Proxies have refusals of their own, and their pages while the platform is down.
        Answer(401, b"<html></html>"),
        Answer(403, b"<html></html>"),
        Answer(302, b"", {"Location": "https://example.com/maintenance"}),
        Answer(500, enveloped("", before=EXTERNAL_ENTITY)),
        # The page of a proxy that says that all is well.
        Answer(200, b"<!DOCTYPE html><html>Envelope</html>"),
        Answer(200),
    ],
)
def test_all_other_trouble_is_tried_again(call, trouble):
    assert call(trouble, trouble, Answer(200, enveloped("<w:a/>"))).tag == "{urn:words}a"


def test_trouble_ends_after_the_last_try(call):
    with pytest.raises(PlatformUnavailable, match="answered 500: Sorry"):
        call(Answer(500, fault("Server")), retries=Retries(backoff_seconds=(1, 2)))

    assert call.requests == 3


@pytest.mark.parametrize("status", [429, 503])
def test_waits_as_long_as_it_is_told(call, status):
    call(Answer(status, b"", {"Retry-After": "7"}), Answer(200, enveloped("<w:a/>")))

    assert call.traffic.waited_seconds == 7


def test_waits_that_are_too_long_end_the_call(call):
    with pytest.raises(RateLimited):
        call(Answer(503, b"", {"Retry-After": "3600"}))


@pytest.mark.parametrize(
    "body",
    [
        enveloped("<w:a>&l9;</w:a>", before=BILLION_LAUGHS),
        enveloped("<w:a>&file;</w:a>", before=EXTERNAL_ENTITY),
        enveloped("<w:a>")[:-20],
        enveloped(""),
    ],
)
def test_envelopes_that_cannot_be_read_are_unexpected(call, body):
    with pytest.raises(UnexpectedAnswer):
        call(Answer(200, body))

    assert call.requests == 1
