"""Clients and hosts that others wrote do the whole job with a scripted model, as far as they are installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.node_tools import find_node
from hosts.catalogue import ALL, E2E, NODE, Client
from hosts.run import run_free
from hosts.table import version_of

pytestmark = [pytest.mark.node, pytest.mark.timeout(300)]
TOOLS = 8


def missing(client: Client) -> str:
    """Why it cannot be run here; empty where it can."""
    if client.environment in (NODE, E2E) and find_node() is None:
        return "no Node.js: run tests/e2e/install_node.sh"
    if not version_of(client):
        return f"{client.distribution} is not installed: run tests/hosts/install.sh"
    return client.not_run


@pytest.mark.parametrize("client", ALL, ids=lambda one: one.name.replace(", ", "-").replace(" ", "-"))
def test_a_track_is_lengthened_followed_listed_and_read(client: Client, tmp_path: Path) -> None:
    if reason := missing(client):
        pytest.skip(reason)
    verdict = run_free(client, tmp_path, {})
    assert verdict.complete, f"{verdict}\n{(tmp_path / 'client.log').read_text(errors='replace')[-4000:]}"
    assert verdict.tools == TOOLS


def test_a_client_that_breaks_on_what_it_is_sent_does_not_pass(tmp_path: Path) -> None:
    """LangChain's messages for OpenAI refuse resource links, which is why a client of this name gets none."""
    client = next(one for one in ALL if one.name == "LangGraph, OpenAI chat")
    if reason := missing(client):
        pytest.skip(reason)
    verdict = run_free(client, tmp_path, {"FERMATA_RESULT_LINKS": "always"})
    assert verdict.extend == "ok"
    assert not verdict.complete
