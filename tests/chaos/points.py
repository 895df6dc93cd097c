"""Every place where paid work can be cut off, found in the source, and a loader that announces them.

A point is an `await`, the entering or leaving of an `async with`, or a step of an `async for`. It is named by its
file, its function, its place in that function and its moment, never by a line: `engine/runner.py:Runner._submit:2
await before`. The product knows nothing of this: `install` makes the interpreter rewrite the modules while it loads
them, in the processes of this harness alone.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

PACKAGE = "fermata_mcp"
# What carries paid work out. Whole folders, so that a new file is watched without anybody's doing.
FOLDERS = ("surface", "engine", "providers", "store", "media")
NOT_WATCHED = {
    "app.py": "puts the parts together; every part that works is watched",
    "cli": "commands for people, which are clients of the same tools",
    "transports": "carry messages to and from the tools; what a message starts is watched",
}
BEFORE, AFTER, WITHIN, EACH = "_point_before", "_point_after", "_point_within", "_point_each"


def root() -> Path:
    """The folder of the product's source, found without importing it."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def enumerated() -> list[str]:
    """Every point of the product, in the order of the source."""
    return [
        point for folder in FOLDERS for file in sorted((root() / folder).rglob("*.py")) for point in _points_in(file)
    ]


def rooms() -> set[str]:
    """The folders, and files beside them, in which there are points."""
    files = [file for file in root().rglob("*.py") if _points_in(file)]
    return {file.relative_to(root()).parts[0] for file in files}


def _points_in(file: Path) -> list[str]:
    return points_of(file.read_text(encoding="utf-8"), file.relative_to(root()).as_posix())


def points_of(source: str, name: str) -> list[str]:
    marker = Marker(name)
    marker.visit(ast.parse(source))
    return marker.points


def function_of(point: str) -> str:
    """The part of a point's name that an edit of its function does not change."""
    return point.rpartition(":")[0]


class Marker(ast.NodeTransformer):
    """Finds the points of one module, and puts an announcement around each."""

    def __init__(self, file: str) -> None:
        self.points: list[str] = []
        self._file = file
        self._names: list[str] = []
        self._ordinals: Counter[str] = Counter()

    def _point(self, *kinds: str) -> ast.Constant:
        function = ".".join(self._names)
        self._ordinals[function] += 1
        name = f"{self._file}:{function}:{self._ordinals[function]}"
        self.points += [f"{name} {kind} {moment}" for kind in kinds for moment in ("before", "after")]
        return ast.Constant(name)

    def _scoped(self, node: Any) -> Any:
        self._names.append(node.name)
        visited = self.generic_visit(node)
        self._names.pop()
        return visited

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return self._scoped(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return self._scoped(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self._scoped(node)

    def visit_Await(self, node: ast.Await) -> Any:
        """`await x` becomes `after(name, await (before(name), x)[1])`: announced before anything of x happens."""
        name = self._point("await")
        self.generic_visit(node)
        pair = ast.Tuple([_call(BEFORE, name), node.value], ast.Load())
        node.value = ast.Subscript(pair, ast.Constant(1), ast.Load())
        return ast.copy_location(_call(AFTER, name, node), node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> Any:
        names = [self._point("enter", "exit") for _ in node.items]
        self.generic_visit(node)
        for name, item in zip(names, node.items, strict=True):
            item.context_expr = _call(WITHIN, name, item.context_expr)
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> Any:
        name = self._point("next")
        self.generic_visit(node)
        node.iter = _call(EACH, name, node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        name = self._point("next") if node.is_async else None
        self.generic_visit(node)
        if name is not None:
            node.iter = _call(EACH, name, node.iter)
        return node


def _call(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), list(arguments), [])


# --- while the modules run --------------------------------------------------------------------------------------------


class Gate:
    """Counts the points that this process has passed, and kills it at one of them."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self._deadly, self._times = "", 0

    def kill_at(self, point: str, hit: int = 1) -> None:
        """Die when `point` is passed for the `hit`-th time from now on."""
        self.passed.clear()
        self._deadly, self._times = point, hit

    def announce(self, point: str) -> None:
        self.passed[point] += 1
        if point == self._deadly and self.passed[point] == self._times:
            os.kill(os.getpid(), signal.SIGKILL)


GATE = Gate()


def _before(name: str) -> None:
    GATE.announce(f"{name} await before")


def _after(name: str, value: Any) -> Any:
    GATE.announce(f"{name} await after")
    return value


class _Within:
    def __init__(self, name: str, inner: Any) -> None:
        self._name, self._inner = name, inner

    async def __aenter__(self) -> Any:
        GATE.announce(f"{self._name} enter before")
        value = await self._inner.__aenter__()
        GATE.announce(f"{self._name} enter after")
        return value

    async def __aexit__(self, *error: Any) -> Any:
        GATE.announce(f"{self._name} exit before")
        try:
            return await self._inner.__aexit__(*error)
        finally:  # what is left because of an error or a cancellation is left all the same
            GATE.announce(f"{self._name} exit after")


class _Each:
    def __init__(self, name: str, items: Any) -> None:
        self._name, self._inner = name, aiter(items)

    def __aiter__(self) -> _Each:
        return self

    async def __anext__(self) -> Any:
        GATE.announce(f"{self._name} next before")
        item = await anext(self._inner)
        GATE.announce(f"{self._name} next after")
        return item


ANNOUNCERS: dict[str, Any] = {BEFORE: _before, AFTER: _after, WITHIN: _Within, EACH: _Each}


class _Loader(SourceFileLoader):
    """Loads one module with its points announced; never from, or into, compiled files."""

    def __init__(self, fullname: str, path: str, name: str) -> None:
        super().__init__(fullname, path)
        self._name = name

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return rewritten(self.get_data(path), path, self._name)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__.update(ANNOUNCERS)
        super().exec_module(module)


def rewritten(source: bytes, path: str, name: str) -> CodeType:
    """The module with its points announced; it needs `ANNOUNCERS` in its namespace."""
    tree = Marker(name).visit(ast.parse(source, path))
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self) -> None:
        self._root = root()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(tuple(f"{PACKAGE}.{folder}" for folder in FOLDERS)):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            spec.loader = _Loader(fullname, spec.origin, Path(spec.origin).relative_to(self._root).as_posix())
        return spec


def install() -> None:
    """From now on the watched modules are loaded with their points announced. Before any of them is imported."""
    loaded = [name for name in sys.modules if name.startswith(f"{PACKAGE}.")]
    assert not loaded, f"too late: {loaded}"
    sys.meta_path.insert(0, _Finder())
