"""SAML 2.0 bearer assertions, signed: what some token endpoints take in place of a password (RFC 7522).

The text is in canonical form (https://www.w3.org/TR/xml-exc-c14n/) from the start, so that no XML library takes part:
attributes in alphabetical order, no empty-element tags, no blanks between elements.
"""

import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

STARTED_AGO = timedelta(minutes=5)  # clocks differ
LASTS = timedelta(minutes=10)

PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.+?)-----END", re.DOTALL)
DS = ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"

TEXT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
VALUE_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"})


def read_key(pem: str) -> RSAPrivateKey:
    """Return the RSA key of a PEM text, which may hold a certificate as well. Raises ValueError, saying why not.

    What BEGIN calls the key is not looked at: SAP names keys that are not encrypted "ENCRYPTED PRIVATE KEY".
    """
    found = PEM.search(pem)
    if found is None:
        raise ValueError("it holds no private key in PEM form")
    try:
        key = load_der_private_key(b64decode(found[1]), password=None)
    except TypeError:
        raise ValueError("it is encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it is damaged, or of an unknown kind") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("it is not an RSA key")
    return key


def bearer_assertion(
    key: RSAPrivateKey,
    *,
    issuer: str,
    subject: str,
    recipient: str,
    audience: str,
    attributes: Mapping[str, str],
    now: datetime,
) -> str:
    """Return the signed assertion that its bearer is `subject`, in base64, valid for ten minutes."""
    assertion_id = f"_{secrets.token_hex(16)}"
    head = (
        '<saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion"'
        f' ID="{assertion_id}" IssueInstant="{_instant(now)}" Version="2.0">'
        f"<saml2:Issuer>{_text(issuer)}</saml2:Issuer>"
    )
    stated = "".join(
        f'<saml2:Attribute Name="{_value(name)}">'
        f"<saml2:AttributeValue>{_text(value)}</saml2:AttributeValue></saml2:Attribute>"
        for name, value in attributes.items()
    )
    ends_at = _instant(now + LASTS)
    body = (
        f"<saml2:Subject><saml2:NameID>{_text(subject)}</saml2:NameID>"
        '<saml2:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<saml2:SubjectConfirmationData NotOnOrAfter="{ends_at}" Recipient="{_value(recipient)}">'
        "</saml2:SubjectConfirmationData></saml2:SubjectConfirmation></saml2:Subject>"
        f'<saml2:Conditions NotBefore="{_instant(now - STARTED_AGO)}" NotOnOrAfter="{ends_at}">'
        f"<saml2:AudienceRestriction><saml2:Audience>{_text(audience)}</saml2:Audience></saml2:AudienceRestriction>"
        f"</saml2:Conditions><saml2:AttributeStatement>{stated}</saml2:AttributeStatement></saml2:Assertion>"
    )
    return b64encode((head + _signature(key, assertion_id, head + body) + body).encode()).decode()


def _signature(key: RSAPrivateKey, assertion_id: str, unsigned: str) -> str:
    """Return the enveloped signature: https://www.w3.org/TR/xmldsig-core1/"""
    digest = b64encode(sha256(unsigned.encode()).digest()).decode()
    signed_info = (
        f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
        '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>'
        f'<ds:Reference URI="#{assertion_id}"><ds:Transforms>'
        '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>'
        f'<ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms>'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    # Canonical on its own, the part names its namespace; inside the signature it has it from there.
    value = key.sign(f"<ds:SignedInfo{DS}>{signed_info}".encode(), PKCS1v15(), SHA256())
    return (
        f"<ds:Signature{DS}><ds:SignedInfo>{signed_info}"
        f"<ds:SignatureValue>{b64encode(value).decode()}</ds:SignatureValue></ds:Signature>"
    )


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _text(value: str) -> str:
    return value.translate(TEXT_ESCAPES)


def _value(value: str) -> str:
    return value.translate(VALUE_ESCAPES)
