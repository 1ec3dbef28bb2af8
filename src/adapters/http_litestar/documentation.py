"""The API document, generated from the controllers, and a page to read it that works offline."""

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec
from litestar import Litestar, MediaType, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Schema
from litestar.params import PathParameter
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from adapters.http_litestar.operations import operation
from adapters.http_litestar.query import Query
from adapters.http_litestar.refusals import refusals_of
from adapters.http_litestar.wire.fields import Shaped

DOCUMENT: Final = "/openapi.json"
PAGE: Final = "/docs"
ASSET: Final = "/docs/{file}"
PAGES: Final = (DOCUMENT, PAGE, ASSET)

_SCHEME: Final = {
    "type": "apiKey",
    "in": "header",
    "name": "x-tidepool-session-token",
    "description": "A session token",
}
_ERROR: Final = {
    "type": "object",
    "properties": {"message": {"type": "string"}},
    "required": ["message"],
}
_ERROR_ABOUT_INVITES: Final = {
    "type": "object",
    "properties": {
        "code": {"type": "integer"},
        "reason": {"type": "string"},
        "message": {"type": "string"},
    },
    "anyOf": [{"required": ["code", "reason"]}, {"required": ["message"]}],
}
_ERRORS: Final = {"Error": _ERROR, "InviteError": _ERROR_ABOUT_INVITES}
_NOTHING: Final = {"application/json": {"schema": {"type": "null"}}}
_MAX_SAFE: Final = 2**53
_SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_HTML: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Clinics API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_SCRIPT: Final = """window.addEventListener("load", () => {
  SwaggerUIBundle({ url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null });
});
"""
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}


class ShapedSchemas(OpenAPISchemaPlugin):
    """Describes texts of a form."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        return isinstance(value, type) and issubclass(value, Shaped)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        return _schema_of(field_definition.annotation)


def _schema_of(shaped: type[Shaped]) -> Schema:
    # A format says what its pattern would, and the page can do more with it.
    return Schema(
        type=OpenAPIType.STRING,
        format=OpenAPIFormat(shaped.format_name) if shaped.format_name else None,
        pattern=None if shaped.format_name else shaped.pattern or None,
        min_length=shaped.min_length,
        max_length=shaped.max_length,
        enum=shaped.values,
    )


def document_of(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document of *app*, with the query parameters of its operations."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    document["components"]["securitySchemes"] = {"sessionToken": _SCHEME}
    document["security"] = [{"sessionToken": []}]
    handlers = [handler for route in app.routes for handler in getattr(route, "route_handlers", ())]
    queries = {handler.operation_id: handler.opt.get("query", ()) for handler in handlers}
    optional = {handler.operation_id for handler in handlers if _has_optional_body(handler)}
    document["components"]["schemas"] |= _ERRORS
    for path, operations in document["paths"].items():
        for described in operations.values():
            id_ = described["operationId"]
            for query in queries.get(id_, ()):
                described.setdefault("parameters", []).extend(_parameters_of(query))
            if id_ in optional:
                described["requestBody"]["required"] = False
            for answer in described["responses"].values():
                if answer.get("content") == _NOTHING:
                    del answer["content"]
            # What Litestar says of errors is not how they look here.
            described["responses"] |= _refusals(path, id_)
    return _tidied(document)  # type: ignore[no-any-return]  # an object stays one


def _refusals(path: str, operation_id: str) -> dict[str, Any]:
    asked = operation(operation_id, path)
    name = "InviteError" if asked.is_confirmation else "Error"
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {
        str(status): {"description": HTTPStatus(status).phrase, "content": content}
        for status in refusals_of(asked)
    }


def _has_optional_body(handler: HTTPRouteHandler) -> bool:
    data = handler.parsed_fn_signature.parameters.get("data")
    return data is not None and data.has_default


def _tidied(value: Any) -> Any:
    """Return a part of the document without what says nothing."""
    if isinstance(value, list):
        return [_tidied(item) for item in value]
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    tidied = {
        name: _tidied(item)
        for name, item in value.items()
        # The largest number of a type is no rule of the API.
        if not (name in ("minimum", "maximum") and abs(item) >= _MAX_SAFE)
        and not (name == "deprecated" and item is False)
    }
    only = tidied.get("oneOf", ())
    if len(only) == 1:
        del tidied["oneOf"]
        tidied = {**only[0], **tidied}
    return tidied


def _parameters_of(query: type[Query]) -> list[dict[str, Any]]:
    return [
        {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            "schema": _parameter_schema(field.type) | _default_of(field),
            **({"style": "form", "explode": False} if _is_list(field.type) else {}),
        }
        for field in msgspec.structs.fields(query)
    ]


def _default_of(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    # An offset of 0, a flag that is off and a text that is not there need no words.
    return {"default": field.default} if field.default and not field.required else {}


def _parameter_schema(annotation: Any) -> dict[str, Any]:
    schema: dict[str, Any] = msgspec.json.schema(annotation, schema_hook=_shaped_schema)
    schema = next((each for each in schema.get("anyOf", ()) if each != {"type": "null"}), schema)
    if "enum" in schema:
        return {"type": "string", "enum": [each for each in schema["enum"] if each is not None]}
    return schema


def _shaped_schema(type_: type) -> dict[str, Any]:
    if ShapedSchemas.is_plugin_supported_type(type_):
        return _schema_of(type_).to_schema()
    raise NotImplementedError(type_)


def _is_list(annotation: Any) -> bool:
    return any(get_origin(each) is list for each in (annotation, *get_args(annotation)))


def pages(document: Callable[[], bytes]) -> list[Any]:
    """Return the handlers of the document and of the page."""

    @get(DOCUMENT, include_in_schema=False, sync_to_thread=False)
    def openapi_json() -> Response[bytes]:
        return Response(document(), media_type=MediaType.JSON)

    @get(PAGE, include_in_schema=False, sync_to_thread=False)
    def page() -> Response[str]:
        return Response(_HTML, media_type=MediaType.HTML, headers=dict(_SECURITY_HEADERS))

    @get("/docs/{file:str}", include_in_schema=False, sync_to_thread=False)
    def asset(file: Annotated[str, PathParameter()]) -> Response[bytes]:
        media_type, content = _asset(file)
        return Response(content, media_type=media_type, headers=dict(_SECURITY_HEADERS))

    return [openapi_json, page, asset]


@cache
def _assets() -> dict[str, bytes]:
    """Return the files that the page needs, and no others."""
    folder = resources.files("swagger_ui") / "static"
    names = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
    files = {name: (folder / name).read_bytes() for name in names}
    return {**files, "start.js": _SCRIPT.encode()}


def _asset(name: str) -> tuple[str, bytes]:
    content = _assets().get(name)
    if content is None:
        raise NotFoundException("Not Found")
    return _TYPES["." + name.rpartition(".")[2]], content
