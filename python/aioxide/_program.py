"""A program that runs as ``__main__``, as if the interpreter had been started with it.

    found -> running -> ended (by its last line, or by an exception that passes through here)

A program that cannot be found is the user's error at the command line, `NotRunnable`; from the
moment its first line runs, every exception is the program's own and is left to the interpreter,
which prints it, runs the exit handlers and chooses the exit status (SIGINT's for
KeyboardInterrupt) as it always does. All that is done about it here is that the traceback begins
with the program's first frame.

What a program can see of its start is what CPython gives it: `pymain_run_python` in
Modules/main.c (sys.argv, sys.path[0]), `_PyRun_SimpleFile` in Python/pythonrun.c and `_run_code`
in Lib/runpy.py (the globals of ``__main__``). runpy's public functions do not serve: they put
the old ``__main__`` back before exit handlers and other threads have ended.
"""

import builtins
import importlib.util
import os
import sys
from importlib.machinery import (
    BuiltinImporter,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from types import CodeType, ModuleType, TracebackType

__all__ = ["NotRunnable", "run_file", "run_module", "run_stdin"]


# Before there is another __main__: whether Python was told -m aioxide.
_BY_MODULE = getattr(sys.modules.get("__main__"), "__spec__", None) is not None


class NotRunnable(Exception):
    """There is no such program. The message is a sentence for the user."""

    def __init__(self, message: str, missing: str | None = None) -> None:
        super().__init__(message)
        self.missing = missing
        """The file or module that does not exist, for suggestions; None for other errors."""


def run_file(path: str, arguments: list[str]) -> None:
    """Run a script, or a directory or zip file that has a ``__main__.py``.

    Raises NotRunnable before anything ran, or whatever the program raises.
    """
    # CPython makes the name absolute and leaves it as it is otherwise: no dot is taken out.
    absolute = os.path.join(_current_folder() or "", path)
    if os.path.isdir(absolute) or _is_zip(absolute):
        _run_container(path, absolute, arguments)
        return
    try:
        with open(absolute, "rb") as file:
            source = file.read()
    except FileNotFoundError:
        raise NotRunnable(f"there is no file {path!r}", missing=path) from None
    except OSError as error:
        raise NotRunnable(f"cannot read {path!r}: {error.strerror}") from None

    main = _new_main()
    sys.argv = [path, *arguments]
    _set_first_path(os.path.dirname(os.path.realpath(absolute)))
    compiled = absolute.endswith(".pyc")
    kind = SourcelessFileLoader if compiled else SourceFileLoader
    _fill(main, file=absolute, loader=kind("__main__", absolute))
    try:
        if compiled:
            code = _load_compiled(absolute)
        else:
            code = compile(source, absolute, "exec", dont_inherit=True)
    except BaseException as error:
        _begin_traceback(error, None)
        raise
    _execute(code, main)


def run_stdin(arguments: list[str]) -> None:
    """Run the program that standard input holds, read to its end first."""
    if sys.stdin is None:
        raise NotRunnable("standard input is closed: there is no program in it")
    main = _new_main()
    sys.argv = ["-", *arguments]
    _set_first_path("")
    _fill(main, file="<stdin>", loader=BuiltinImporter)
    try:
        code = compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True)
    except BaseException as error:
        _begin_traceback(error, None)
        raise
    _execute(code, main)


def run_module(name: str, arguments: list[str]) -> None:
    """Run a module by its name, or a package's ``__main__`` module, as ``python -m`` does.

    Raises NotRunnable if there is none, or whatever the program raises, its packages included.
    """
    if name.endswith(".py") and os.path.isfile(name):
        raise NotRunnable(f"{name!r} is a file, not a module", missing=name)
    main = _new_main()
    sys.argv = ["-m", *arguments]
    _set_first_path(_current_folder())
    try:
        spec = _find_module(name)
        code = _code_of(spec)
    except NotRunnable:
        raise
    except BaseException as error:
        _begin_traceback(error, _skip_machinery(error.__traceback__))
        raise
    sys.argv[0] = spec.origin or name
    _fill(main, file=spec.origin, loader=spec.loader, spec=spec)
    _execute(code, main)


def _run_container(path: str, absolute: str, arguments: list[str]) -> None:
    main = _new_main()
    sys.argv = [path, *arguments]
    # Even with -P: the directory is not where a script happens to be, it is the program.
    if sys.flags.safe_path:
        sys.path.insert(0, absolute)
    else:
        _set_first_path(absolute)
    try:
        spec = PathFinder.find_spec("__main__", [absolute])
        if spec is None or spec.loader is None or spec.submodule_search_locations is not None:
            raise NotRunnable(f"{path!r} has no __main__.py to run")
        code = _code_of(spec)
    except NotRunnable:
        raise
    except BaseException as error:
        _begin_traceback(error, _skip_machinery(error.__traceback__))
        raise
    _fill(main, file=spec.origin, loader=spec.loader, spec=spec)
    _execute(code, main)


