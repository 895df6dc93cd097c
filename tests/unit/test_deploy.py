"""What is shipped for operators names commands, settings, ports and paths that there are."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from fermata_mcp.cli.arguments import make_parser
from fermata_mcp.config import Settings, variable_name
from fermata_mcp.providers.registry import declared_accounts
from fermata_mcp.transports.web.operators import operator_routes
from support.places import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
PORT = 8321
KNOWN = {variable_name(name) for name in Settings.model_fields} | {
    variable.name for account in declared_accounts() for variable in account.variables()
}
# Taken out of a service, it needs no right at all.
HARDENED = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "CapabilityBoundingSet": ""}


def unit(path: Path) -> dict[str, list[str]]:
    """The directives of its [Service], each with all its values."""
    text = path.read_text()
    section = text.partition("[Service]")[2].partition("[Install]")[0]
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def objects(path: Path) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", one) for one in yaml.safe_load_all(path.read_text())]


def of_kind(kind: str) -> Iterator[dict[str, Any]]:
    yield from (one for path in MANIFESTS for one in objects(path) if one["kind"] == kind)


def containers() -> Iterator[dict[str, Any]]:
    for one in of_kind("Deployment"):
        yield from one["spec"]["template"]["spec"]["containers"]


def services() -> dict[str, Any]:
    """What `compose.yaml` starts."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


def test_compose_starts_commands_that_there_are_with_settings_that_there_are() -> None:
    for name in ("server", "worker"):
        one = services()[name]
        check_command(["fermata-mcp", *one["command"]])
        assert one["environment"].keys() - KNOWN <= {"AWS_ENDPOINT_URL", "AWS_REGION"}
        assert one["deploy"]["replicas"] == 2
    assert services()["server"]["environment"]["FERMATA_RENDERS_AT_ONCE"] == "0"
    told = re.findall(r"^([A-Z_]+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE)
    assert {name for name in told if name.startswith("FERMATA_")} <= KNOWN
    asked = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "compose.yaml").read_text()))
    assert asked <= set(told)


def check_command(words: list[str]) -> None:
    """It is one of ours, with arguments that it takes."""
    assert Path(words[0]).name == "fermata-mcp"
    args = make_parser().parse_args(words[1:])
    assert args.command in ("serve", "work")
    if args.command == "serve":
        assert (args.transport, args.port) == ("http", PORT)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_what_there_is(path: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(path.read_text())
    assert set(parser.sections()) == {"Unit", "Service", "Install"}
    told = unit(path)
    [command] = told["ExecStart"]
    check_command(command.split())
    assert {value.partition("=")[0] for value in told["Environment"]} <= KNOWN
    assert {name: told[name] for name in HARDENED} == {name: [value] for name, value in HARDENED.items()}


def test_there_are_two_servers_and_two_workers() -> None:
    assert {one["metadata"]["name"]: one["spec"]["replicas"] for one in of_kind("Deployment")} == {
        "fermata": 2,
        "fermata-work": 2,
    }
    for container in containers():
        check_command(container["command"])
        assert {name["name"] for name in container.get("env", ())} <= KNOWN
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_settings_of_the_manifests_are_known() -> None:
    [told] = of_kind("ConfigMap")
    assert set(told["data"]) - {"FERMATA_OUTPUT_URL"} <= KNOWN
    secret = re.findall(r"\b(FERMATA_\w+)\b", MANIFESTS[0].read_text().partition("apiVersion")[0])
    assert set(secret) <= KNOWN


def test_probes_ask_for_what_is_served() -> None:
    served = {route.path for route in operator_routes(None, lambda route: route)} | {"/readyz"}
    [serve] = [one for one in containers() if one["name"] == "serve"]
    ports = {one["name"]: one["containerPort"] for one in serve["ports"]}
    assert ports == {"http": PORT}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = serve[probe]["httpGet"]
        assert (asked["path"] in served, asked["port"]) == (True, "http")
    assert serve["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert serve["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_names_lead_to_one_another() -> None:
    labels = {one["spec"]["template"]["metadata"]["labels"]["app"] for one in of_kind("Deployment")}
    [service] = of_kind("Service")
    assert service["spec"]["selector"]["app"] in labels
    for one in of_kind("Deployment"):
        pod = one["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert all(mount["name"] in volumes for box in pod["containers"] for mount in box["volumeMounts"])
        assert one["spec"]["selector"]["matchLabels"] == one["spec"]["template"]["metadata"]["labels"]
