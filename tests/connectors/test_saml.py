from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from lxml import etree

from connectors.saml import bearer_assertion, read_key

NAMES = {"s": "urn:oasis:names:tc:SAML:2.0:assertion", "ds": "http://www.w3.org/2000/09/xmldsig#"}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ODD = """a&b<c>d"e'f\tg\rh ü"""


def pem(key=KEY, form=PrivateFormat.PKCS8, encryption=None):
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


@pytest.fixture
def text():
    """An assertion whose every value takes care to be written down."""
    assertion = bearer_assertion(
        KEY,
        issuer=ODD,
        subject=ODD,
        recipient=f"https://api4.example.com/oauth/token?{ODD}",
        audience="www.example.com",
        attributes={"api_key": ODD},
        now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    )
    return b64decode(assertion, validate=True)


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True)


def test_text_is_canonical_as_it_is(text):
    assert canonical(etree.fromstring(text)) == text


def test_signature_is_of_the_assertion_without_it(text):
    root = etree.fromstring(text)
    signature = root.find("ds:Signature", NAMES)
    info = signature.find("ds:SignedInfo", NAMES)
    value = b64decode(signature.findtext("ds:SignatureValue", namespaces=NAMES))

    KEY.public_key().verify(value, canonical(info), PKCS1v15(), SHA256())
    root.remove(signature)

    digest = b64encode(sha256(canonical(root)).digest()).decode()
    assert info.findtext("ds:Reference/ds:DigestValue", namespaces=NAMES) == digest
    assert info.find("ds:Reference", NAMES).get("URI") == f"#{root.get('ID')}"


def test_signature_comes_after_the_issuer(text):
    assert [etree.QName(child).localname for child in etree.fromstring(text)] == [
        "Issuer",
        "Signature",
        "Subject",
        "Conditions",
        "AttributeStatement",
    ]


def test_values_arrive_as_they_were(text):
    root = etree.fromstring(text)

    assert root.findtext("s:Issuer", namespaces=NAMES) == ODD
    assert root.findtext("s:Subject/s:NameID", namespaces=NAMES) == ODD
    assert root.find(".//s:SubjectConfirmationData", NAMES).get("Recipient").endswith(ODD)
    assert root.findtext(".//s:Attribute[@Name='api_key']/s:AttributeValue", namespaces=NAMES) == ODD


def test_it_lasts_ten_minutes_and_began_before(text):
    root = etree.fromstring(text)

    assert root.get("IssueInstant") == "2026-11-23T09:00:00Z"
    assert dict(root.find("s:Conditions", NAMES).attrib) == {
        "NotBefore": "2026-11-23T08:55:00Z",
        "NotOnOrAfter": "2026-11-23T09:10:00Z",
    }
    assert root.find(".//s:SubjectConfirmationData", NAMES).get("NotOnOrAfter") == "2026-11-23T09:10:00Z"


@pytest.mark.parametrize(
    "given",
    [
        pem(),
        pem(form=PrivateFormat.TraditionalOpenSSL),
        # As SAP's Admin Center hands it out: not encrypted at all, and with the certificate.
        "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"
        + pem().replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        # Pasted into one line.
        pem().replace("\n", " "),
    ],
)
def test_key_is_read(given):
    assert read_key(given).private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("MIIE", "no private key"),
        (pem().replace("PRIVATE", "PUBLIC"), "no private key"),
        (pem()[:200] + "\n-----END PRIVATE KEY-----", "damaged"),
        (pem(encryption=BestAvailableEncryption(b"password")), "encrypted"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "not an RSA key"),
    ],
)
def test_key_that_is_none_is_told_why(given, problem):
    with pytest.raises(ValueError, match=problem):
        read_key(given)