def _load_compiled(path: str) -> CodeType:
    code = SourcelessFileLoader("__main__", path).get_code("__main__")
    assert code is not None  # it raises ImportError for anything that is not a .pyc of this Python
    return code


def _is_zip(path: str) -> bool:
    if not os.path.isfile(path):
        return False  # zipimport would open a pipe and wait
    import zipimport

    try:
        zipimport.zipimporter(path)
    except zipimport.ZipImportError:
        return False
    return True


def _find_module(name: str) -> ModuleSpec:
    """Find what ``-m name`` runs. The packages above it are imported on the way."""
    parent, _, _ = name.rpartition(".")
    if name.startswith("."):
        raise NotRunnable(f"{name!r} is a relative module name; give the full one")
    if parent:
        _import_parent(parent, name)
        _warn_if_imported(name, parent)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        # A parent that is a plain module has no __path__; a module may lack its __spec__.
        raise NotRunnable(f"there is no module {name!r} ({error})", missing=name) from None
    if spec is None:
        raise NotRunnable(f"there is no module {name!r}", missing=name)
    if spec.submodule_search_locations is None:
        return spec
    if name == "__main__" or name.endswith(".__main__"):
        raise NotRunnable(f"{name!r} is a package; it cannot be run as __main__")
    try:
        return _find_module(f"{name}.__main__")
    except NotRunnable as error:
        if error.missing is None:
            raise
        raise NotRunnable(f"{name!r} is a package without a __main__ module to run") from None


def _import_parent(parent: str, name: str) -> None:
    try:
        importlib.import_module(parent)
    except ModuleNotFoundError as error:
        # The parent, or one above it, is missing; an import inside of it that fails is its own
        # error.
        if error.name is None or not f"{parent}.".startswith(f"{error.name}."):
            raise
        raise NotRunnable(f"there is no module {name!r}: no {error.name!r}", error.name) from None


def _warn_if_imported(name: str, parent: str) -> None:
    module = sys.modules.get(name)
    if module is not None and not hasattr(module, "__path__"):
        import warnings

        warnings.warn(
            f"{name!r} found in sys.modules after import of package {parent!r}, but prior to "
            f"execution of {name!r}; this may result in unpredictable behaviour",
            RuntimeWarning,
            stacklevel=2,
        )


def _code_of(spec: ModuleSpec) -> CodeType:
    find_code = getattr(spec.loader, "get_code", None)
    code = find_code(spec.name) if find_code is not None else None
    if code is None:
        raise NotRunnable(f"{spec.name!r} has no Python code to run")
    assert isinstance(code, CodeType)
    return code


def _new_main() -> ModuleType:
    """A new ``__main__`` module, in its place. Pickle and multiprocessing look for it there."""
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    return main


def _fill(
    main: ModuleType,
    *,
    file: str | None,
    loader: object,
    spec: ModuleSpec | None = None,
) -> None:
    names = vars(main)
    names.update(
        __builtins__=builtins,
        __doc__=None,
        __file__=file,
        __loader__=loader,
        __package__=None if spec is None else spec.parent,
        __spec__=spec,
    )
    if sys.version_info < (3, 15):
        names["__cached__"] = None if spec is None else spec.cached
    if sys.version_info < (3, 14):
        names["__annotations__"] = {}


def _current_folder() -> str | None:
    """None where it is gone, or where it may not be asked for."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _set_first_path(directory: str | None) -> None:
    """Put the program's directory where that of the aioxide command is. With -P there is none, nor
    for `python -m aioxide` where the current directory is gone; the program then has none either.
    """
    if not sys.flags.safe_path:
        there = 0 if _BY_MODULE and _current_folder() is None else 1
        sys.path[:there] = [] if directory is None else [directory]


def _execute(code: CodeType, main: ModuleType) -> None:
    try:
        exec(code, vars(main))
    except SystemExit:
        raise
    except BaseException as error:
        traceback = error.__traceback__
        _begin_traceback(error, None if traceback is None else traceback.tb_next)
        raise


def _begin_traceback(error: BaseException, traceback: TracebackType | None) -> None:
    """See to it that the interpreter, when it reports `error`, shows only `traceback`.

    Every frame that an exception leaves puts itself on top of the traceback, so it is cut when the
    interpreter calls sys.excepthook: after the last frame, and just before the program's hook.
    """
    hook = sys.excepthook

    def report(kind: type[BaseException], value: BaseException, full: TracebackType | None) -> None:
        sys.excepthook = hook
        if value is error:
            value.__traceback__ = sys.last_traceback = traceback
            full = traceback
        try:
            hook(kind, value, full)
        except BaseException as failure:
            # CPython prints this one too. A bare raise does not put this frame on top again.
            if failure.__traceback__ is not None:
                failure.__traceback__ = failure.__traceback__.tb_next
            raise

    sys.excepthook = report


def _skip_machinery(traceback: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins after the import system's frames and ours."""
    machinery = (__name__, "importlib", "runpy", "zipimport")
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__"))
        if module not in machinery and not module.startswith("importlib."):
            break
        traceback = traceback.tb_next
    return traceback
