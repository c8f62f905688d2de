"""Modules that another package imports at once, and that nothing here uses: loaded only if something does."""

import importlib.util
import sys


def import_lazily(name: str) -> None:
    """Make a module importable without loading it: it is loaded when the first of its attributes is used.

    `scipy.stats`, which Great Expectations imports for expectations on distributions, takes 45 MB and 0.5 s of CPU. See
    https://docs.python.org/3/library/importlib.html#importlib.util.LazyLoader.

    Raises:
        ModuleNotFoundError: the module, or the package that it is in, is not installed.
    """
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    package, _, child = name.rpartition(".")
    if package:
        setattr(sys.modules[package], child, module)
