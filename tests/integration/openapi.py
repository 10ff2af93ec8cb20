"""GET /openapi.json as tests use it: is the document sound, which operation is a request, and do a
reply's status, code and body keep what the operation says? Knows the part of JSON Schema that the
gateway writes, and refuses every keyword beyond it. The same for posts to webhooks."""

import json
import re

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I),
    "uri": re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.I),
}
BOUNDS = {  # keyword: (what is measured, is it kept)
    "minimum": (lambda v: v, lambda n, limit: n >= limit),
    "maximum": (lambda v: v, lambda n, limit: n <= limit),
    "minLength": (len, lambda n, limit: n >= limit),
    "maxLength": (len, lambda n, limit: n <= limit),
    "minItems": (len, lambda n, limit: n >= limit),
    "maxItems": (len, lambda n, limit: n <= limit),
}
BOUND_TYPES = {"imum": (int, float), "Length": str, "Items": list}
KEYWORDS = {"$ref", "type", "format", "enum", "properties", "required", "items", "allOf", "anyOf",
            "additionalProperties", "description", "default", *BOUNDS}


def _no_duplicates(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a name stands twice among {sorted(names)}"
    return dict(pairs)


def is_type(value, name):
    if name in ("integer", "number"):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and (name == "number" or value == int(value))
    return isinstance(value, TYPES[name])


def listed(value):
    return value if isinstance(value, list) else [value]


class Document:
    def __init__(self, text):
        self.root = json.loads(text, object_pairs_hook=_no_duplicates)
        self.operations = {}  # (METHOD, path template): operation
        for path, item in self.root["paths"].items():
            for method, operation in item.items():
                self.operations[method.upper(), path] = operation

    # ---- references ----

    def resolve(self, node):
        """node itself, or what its $ref leads to, with the node's own other members."""
        if not isinstance(node, dict) or "$ref" not in node:
            return node
        target = self.root
        assert node["$ref"].startswith("#/"), node["$ref"]
        for name in node["$ref"][2:].split("/"):
            assert name in target, f"{node['$ref']} leads nowhere"
            target = target[name]
        return {**self.resolve(target), **{k: v for k, v in node.items() if k != "$ref"}}

    def parameters(self, operation):
        return [self.resolve(p) for p in operation["parameters"]]

    def codes(self, operation, status):
        """Words of the errors of that status."""
        response = operation["responses"].get(str(status), {"description": ""})
        return set(re.findall(r"`(\w+)`", response["description"]))

    # ---- values ----

    def problems(self, value, schema, at="$"):
        """What is wrong with a value, strictly: members that no schema names are wrong as well."""
        found = list(self._problems(value, schema, at))
        return found + list(self._strangers(value, schema, at))

    def _problems(self, value, schema, at):
        schema = self.resolve(schema)
        unknown = schema.keys() - KEYWORDS
        assert not unknown, f"{at}: keywords {unknown} are new here"
        if "type" in schema and not any(is_type(value, t) for t in listed(schema["type"])):
            yield f"{at}: {value!r} is not of type {schema['type']}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r} is none of {schema['enum']}"
        if isinstance(value, str) and "format" in schema:
            if not FORMATS[schema["format"]].fullmatch(value):
                yield f"{at}: {value!r} is no {schema['format']}"
        for keyword in schema.keys() & BOUNDS.keys():
            measure, is_kept = BOUNDS[keyword]
            kind = next(k for end, k in BOUND_TYPES.items() if keyword.endswith(end))
            if isinstance(value, kind) and not is_kept(measure(value), schema[keyword]):
                yield f"{at}: {value!r} breaks {keyword} {schema[keyword]}"
        yield from self._problems_inside(value, schema, at)

    def _problems_inside(self, value, schema, at):
        for part in schema.get("allOf", []):
            yield from self._problems(value, part, at)
        if "anyOf" in schema:
            tries = [list(self._problems(value, part, at)) for part in schema["anyOf"]]
            if all(tries):
                yield from min(tries, key=len)
        if isinstance(value, dict):
            for name in schema.get("required", []):
                if name not in value:
                    yield f"{at}: {name} is missing"
            for name, member in schema.get("properties", {}).items():
                if name in value:
                    yield from self._problems(value[name], member, f"{at}.{name}")
        if isinstance(value, list) and "items" in schema:
            for i, element in enumerate(value):
                yield from self._problems(element, schema["items"], f"{at}[{i}]")

    def _parts(self, schema):
        """The schema and everything it is put together from."""
        schema = self.resolve(schema)
        yield schema
        for part in schema.get("allOf", []) + schema.get("anyOf", []):
            yield from self._parts(part)

    def _strangers(self, value, schema, at):
        parts = list(self._parts(schema))
        is_open = any(part.get("additionalProperties") is True for part in parts)
        if isinstance(value, dict):
            members = {}
            for part in parts:
                for name, member in part.get("properties", {}).items():
                    members.setdefault(name, []).append(member)
            for name in value if members else ():
                if name not in members and not is_open:
                    yield f"{at}: {name} is not documented"
                for member in members.get(name, []):
                    yield from self._strangers(value[name], member, f"{at}.{name}")
        if isinstance(value, list):
            for part in parts:
                for i, element in enumerate(value if "items" in part else []):
                    yield from self._strangers(element, part["items"], f"{at}[{i}]")

    # ---- requests and replies ----

    def find(self, method, target):
        """(template, operation) of a request, (None, None) when there is none such."""
        segments = target.partition("?")[0].split("/")
        best = None
        for (known, template), operation in self.operations.items():
            wanted = template.split("/")
            if known != method or len(wanted) != len(segments):
                continue
            if all(w == s or (w.startswith("{") and s) for w, s in zip(wanted, segments)):
                rank = tuple(w.startswith("{") for w in wanted)  # literals win
                if best is None or rank < best[0]:
                    best = rank, template, operation
        return best[1:] if best else (None, None)

    def reply_problems(self, method, target, status, content_type, body):
        """What a reply has that its operation does not promise; body is parsed JSON or bytes."""
        template, operation = self.find(method, target)
        # 405 is of the path: a literal one may know less than the template beside it.
        if operation is None or status in (204, 304, 405):
            return []
        where = f"{method} {template} {status}"
        response = self.resolve(operation["responses"].get(str(status)))
        if response is None:
            return [f"{where} is not documented ({body!r:.300})"]
        media = content_type.partition(";")[0]
        if media not in response["content"]:
            return [f"{where}: {media} is not documented"]
        found = self.problems(body, response["content"][media].get("schema", {}), where)
        if status >= 400 and body["code"] not in self.codes(operation, status):
            found.append(f"{where}: code {body['code']} is not documented")
        return found

    # ---- posts to companies ----

    @staticmethod
    def posted_schema(operation):
        return operation["requestBody"]["content"]["application/json"]["schema"]

    def post_problems(self, headers, body):
        """What a post to a company's webhook has that its entry of `webhooks` does not promise."""
        where = f"standard/{body.get('type')}"
        if "EventType" in body:
            where = f"uazapi/{body['EventType']}"
        elif "event" in body:
            where = f"growhub/{body['event']}"
        if where not in self.root["webhooks"]:
            return [f"{where} is not documented"]
        operation = self.root["webhooks"][where]["post"]
        found = self.problems(body, self.posted_schema(operation), where)
        for parameter in self.parameters(operation):
            text = headers.get(parameter["name"].lower())
            if text is None:
                found.append(f"{where}: no header {parameter['name']}")
            else:
                value = int(text) if parameter["schema"]["type"] == "integer" else text
                found += self.problems(value, parameter["schema"], f"{where} {parameter['name']}")
        return found

    # ---- is the document sound? ----

    def check(self):
        """Raises for what OpenAPI 3.1 or JSON Schema forbids."""
        assert self.root["openapi"].startswith("3.1.")
        assert self.root["info"]["title"] and self.root["info"]["version"]
        assert "servers" not in self.root, "paths are full paths"
        assert self.root.keys() <= {"openapi", "info", "tags", "paths", "components", "security",
                                    "webhooks"}
        shapes = [re.sub(r"\{\w+\}", "{}", path) for path in self.root["paths"]]
        assert len(shapes) == len(set(shapes)), "two templates are the same path"
        ids = [operation["operationId"] for operation in self.operations.values()]
        assert sorted(ids) == sorted(set(ids)), "an operationId stands twice"
        for (method, path), operation in self.operations.items():
            assert method.lower() in METHODS and path.startswith("/")
            self._check_operation(f"{method} {path}", path, operation)
        for name, item in self.root["webhooks"].items():
            assert item.keys() == {"post"}, name
            self._check_webhook(name, item["post"])
        for kind, components in self.root["components"].items():
            for name, component in components.items():
                assert re.fullmatch(r"[\w.-]+", name), name
                if kind == "schemas":
                    self._check_schema(component, name)
        self._check_every_component_is_used()

    def _check_operation(self, where, path, operation):
        assert operation.keys() <= {"operationId", "tags", "summary", "description", "security",
                                    "parameters", "requestBody", "responses", "x-token-kind"}, where
        assert re.fullmatch(r"[a-z][A-Za-z0-9]+", operation["operationId"]), where
        assert operation["summary"] and not operation["summary"].endswith("."), where
        tags = {tag["name"] for tag in self.root["tags"]}
        assert operation["tags"] and set(operation["tags"]) <= tags, where
        for requirement in operation["security"]:
            assert requirement.keys() <= self.root["components"]["securitySchemes"].keys(), where
        self._check_parameters(where, path, operation)
        for media, content in operation.get("requestBody", {"content": {}})["content"].items():
            assert media == "*/*" or "schema" in content, where
            if "schema" in content:
                self._check_schema(content["schema"], where)
            if "example" in content:
                assert self.problems(content["example"], content["schema"]) == [], where
        assert any(status < "300" for status in operation["responses"]), where
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[2-5]\d\d", status), where
            response = self.resolve(response)
            assert response["description"], where
            assert response.keys() <= {"description", "headers", "content"}, where
            for header in response.get("headers", {}).values():
                self._check_schema(self.resolve(header)["schema"], where)
            for content in response["content"].values():
                self._check_schema(content.get("schema", {}), where)

    def _check_webhook(self, where, operation):
        assert operation.keys() == {"summary", "parameters", "requestBody", "responses"}, where
        self._check_parameters(where, "", operation)
        assert operation["requestBody"]["content"].keys() == {"application/json"}, where
        self._check_schema(self.posted_schema(operation), where)
        for response in operation["responses"].values():
            assert response["description"], where

    def _check_parameters(self, where, path, operation):
        parameters = self.parameters(operation)
        names = [(p["in"], p["name"]) for p in parameters]
        assert len(names) == len(set(names)), where
        assert {n for at, n in names if at == "path"} == set(re.findall(r"\{(\w+)\}", path)), where
        for parameter in parameters:
            assert parameter["in"] in ("path", "query", "header"), where
            assert parameter["required"] or parameter["in"] != "path", where
            self._check_schema(parameter["schema"], where)

    def _check_schema(self, schema, where):
        assert isinstance(schema, dict), where
        unknown = schema.keys() - KEYWORDS
        assert not unknown, f"{where}: keywords {unknown}"
        self.resolve(schema)
        for name in listed(schema.get("type", [])):
            assert name in TYPES or name in ("integer", "number"), f"{where}: type {name}"
        assert "format" not in schema or schema["format"] in FORMATS, where
        if "enum" in schema:
            assert schema["enum"] and len(schema["enum"]) == len(set(schema["enum"])), where
        assert set(schema.get("required", [])) <= schema.get("properties", {}).keys(), where
        for least in ("minimum", "minLength", "minItems"):
            most = least.replace("min", "max")
            assert schema.get(least, 0) <= schema.get(most, schema.get(least, 0)), where
        inner = schema.get("allOf", []) + schema.get("anyOf", [])
        inner += list(schema.get("properties", {}).values())
        inner += [schema[name] for name in ("items", "additionalProperties")
                  if isinstance(schema.get(name), dict)]
        for part in inner:
            self._check_schema(part, where)

    def _check_every_component_is_used(self):
        text = json.dumps(self.root)
        for kind in ("schemas", "responses", "headers"):
            for name in self.root["components"][kind]:
                assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name} is unused"
