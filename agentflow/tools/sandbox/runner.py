"""Runs inside the jail: takes on the limits, reads the program from stdin and runs it as `__main__`.

Only the text of this file goes in (`python -c`), so it imports nothing of this package. What it imports, every
execution pays for, so it stays with modules that are built in.
"""

from __future__ import annotations

import _ast  # not ast: that one is written in Python, and takes longer to import than a small program takes to run
import atexit
import builtins
import io
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType, TracebackType

    from _typeshed import ReadableBuffer

PROGRAM = "program.py"
PACKAGES = "/packages"
SOURCE_LIMIT = 1 << 20
NOT_OF_THE_PROGRAM = ("/python/", "/packages/", "<frozen ")
SHOWN_FRAMES = 8
SHOWN_LINE, SHOWN_CHARACTERS = 500, 20_000
ROOM_FOR_LAST_WORDS = 32 << 20


class Output(io.FileIO):
    """A standard stream that knows how much was written to it."""

    written = 0

    def write(self, data: ReadableBuffer, /) -> int:
        count = super().write(data)
        self.written += count
        return count


def main() -> int:
    """Run the program under the settings of the command line; returns the exit status."""
    settings = {name: int(value) for name, _, value in (argument.partition("=") for argument in sys.argv[1:])}
    take_on_limits(settings)
    if settings["user_id"]:
        give_up_root(settings["user_id"])
    source = read_source()
    raw, stdout = open_output()
    atexit.register(account_for_cpu_time)  # the first to register is the last to run
    os.write(settings["started"], b"!")
    os.closerange(3, 1 << 16)
    try:
        run(source, raw, stdout)
        return 0
    except SystemExit as error:
        return leave(error.code)
    except MemoryError as error:
        resource.setrlimit(resource.RLIMIT_AS, (resource.getrlimit(resource.RLIMIT_AS)[1],) * 2)
        explain(error)
        return settings["out_of_memory"]
    except BaseException as error:  # noqa: BLE001 - whatever the program raises is its result
        explain(error)
        return 1
    finally:
        stdout.flush()


def take_on_limits(settings: dict[str, int]) -> None:
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, settings["cpu_seconds"], settings["cpu_seconds"] + 1),
        (resource.RLIMIT_AS, settings["memory"], settings["memory"] + ROOM_FOR_LAST_WORDS),
        (resource.RLIMIT_FSIZE, settings["disk"], settings["disk"]),
        (resource.RLIMIT_NPROC, settings["threads"], settings["threads"]),
        (resource.RLIMIT_NOFILE, 64, 64),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
    ):
        most = resource.getrlimit(kind)[1]  # which only root could raise
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))


def give_up_root(user_id: int) -> None:
    """Become an ordinary user for good; the kernel takes the last capabilities away with it."""
    os.setgroups([])
    os.setresgid(user_id, user_id, user_id)
    os.setresuid(user_id, user_id, user_id)


def read_source() -> bytes:
    """The program from stdin, which is empty from then on."""
    with open(0, "rb", closefd=False) as stdin:
        source = stdin.read(SOURCE_LIMIT + 1)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return source


def open_output() -> tuple[Output, io.TextIOWrapper]:
    """Let stdout and stderr take any text, and lose no finished line when the program is stopped."""
    raw = Output(1, "w", closefd=False)
    stdout = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True)
    stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = stdout  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = stderr  # type: ignore[misc]
    return raw, stdout


def run(source: bytes, raw: Output, stdout: io.TextIOWrapper) -> None:
    """Run the program; where it ends in an expression, show its value, as a notebook does.

    Not where evaluating it printed something: the 2 of `sys.stdout.write("42")` would make 422 of it.
    """
    body, last = compiled(source)
    module = type(sys)("__main__")
    module.__file__ = PROGRAM
    sys.modules["__main__"] = module
    sys.argv = [PROGRAM]
    sys.path = [os.getcwd(), *sys.path, PACKAGES]
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]  # which are site's, and it is not loaded
    sys.set_int_max_str_digits(0)  # 1000! is what exact arithmetic is for
    exec(body, module.__dict__)  # noqa: S102
    if last is None:
        return
    stdout.flush()
    before = raw.written
    value = eval(last, module.__dict__)  # noqa: S307
    stdout.flush()
    if value is not None and raw.written == before:
        print(repr(value), file=stdout)


def compiled(source: bytes) -> tuple[CodeType, CodeType | None]:
    """The program without its last expression, and that expression. Whatever can not be compiled is a SyntaxError."""
    if len(source) > SOURCE_LIMIT:
        raise SyntaxError(f"the program is longer than {SOURCE_LIMIT} bytes")
    with open(PROGRAM, "wb") as file:  # where a traceback looks for its source lines
        file.write(source)
    try:
        text = source.decode("utf-8", "surrogatepass").removeprefix("\ufeff")
        tree = compile(text, PROGRAM, "exec", _ast.PyCF_ONLY_AST, dont_inherit=True)
        assert isinstance(tree, _ast.Module)
        last = None
        if tree.body and isinstance(tree.body[-1], _ast.Expr):
            expression = _ast.Expression(tree.body[-1].value)
            last = compile(expression, PROGRAM, "eval", dont_inherit=True)
            del tree.body[-1]
        return compile(tree, PROGRAM, "exec", dont_inherit=True), last
    except (ValueError, RecursionError, MemoryError) as error:  # half of a surrogate pair, NUL; nested too deep
        raise SyntaxError(f"the program can not be compiled ({str(error) or type(error).__name__})") from None


def leave(status: object) -> int:
    """The exit status for what `sys.exit` was given; Python prints what is no number, and so do we."""
    if status is None or status == 0:
        return 0
    print(status if not isinstance(status, int) else f"SystemExit: {status}", file=sys.__stderr__)
    return 1


def explain(error: BaseException) -> None:
    """Write the traceback to stderr, with the program's own frames only."""
    text = "".join(lines(error, chain=2))
    text = "".join(line if len(line) <= SHOWN_LINE else f"{line[:SHOWN_LINE]}...\n" for line in text.splitlines(True))
    if len(text) > SHOWN_CHARACTERS:
        text = f"{text[: SHOWN_CHARACTERS // 2]}\n...\n{text[-SHOWN_CHARACTERS // 2 :]}"
    print(text, end="", file=sys.__stderr__)


def lines(error: BaseException, chain: int) -> Iterator[str]:
    import traceback  # takes a while, and most programs get by without

    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None and chain:
        yield from lines(earlier, chain - 1)
        yield "\nThen this happened:\n\n"
    frames = list(own_frames(error.__traceback__))[-SHOWN_FRAMES:]
    if frames:
        yield "Traceback (most recent call last):\n"
        yield from traceback.StackSummary.extract(iter(frames)).format()
    yield from traceback.format_exception_only(error)


def own_frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals is not globals() and not frame.f_code.co_filename.startswith(NOT_OF_THE_PROGRAM):
            yield frame, trace.tb_lineno
        trace = trace.tb_next


def account_for_cpu_time() -> None:
    """Say at the very end of stderr what this process used; the host takes it off again."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    os.write(2, b"\0cpu %.6f\0" % (usage.ru_utime + usage.ru_stime))


if __name__ == "__main__":
    sys.exit(main())
