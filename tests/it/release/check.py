"""Compares a list of parts with the schema of CycloneDX 1.6, and its references with each other."""

import json
import sys
from pathlib import Path

import cyclonedx.schema._res as resources
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

directory = Path(resources.__file__).parent


def schema(uri):
    """The schemas name each other by their files."""
    return Resource.from_contents(json.loads((directory / uri.rsplit("/", 1)[-1]).read_text()), default_specification=DRAFT7)


registry = Registry(retrieve=schema)
validator = Draft7Validator(schema("bom-1.6.SNAPSHOT.schema.json").contents, registry=registry)
bom = json.loads(Path(sys.argv[1]).read_text())
faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(bom)]

known = {component["bom-ref"] for component in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
for entry in bom["dependencies"]:
    faults += [f"{reference} is no component" for reference in [entry["ref"], *entry["dependsOn"]] if reference not in known]
if len(known) != len(bom["components"]) + 1:
    faults.append("a reference stands twice")
if faults:
    sys.exit("\n".join(faults[:20]))
