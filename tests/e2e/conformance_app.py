"""Our server with the conformance suite's fixtures on it: `python -m e2e.conformance_app` in `tests`.

Everything is the product's own, from the settings to the sockets; only the fixtures are added. The first line on
stdout is its address; it serves until it is stopped by a signal.
"""

from __future__ import annotations

import socket

import anyio

from e2e import conformance_fixtures
from e2e.conformance_tasks import Jobs, mount_tasks
from fermata_mcp.app import read_settings, running_app
from fermata_mcp.surface import server
from fermata_mcp.surface.resources import low_level
from fermata_mcp.surface.tools import Toolbox
from fermata_mcp.transports.http import serve
from fermata_mcp.transports.serving import Serving


async def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    jobs: list[Jobs] = []
    async with anyio.create_task_group() as spawn:

        def with_jobs(box: Toolbox) -> Jobs:
            jobs.append(Jobs(box, spawn))
            return jobs[0]

        server.Rows = with_jobs
        await serve_fixtures(listening, jobs)


async def serve_fixtures(listening: socket.socket, jobs: list[Jobs]) -> None:
    async with running_app(read_settings(), callers_are_local=False) as app:
        conformance_fixtures.mount(app.server)
        mount_tasks(app.server, jobs[0])
        # The fixtures change the lists, and so may say that they do.
        del low_level(app.server).get_capabilities
        conformance_fixtures.mount_log_level(low_level(app.server))
        print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
        await serve(Serving(app.server, app.service.changes.drain), listening)


if __name__ == "__main__":
    anyio.run(main)
