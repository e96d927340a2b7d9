"""SOAP 1.1: requests signed with a user name and a password, answers, and faults as our errors.

https://www.w3.org/TR/2000/NOTE-SOAP-20000508/
https://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0.pdf
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from connectors.errors import BadCredentials, ConnectorError, PlatformUnavailable, RateLimited, UnexpectedAnswer
from connectors.http import Answer, Session, judge_by_status, seconds_to_wait

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
PLAIN_PASSWORD = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"  # noqa: S105

HEADERS = {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"}
# What an answer begins with, whatever comes before its first element: pages of proxies do not.
BEGINNING = re.compile(rb"<(?:[\w.-]+:)?Envelope[\s>]")
MAX_BEGINNING_BYTES = 4096
# What may be said without a fault. All else comes from a proxy, whose 401 is none of the password.
TOLD_BY_STATUS = frozenset({404, 405, 410, 415, 429})

Element = etree._Element


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The elements and attributes of one namespace, under whatever prefix. Paths are of local names: "A/B".

    `prefix` is that of elements made here. What is looked for in None is not there.
    """

    uri: str
    prefix: str

    def all(self, element: Element | None, path: str) -> list[Element]:
        return [] if element is None else element.findall(self._qualified(path))

    def first(self, element: Element | None, path: str) -> Element | None:
        return None if element is None else element.find(self._qualified(path))

    def text(self, element: Element | None, path: str) -> str | None:
        """Return the text of the first element there. None if it is empty."""
        found = self.first(element, path)
        return None if found is None else found.text or None

    def attribute(self, element: Element | None, name: str) -> str | None:
        return None if element is None else element.get(self._qualified(name)) or None

    def make(self, name: str, *content: Element | str, attributes: Mapping[str, str] | None = None) -> Element:
        """Return a new element around these, which move into it. Raises ValueError for text that XML cannot hold."""
        element = etree.Element(self._qualified(name), nsmap={self.prefix: self.uri})
        for key, value in (attributes or {}).items():
            element.set(self._qualified(key), value)
        for one in content:
            if isinstance(one, str):
                element.text = one
            else:
                element.append(one)
        return element

    def _qualified(self, path: str) -> str:
        return "/".join(f"{{{self.uri}}}{name}" for name in path.split("/"))


_env, _wsse = Vocabulary(ENVELOPE, "env"), Vocabulary(WSSE, "wsse")


def envelope(content: Element, *, username: str, password: str, headers: Iterable[Element] = ()) -> bytes:
    """Return a request as it goes out. Raises BadCredentials for a name or password that XML cannot hold."""
    try:
        token = _wsse.make(
            "UsernameToken", _wsse.make("Username", username), secret := _wsse.make("Password", password)
        )
    except ValueError:
        raise BadCredentials("The user name or the password has characters that XML cannot hold.") from None
    secret.set("Type", PLAIN_PASSWORD)
    security = _wsse.make("Security", token)
    document = _env.make("Envelope", _env.make("Header", security, *headers), _env.make("Body", content))
    security.set(f"{{{ENVELOPE}}}mustUnderstand", "1")
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8")


def signed(document: bytes, *, username: str, password: str) -> bytes:
    """Return XML as a request: what stands in a body, or a whole envelope, whose Security is replaced.

    Raises ValueError for what is no XML, and BadCredentials as `envelope`.
    """
    root = parse(document)
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        return envelope(root, username=username, password=password)
    found = _env.first(root, "Header")
    headers = [one for one in ([] if found is None else found) if one.tag != f"{{{WSSE}}}Security"]
    inner = next(iter(root.findall(f"{{{ENVELOPE}}}Body/*")), None)
    if inner is None:
        raise ValueError("an envelope with nothing in its body")
    return envelope(inner, username=username, password=password, headers=headers)


def parse(document: bytes) -> Element:
    """Return the root, without comments. Raises ValueError for what is no XML, and for XML with a DOCTYPE.

    Entities and files can only be brought in by a DOCTYPE.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"no XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("XML with a DOCTYPE")
    return root


def content(answer: Answer) -> Element:
    """Return the element in the body of an answer. Raises UnexpectedAnswer if there is none."""
    try:
        found = _env.first(parse(answer.body), "Body")
    except ValueError as error:
        raise UnexpectedAnswer(f"{answer.request}: answered with {error}") from error
    if found is None or not len(found):
        raise UnexpectedAnswer(f"{answer.request}: answered with an empty envelope")
    return found[0]


def judge_by_fault(
    session: Session, answer: Answer, errors: Mapping[str, type[ConnectorError]]
) -> ConnectorError | None:
    """Return what is wrong with an answer: `errors` say by fault code, without prefix, which faults are final.

    All other faults, and answers that are no SOAP at all, are taken for trouble that passes.
    """
    if 200 <= answer.status < 300:
        if BEGINNING.search(answer.body[:MAX_BEGINNING_BYTES]):
            return None
        return PlatformUnavailable(f"{session.describe(answer)} with no SOAP")
    if answer.status == 503 and "Retry-After" in answer.headers:
        return RateLimited(session.describe(answer), retry_after_seconds=seconds_to_wait(answer.headers))
    if answer.status == 429 or (fault := _fault(answer)) is None:
        if answer.status in TOLD_BY_STATUS:
            return judge_by_status(session, answer)
        return PlatformUnavailable(session.describe(answer))
    code = (fault.findtext("faultcode") or "").strip().rpartition(":")[2]
    reason = session.printable(fault.findtext("faultstring") or code)
    return errors.get(code, PlatformUnavailable)(f"{session.describe(answer)}: {reason}")


def as_json(element: Element) -> Any:
    """Return XML in terms of JSON, by local names.

    Attributes become `@name`, text beside attributes or elements `#text`; names that repeat become lists. An element
    that holds text alone becomes that text, an empty one None. White space between elements is left out.
    """
    found: dict[str, Any] = {f"@{_local(name)}": value for name, value in element.items()}
    for child in element:
        name, value = _local(child.tag), as_json(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    words = "".join((element.text or "", *(child.tail or "" for child in element)))
    if not found:
        return words or None
    if words.strip():
        found["#text"] = words
    return found


def _fault(answer: Answer) -> Element | None:
    try:
        return _env.first(parse(answer.body), "Body/Fault")
    except ValueError:
        return None


def _local(name: str | bytes) -> str:
    return str(name).rpartition("}")[2]
