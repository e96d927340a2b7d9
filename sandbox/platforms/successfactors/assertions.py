"""Whether a SAML 2.0 bearer assertion is what SuccessFactors takes.

https://userapps.support.sap.com/sap/support/knowledge/en/2850646
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DS = "http://www.w3.org/2000/09/xmldsig#"
NAMES = {"s": SAML, "ds": DS}
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ALGORITHMS = {
    "ds:SignedInfo/ds:CanonicalizationMethod": [EXCLUSIVE],
    "ds:SignedInfo/ds:SignatureMethod": ["http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"],
    "ds:SignedInfo/ds:Reference/ds:Transforms/ds:Transform": [f"{DS}enveloped-signature", EXCLUSIVE],
    "ds:SignedInfo/ds:Reference/ds:DigestMethod": ["http://www.w3.org/2001/04/xmlenc#sha256"],
}
CLOCKS_DIFFER_BY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    public_key: RSAPublicKey
    client_id: str
    user_id: str
    recipient: str


def problem_with(encoded: str, expected: Expected) -> str | None:
    """Return why an assertion is refused. None if it is not."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        root = etree.fromstring(b64decode(encoded, validate=True), parser)
    except (ValueError, etree.XMLSyntaxError):
        return "it is no XML in base64"
    if root.tag != f"{{{SAML}}}Assertion" or root.get("Version") != "2.0":
        return "it is no SAML 2.0 Assertion"
    return _problem_with_signature(root, expected.public_key) or _problem_with_contents(root, expected)


def _problem_with_signature(root: etree._Element, public_key: RSAPublicKey) -> str | None:
    """Return what is wrong, and otherwise take the signature out of the assertion."""
    if [child.tag for child in root][:2] != [f"{{{SAML}}}Issuer", f"{{{DS}}}Signature"]:
        return "no Signature after Issuer"
    signature = root[1]
    for path, algorithms in ALGORITHMS.items():
        if [one.get("Algorithm") for one in signature.iterfind(path, NAMES)] != algorithms:
            return f"wrong algorithm: {path}"
    (info,) = signature.findall("ds:SignedInfo", NAMES)
    if [one.get("URI") for one in info.iterfind("ds:Reference", NAMES)] != [f"#{root.get('ID')}"]:
        return "the Reference is not to the assertion"
    signed = _canonical(info)
    value = b64decode(signature.findtext("ds:SignatureValue", "", NAMES))
    root.remove(signature)
    if b64decode(info.findtext("ds:Reference/ds:DigestValue", "", NAMES)) != sha256(_canonical(root)).digest():
        return "wrong digest"
    try:
        public_key.verify(value, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return "wrong signature"
    return None


def _problem_with_contents(root: etree._Element, expected: Expected) -> str | None:
    now = datetime.now(UTC)
    conditions, confirmation = "s:Conditions", "s:Subject/s:SubjectConfirmation/s:SubjectConfirmationData"
    if not root.findtext("s:Issuer", "", NAMES):
        return "Issuer is empty"
    if root.findtext("s:Subject/s:NameID", "", NAMES) != expected.user_id:
        return "NameID is no user"
    if _attributes(root, "s:Subject/s:SubjectConfirmation").get("Method") != "urn:oasis:names:tc:SAML:2.0:cm:bearer":
        return "not for a bearer"
    if _attributes(root, confirmation).get("Recipient") != expected.recipient:
        return "Recipient is somebody else"
    if root.findtext("s:Conditions/s:AudienceRestriction/s:Audience", "", NAMES) != "www.successfactors.com":
        return "Audience is somebody else"
    api_key = root.find("s:AttributeStatement/s:Attribute[@Name='api_key']/s:AttributeValue", NAMES)
    if api_key is None or api_key.text != expected.client_id:
        return "api_key is not the client"
    try:
        starts_at = datetime.fromisoformat(_attributes(root, conditions)["NotBefore"])
        ends = [datetime.fromisoformat(_attributes(root, path)["NotOnOrAfter"]) for path in (conditions, confirmation)]
    except (KeyError, ValueError):
        return "NotBefore or NotOnOrAfter is missing"
    if starts_at > now + CLOCKS_DIFFER_BY:
        return f"NotBefore {starts_at:%Y-%m-%dT%H:%M:%SZ}"
    if min(ends) <= now:
        return f"NotOnOrAfter {min(ends):%Y-%m-%dT%H:%M:%SZ}"
    return None


def _attributes(root: etree._Element, path: str) -> Mapping[str, str]:
    found = root.find(path, NAMES)
    return {} if found is None else {str(name): str(value) for name, value in found.attrib.items()}


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)
