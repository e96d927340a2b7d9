"""What callers may ask to be passed on (wire contract, section 5)."""

import base64
import gzip
import json
import re
import zlib
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

METHODS = ("GET", "OPTIONS", "HEAD", "POST", "PUT", "PATCH", "DELETE")
FORMATS = ("JSON", "XML", "MULTIPART")
ENCODINGS = ("RAW", "BASE64", "GZIP_BASE64")
MAX_UNPACKED_BYTES = 50 * 1024 * 1024  # of all parts together
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/?[/\\]{2}")


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "object"}, {"type": "array", "items": {}}]})
class DataField(serializers.JSONField):
    """A body as it is; what is no text is written as JSON."""

    def to_internal_value(self, data: Any) -> Any:
        return data if isinstance(data, str) else json.dumps(super().to_internal_value(data))


class PartSerializer(serializers.Serializer[Any]):
    """One part of a multipart body."""

    name = serializers.CharField()
    data = serializers.CharField(  # type: ignore[assignment]
        allow_blank=True, trim_whitespace=False
    )
    encoding = serializers.ChoiceField(choices=ENCODINGS, required=False, allow_null=True)
    file_name = serializers.CharField(required=False, allow_null=True)
    content_type = serializers.CharField(required=False, allow_null=True)


class PassthroughRequestSerializer(serializers.Serializer[Any]):
    """A request to the platform's own API. Authentication is added; redirects are not followed."""

    method = serializers.ChoiceField(choices=METHODS)
    path = serializers.CharField(max_length=10_000, help_text="Below the account's base URL; may hold a query.")
    base_url_override = serializers.CharField(
        required=False, allow_null=True, help_text="In place of the account's base URL: a host of the platform's only."
    )
    data = DataField(required=False, allow_null=True)  # type: ignore[assignment]
    request_format = serializers.ChoiceField(choices=FORMATS, required=False, allow_null=True)
    # With `many=True`, null would be a part as well.
    multipart_form_data = serializers.ListField(child=PartSerializer(), required=False, allow_null=True)
    headers = serializers.DictField(required=False, allow_null=True)
    normalize_response = serializers.BooleanField(required=False, default=False, allow_null=True)

    def validate_path(self, value: str) -> str:
        if _ABSOLUTE.match(value):
            raise serializers.ValidationError("This has to be a path, not an address.")
        if any(ord(character) < 33 or character == "\\" for character in value):
            raise serializers.ValidationError("Blanks, backslashes and control characters have to be encoded.")
        path = value.partition("?")[0].partition("#")[0]
        if ".." in path.lower().replace("%2e", ".").split("/"):
            raise serializers.ValidationError("A path has no '..'.")
        return value if value.startswith("/") else f"/{value}"

    def validate_headers(self, value: dict[str, Any] | None) -> dict[str, str]:
        headers = {}
        for name, content in (value or {}).items():
            text = (content if isinstance(content, str) else json.dumps(content)).strip()
            is_printable = text.isprintable() and text.isascii()
            if not _HEADER_NAME.fullmatch(name) or not is_printable:
                raise serializers.ValidationError(f"{name!r} cannot be sent as a header.")
            headers[name] = text
        return headers

    def validate_multipart_form_data(self, value: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
        left = MAX_UNPACKED_BYTES
        for position, part in enumerate(value or ()):
            try:
                left -= len(decode_part(part, max_bytes=left))
                if left < 0:
                    raise ValueError("too long, all parts together")
            except (ValueError, OSError, zlib.error) as error:
                detail = f"It is not {part.get('encoding')}, or all parts come to more than {MAX_UNPACKED_BYTES} bytes."
                raise serializers.ValidationError({str(position): {"data": [detail]}}) from error
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("data") is not None and not attrs.get("request_format"):
            raise serializers.ValidationError({"request_format": ["Required with data."]})
        if attrs.get("multipart_form_data") and attrs.get("request_format") != "MULTIPART":
            raise serializers.ValidationError({"request_format": ["multipart_form_data needs MULTIPART."]})
        return attrs


class RemoteResponseSerializer(serializers.Serializer[Any]):
    """What the platform said, whatever it said."""

    method = serializers.CharField()
    path = serializers.CharField()
    status = serializers.IntegerField()
    response = serializers.JSONField(
        allow_null=True, help_text="JSON as it is, other text as a string, null where there is none."
    )
    response_headers = serializers.DictField(child=serializers.CharField())
    response_type = serializers.ChoiceField(
        choices=("JSON", "BASE64_GZIP"), help_text="BASE64_GZIP where the answer is no text."
    )
    headers = serializers.DictField(child=serializers.CharField(), help_text="As sent, without credentials.")


class ReceiptSerializer(serializers.Serializer[Any]):
    async_passthrough_receipt_id = serializers.UUIDField()


def decode_part(part: dict[str, Any], *, max_bytes: int = MAX_UNPACKED_BYTES) -> bytes:
    """Return the bytes of a part. Raises ValueError, OSError or zlib.error if it is not encoded as it says, or longer.

    What is not packed cannot be longer than the request.
    """
    text: str = part["data"]
    match part.get("encoding"):
        case "BASE64":
            return base64.b64decode(text, validate=True)
        case "GZIP_BASE64":
            packed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            content = packed.decompress(base64.b64decode(text, validate=True), max_bytes + 1)
            if len(content) > max_bytes or not packed.eof:
                raise ValueError("too long, or cut off")
            return content
    return text.encode()


def pack(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content)).decode()
