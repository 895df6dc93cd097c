"""Whatever writes a file leaves what was there or what is whole, and nothing beside it, however it is interrupted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import soundfile

from fermata_mcp.media.atomic import sweep
from support.places import TESTS

# Each writes more than the limit below to `target`.
WRITERS = {
    "what the offline engine makes": """
        from fermata_mcp.rearrange.job import Job
        from fermata_mcp.rearrange.lengthen import lengthen
        lengthen(Job(source, target, 9.0), lambda share, message: None)
    """,
    "what it keeps of a track": """
        import numpy as np
        from fermata_mcp.rearrange.cache import Cache
        Cache(target.parent, source).arrays("noise", lambda: {"noise": np.arange(99_999)})
    """,
    "a part that is joined": """
        from fermata_mcp.rearrange.joining.joined_file import join
        join(source, source, (2.0, 2.0, 2.0), target.with_suffix(""))
    """,
    "a result that gets its name": """
        from fermata_mcp.media.files import copy
        copy(source, target)
    """,
    "the tags of a result": """
        from fermata_mcp.media.tagging.labels import label
        label(target, "Title", "Origin")
    """,
    "a copy for a person": """
        from fermata_mcp.cli.extending.saving import Place
        Place(target, force=False, output_dir=target.parent).keep(source)
    """,
    "a download": """
        import anyio
        from fermata_mcp.media.network.download import download
        from support.hosts import answer, serving
        async def fetch():
            async with serving(answer(source.read_bytes(), "audio/flac")) as host:
                await download(host.url(), target.with_suffix(""), trusted=host.trusted)
        anyio.run(fetch)
    """,
}
INTERRUPTIONS = {
    "the disk is full": """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    """,
    "the name is refused": """
        def refused(*_):
            raise PermissionError(1, "Operation not permitted")
        Path.replace = Path.hardlink_to = refused
    """,
    "the process is killed": """
        import os
        def killed(*_):
            os.kill(os.getpid(), 9)
        Path.replace = Path.hardlink_to = killed
    """,
}
SCRIPT = """
import sys
from pathlib import Path
source, target = map(Path, sys.argv[1:])
{writer_loaded}
{interruption}
from fermata_mcp.domain.errors import FermataError
try:
    {writer}
except* FermataError:
    pass
"""
NOISE_SECONDS = 3


def run(writer: str, interruption: str, source: Path, target: Path) -> subprocess.Popen[bytes]:
    """The writer in a process of its own, which has ended."""
    code = SCRIPT.format(
        writer_loaded="import numpy, soundfile, mutagen",
        interruption=dedent(INTERRUPTIONS[interruption]),
        writer=dedent(WRITERS[writer]).strip().replace("\n", "\n    "),
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code, str(source), str(target)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    _, said = process.communicate()
    assert process.returncode in (0, -9), said.decode()
    return process


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_is_left_beside_it(writer: str, interruption: str, tmp_path: Path) -> None:
    source, folder = tmp_path / "source.flac", tmp_path / "folder"
    folder.mkdir()
    target = folder / "song.flac"
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (NOISE_SECONDS * 22050, 2))
    soundfile.write(source, noise, 22050)
    before: dict[str, bytes] = {}
    if writer == "the tags of a result":
        shutil.copyfile(source, target)
        before = {target.name: target.read_bytes()}
    process = run(writer, interruption, source, target)
    if interruption == "the process is killed":
        assert process.returncode == -9
        sweep(folder, process.pid)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
