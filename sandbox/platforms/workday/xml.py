"""Markup as Workday writes it: everything in one namespace, no white space between elements."""

from xml.sax.saxutils import escape, quoteattr

from lxml import etree

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
BSVC = "urn:com.workday/bsvc"
NAMESPACES = {"env": ENVELOPE, "wsse": WSSE, "wd": BSVC}

Element = etree._Element


class Xml(str):
    """Markup. Text is what is not."""

    __slots__ = ()


def tag(name: str, *content: str | None, **attributes: str) -> Xml:
    """Return an element around markup and text. What is None is left out."""
    opening = "".join(f" wd:{key}={quoteattr(value)}" for key, value in attributes.items())
    inside = "".join(one if isinstance(one, Xml) else escape(one) for one in content if one is not None)
    return Xml(f"<wd:{name}{opening}>{inside}</wd:{name}>" if inside else f"<wd:{name}{opening}/>")


def parse(document: bytes) -> Element:
    """Raises ValueError for what is no XML, and for XML with a DOCTYPE."""
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True, remove_blank_text=True
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("DOCTYPE")
    return root


def local(element: Element) -> str:
    return etree.QName(element).localname
