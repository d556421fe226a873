"""The running program against its own description: /openapi.json is valid OpenAPI 3.1, every path answers as it says, with
every parameter, and so do errors and the examples of docs/api.md. Arguments: address, docs/api.md. Prints the number of
answers that were compared.
"""

import http.client
import json
import re
import sys
from urllib.parse import quote

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

BEFORE_REQUEST = "http://127.0.0.1:9464"


def closed(schema):
    """Returns the schemas with no other properties than those described."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    return schema


class Description:
    """The description at an address, and the answers there."""

    def __init__(self, address):
        self.address, self.compared = address, 0
        status, headers, body = self.ask("/openapi.json")
        assert status == 200, status
        self.document = json.loads(body)
        OpenAPIV31SpecValidator(self.document).validate()
        self.schemas = closed(self.document["components"]["schemas"])
        assert self.ask("/openapi.json", {"If-None-Match": headers["etag"]})[0] == 304

    def ask(self, path, headers=None, method="GET", body=None):
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection(self.address, timeout=20)
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        result = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return result

    def operation(self, address):
        """Operation of an address: the path of most literal parts."""
        path = address.split("?")[0]
        fits = [
            (len(re.sub(r"\{\w+\}", "", template)), template)
            for template in self.document["paths"]
            if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)
        ]
        return self.document["paths"][max(fits)[1]]["get"]

    def resolved(self, value):
        """Object behind a reference."""
        while "$ref" in value:
            found = self.document
            for name in value["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            value = found
        return value

    def validate(self, address, schema, answer):
        """Fails unless an answer has the schema."""
        whole = {"components": {"schemas": self.schemas}, "allOf": [closed(schema)]}
        faults = [f"{fault.json_path}: {fault.message}" for fault in Draft202012Validator(whole).iter_errors(answer)]
        assert not faults, (address, faults[:5])
        self.compared += 1

    def compare(self, address, wanted, **request):
        """Fails unless an answer has this status, and is as described; returns it."""
        status, headers, body = self.ask(address, **request)
        assert status == wanted, (address, status, body[:200])
        response = self.resolved(self.operation(address)["responses"][str(status)])
        for name in response.get("headers", {}):
            assert name.lower() in headers or name == "Retry-After", (address, name, headers)
        if status == 304:
            assert not body
            self.compared += 1
            return None
        contents = response["content"]
        media_type = headers["content-type"]
        assert media_type in contents, (address, media_type, list(contents))
        if media_type != "application/json":
            self.compared += 1
            return None
        answer = json.loads(body)
        self.validate(address, contents[media_type]["schema"], answer)
        return answer


def addresses(description, template, operation):
    """Addresses of a path, with every choice of its parameters."""
    answers = {path: json.loads(description.ask(path)[2]) for path in ("/api/v1/targets", "/api/v1/cuts")}
    names = [target["name"] for target in answers["/api/v1/targets"]["targets"]]
    ids = [cut["id"] for cut in answers["/api/v1/cuts"]["cuts"]][:5] + ["newest", "yesterday"]
    assert names and len(ids) > 3, (names, ids)
    found = [template]
    for name, values in {"name": names, "id": ids, "period": ["day", "week", "month"]}.items():
        values = ["current"] if name == "id" and "{period}" in template else values
        filled = [one.replace("{%s}" % name, quote(value, safe="")) for one in found for value in values]
        found = filled if "{%s}" % name in template else found
    queries = [""]
    for parameter in operation["parameters"]:
        parameter = description.resolved(parameter)
        if parameter["in"] == "query":
            schema = parameter["schema"]
            values = schema.get("enum", [schema.get("minimum", 0), 1_000])
            queries += [f"?{parameter['name']}={value}" for value in values if value != "previous"]
    return [one + query for one in found for query in queries]


def check_answers(description):
    """Compares every path with every choice of its parameters."""
    for template, path in description.document["paths"].items():
        for address in addresses(description, template, path["get"]):
            description.compare(address, 200)
            if "304" in path["get"]["responses"]:
                description.compare(address, 304, headers={"If-None-Match": "*"})


def check_errors(description):
    """Compares errors of the API, and those of what answers in text."""
    for address, status in {
        "/api/v1/targets/none": 404,
        "/api/v1/targets/none/curve": 404,
        "/api/v1/targets/none/history.csv": 404,
        "/api/v1/cuts/none": 404,
        "/api/v1/cuts/none.xlsx": 404,
        "/api/v1/periods/year/2020": 404,
        "/api/v1/periods/day/none": 400,
        "/api/v1/cuts?limit=0": 400,
        "/api/v1/now?limit=1": 400,
        "/api/v1/events?limit=x": 400,
    }.items():
        description.compare(address, status)
    for address in ("/api/v1/now", "/api/v1/status", "/openapi.json", "/livez"):
        description.compare(address, 405, method="POST")
        description.compare(address, 413, body=b"x")
        description.compare(address, 421, headers={"Host": "elsewhere.example"})
        description.compare(address, 431, headers={"X": "x" * 20_000})
        description.compare(f"{address}?{'x' * 20_000}", 414)


def check_examples(description, page):
    """Validates the examples of docs/api.md."""
    examples = re.findall(r"^    curl -s '?([^\s']+)'?\n.*?```json\n(.*?)```", page, re.M | re.S)
    assert len(examples) > 8, len(examples)
    for address, text in examples:
        address, answer = address.removeprefix(BEFORE_REQUEST), json.loads(text)
        status = "404" if "error" in answer else "200"
        response = description.resolved(description.operation(address)["responses"][status])
        description.validate(address, response["content"]["application/json"]["schema"], answer)


def main():
    """Checks everything."""
    address, page = sys.argv[1:]
    description = Description(address)
    check_answers(description)
    check_errors(description)
    with open(page, encoding="utf-8") as file:
        check_examples(description, file.read())
    print(description.compared)


main()
