"""Reference: the API's description as it is sent to programs, and drawn for people by the server, without scripts of anybody."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get
from litestar.enums import MediaType

from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.api.description import ApiDescription
from cc_voice.web.rendering.page import page


class ReferenceParameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter, or a field of a body."""

    name: str
    place: str
    type: str
    required: bool
    meaning: str


class ReferenceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A status with what it means and what comes with it."""

    status: str
    meaning: str
    content: str


class ReferenceOperation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation."""

    key: str
    method: str
    path: str
    summary: str
    description: tuple[str, ...]
    parameters: tuple[ReferenceParameter, ...]
    statuses: tuple[ReferenceStatus, ...]


class ReferenceSchema(msgspec.Struct, frozen=True):
    """A shape of JSON."""

    name: str
    description: str
    fields: tuple[ReferenceParameter, ...]


class ReferencePage(msgspec.Struct, frozen=True):
    """All of it."""

    about: tuple[str, ...]
    operations: tuple[ReferenceOperation, ...]
    schemas: tuple[ReferenceSchema, ...]


@get("/openapi.json", summary="Return this description")
async def openapi(request: VisitorRequest) -> Response[dict[str, Any]]:
    """Return the OpenAPI 3.1 document of the API."""
    made: ApiDescription = request.app.state.description
    return Response(made.text, media_type=MediaType.JSON)  # type: ignore[arg-type]


@get("/docs", include_in_schema=False)
async def reference(request: VisitorRequest) -> Response[str]:
    """Show the document."""
    made: ApiDescription = request.app.state.description
    return page(request, "reference.html", title="API", view=drawn(made.document))


def drawn(document: Mapping[str, Any]) -> ReferencePage:
    """Return a document as its page shows it."""
    operations = tuple(
        _operation(path, method, operation) for path, methods in document["paths"].items() for method, operation in methods.items()
    )
    schemas = tuple(_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items()))
    return ReferencePage(_paragraphs(document["info"]["description"]), operations, schemas)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> ReferenceOperation:
    parameters = [
        ReferenceParameter(
            name=each["name"],
            place=each["in"],
            type=type_told(each.get("schema", {})),
            required=each.get("required", False),
            meaning=each.get("description", ""),
        )
        for each in operation.get("parameters", ())
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        parameters.append(ReferenceParameter(name="body", place="body", type=type_told(schema), required=True, meaning="JSON."))
    return ReferenceOperation(
        key=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=_paragraphs(operation["description"]),
        parameters=tuple(parameters),
        statuses=tuple(_status(status, answer) for status, answer in operation["responses"].items()),
    )


def _status(status: str, answer: Mapping[str, Any]) -> ReferenceStatus:
    forms = [
        name if not (told := type_told(content.get("schema", {}))) else f"{name}: {told}"
        for name, content in answer.get("content", {}).items()
    ]
    return ReferenceStatus(status=status, meaning=answer["description"], content=", ".join(forms))


def _schema(name: str, schema: Mapping[str, Any]) -> ReferenceSchema:
    required = set(schema.get("required", ()))
    fields = tuple(
        ReferenceParameter(
            name=field, place="", type=type_told(each), required=field in required, meaning=each.get("description", "")
        )
        for field, each in schema.get("properties", {}).items()
    )
    return ReferenceSchema(name, schema.get("description", ""), fields)


def type_told(schema: Mapping[str, Any]) -> str:
    """Return what a schema allows, in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(type_told(each) for each in schema[word]))
    if "enum" in schema:
        return " | ".join("null" if each is None else str(each) for each in schema["enum"])
    kind = schema.get("type", "")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {type_told(schema.get('items', {})) or 'values'}"
    return f"{kind}, {schema['format']}" if "format" in schema else str(kind)


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.replace("**", "").split("\n\n"))
