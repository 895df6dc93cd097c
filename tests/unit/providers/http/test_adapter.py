"""Adapters are siblings: the same names, in the same order, and nothing written that the base class says already."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from fermata_mcp.providers.http.adapter import HttpAdapter
from fermata_mcp.providers.http.wire import Answer
from fermata_mcp.providers.registry import BUILT_IN
from support.accounts import context_of

ORDER = [name for name in vars(HttpAdapter) if not name.startswith("_")]
MODULES = [import_module(module) for module in BUILT_IN.values() if module != BUILT_IN["local"]]


def adapters(root: type[HttpAdapter] = HttpAdapter) -> list[type[HttpAdapter]]:
    children = [child for child in root.__subclasses__() if child.__module__.startswith("fermata_mcp.")]
    return [one for child in children for one in (child, *adapters(child))]


@pytest.mark.parametrize("adapter", adapters(), ids=lambda one: one.__name__)
def test_methods_come_in_the_order_of_the_base_class(adapter: type[HttpAdapter]) -> None:
    own = [name for name in vars(adapter) if name in ORDER]
    assert own == sorted(own, key=ORDER.index)
    assert adapter.__name__.endswith("Adapter")


@pytest.mark.parametrize("adapter", adapters(), ids=lambda one: one.__name__)
def test_no_method_says_what_the_base_class_says(adapter: type[HttpAdapter]) -> None:
    for name in set(vars(adapter)) & set(vars(HttpAdapter)):
        mine, base = (getattr(one, name) for one in (adapter, HttpAdapter))
        if callable(mine) and not getattr(base, "__isabstractmethod__", False):
            assert _body(mine) != _body(base), name


def _body(function: Any) -> str:
    found: Any = ast.parse(dedent(inspect.getsource(function))).body[0]
    body = found.body
    return ast.dump(ast.Module(body[1:] if isinstance(body[0], ast.Expr) else body, []))


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__.rpartition(".")[2])
def test_a_file_has_its_facts_its_adapter_and_make_at_its_end(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    names = [name for node in tree.body for name in _defined(node)]
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert len(classes) == 1
    assert names.index("SPEC") < names.index(classes[0]) < names.index("make") == len(names) - 1


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom) and node.module == "spec":  # facts that fill a file of their own
        return [one.name for one in node.names]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


@pytest.mark.parametrize("module", MODULES, ids=lambda one: one.__name__.rpartition(".")[2])
async def test_a_provider_is_made_of_its_own_account(module: ModuleType, anyio_backend: str) -> None:
    needed = module.SPEC.account.set_by
    account: dict[str, Any] = {
        needed.name.lower(): "https://own.test" if needed is module.SPEC.account.base_url else "k"
    }
    with_key = module.make(context_of(module.SPEC, **account))
    without = module.make(context_of(module.SPEC))
    assert (with_key.spec.name, with_key.configured, without.configured) == (module.SPEC.name, True, False)
    assert with_key.account_id != without.account_id


def test_facts_are_read_without_an_http_client() -> None:
    """So that starting costs nothing: the client is loaded with the first provider that is made."""
    names = ", ".join(repr(module.__name__) for module in MODULES)
    looked = (
        f"import sys, importlib; [importlib.import_module(name) for name in ({names},)]; print('httpx2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class Least(HttpAdapter):
    """Nothing but what must be written."""

    spec = MODULES[0].SPEC
    submit_call: Any = None
    poll_call: Any = None
    read_poll: Any = None


def test_what_is_not_written_is_not_offered(tmp_path: Any) -> None:
    least, answer = Least(), Answer(200, {"task_id": "t-1"}, "")
    assert least.read_submit(answer) == "t-1"
    assert least.refusal(answer) is None
    assert least.balance_call() is least.clip_call("c") is least.upload_call(tmp_path) is None
    assert least.read_balance(answer) is least.read_clip(answer, "c") is least.read_upload(answer) is None
