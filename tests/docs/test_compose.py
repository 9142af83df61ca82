"""The deployment: a Compose file that fits its schema, the command line and the settings, and holds no secret."""

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema
import yaml

from atlas.settings import Settings
from tests.docs.commands import complaint, lines
from tests.docs.reading import ROOT, page

TEXT = page("docker-compose.yml")
COMPOSE: Mapping[str, Any] = yaml.safe_load(TEXT)
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_it_fits_the_schema():
    schema = json.loads(page("tests/docs/compose_schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(COMPOSE, schema, cls=jsonschema.Draft202012Validator)


def test_it_is_a_deployment_of_its_parts():
    assert set(SERVICES) == {"postgres", "valkey", "migrate", "api", "worker", "cli"}
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert SERVICES["valkey"]["image"].startswith("valkey/valkey:")
    assert set(OURS) == {"migrate", "api", "worker", "cli"}


def test_every_command_is_understood():
    for name, service in OURS.items():
        shown = lines(" ".join(service["command"]))
        assert shown, name
        assert [told for line in shown if (told := complaint(line))] == [], name


def test_every_variable_is_a_setting():
    known = {f"ATLAS_{name.upper()}" for name in Settings.model_fields}
    for name, service in OURS.items():
        assert set(service["environment"]) <= known, name


def test_each_process_has_the_role_that_it_needs_and_no_other():
    roles = {name: set(re.findall(r"//(\w+):", " ".join(s["environment"].values()))) for name, s in OURS.items()}
    assert roles["api"] == {"atlas_api"}
    assert roles["worker"] == {"atlas_worker", "atlas_sweeper"}
    assert roles["cli"] == {"atlas_api", "atlas_worker", "atlas_sweeper", "atlas_owner"}
    assert roles["migrate"] == {"postgres", "atlas_owner", "atlas_api", "atlas_worker", "atlas_sweeper"}


def test_the_api_is_not_given_the_secret_key():
    assert not [name for name in SERVICES["api"]["environment"] if "SECRET" in name]
    assert "secrets" not in SERVICES["api"]
    assert "secrets" in SERVICES["cli"]


def test_what_stays_has_a_health_check_and_whoever_waits_waits_for_it():
    for name in ("postgres", "valkey", "api", "worker"):
        assert "healthcheck" in SERVICES[name], name
        assert SERVICES[name]["restart"] == "unless-stopped", name
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            healthy = wait["condition"] == "service_healthy"
            assert ("healthcheck" in SERVICES[other]) if healthy else (SERVICES[other]["restart"] == "no"), name
    assert SERVICES["api"]["depends_on"].keys() == SERVICES["worker"]["depends_on"].keys() == {"migrate", "valkey"}


def test_no_secret_has_a_default():
    given = re.findall(r"\$\{(\w*(?:PASSWORD|TOKEN)\w*)(:?[-?+][^}]*)?\}", TEXT)
    assert given
    for name, rest in given:
        assert rest.startswith(":?") or rest == ":-", name
    first = dict(reversed(given))
    assert all("set it" in rest for name, rest in first.items() if name.endswith("PASSWORD"))
    # A URL's password is always a variable.
    assert all(word.startswith("${") for word in re.findall(r"://\w*:([^@\s]+)@", TEXT))


def test_the_processes_of_atlas_can_write_nowhere_and_do_little():
    for name, service in OURS.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_nothing_but_the_api_is_published_and_that_on_this_host_alone():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["api"]["ports"])
    # The worker reads Microsoft Graph, and the command line tries its connections.
    outside = [name for name, service in SERVICES.items() if service["networks"] != ["inside"]]
    assert outside == ["api", "worker", "cli"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_data_is_in_named_volumes():
    for name in ("postgres", "valkey"):
        (volume,) = SERVICES[name]["volumes"]
        assert volume.partition(":")[0] in COMPOSE["volumes"], name


def test_the_image_is_made_of_what_is_there_and_runs_as_nobody_special():
    lines_ = page("Dockerfile").splitlines()
    copied = [
        word for line in lines_ if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert copied
    assert [word for word in copied if not (ROOT / word).exists()] == []
    kept = {line[1:] for line in page(".dockerignore").splitlines() if line.startswith("!")}
    assert {word.partition("/")[0] for word in copied} <= kept
    assert "USER 10001:10001" in lines_
    (command,) = [json.loads(line.removeprefix("CMD ")) for line in lines_ if line.startswith("CMD ")]
    assert complaint(command) is None
