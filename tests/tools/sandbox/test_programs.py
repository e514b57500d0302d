"""Programs that mean well, and programs that fail: what comes out of the sandbox."""

import pytest

from agentflow.tools.sandbox import SandboxStatus
from agentflow.tools.sandbox.jail import Jail

from .jailed import JAIL, needs_jail, run


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("print(6 * 7)", "42"),
        ("6 * 7", "42"),
        ("x = 'a'\nx", "'a'"),
        ("print(1)\n2", "1\n2"),
        ("import sys\nsys.stdout.write('42')", "42"),
        ("import sys\nsys.stdout.buffer.write(b'42')", "42"),
        ("def main():\n    print(1)\n    return 2\nmain()", "1"),
        ("[].append(1)", ""),
        ("", ""),
        ("x = 3", ""),
        ("def f(n):\n    return 1 if n == 0 else n * f(n - 1)\nprint(f(20))", "2432902008176640000"),
        ("def f():\n    import math\n    return math.comb(5, 2)\nprint(f())", "10"),
        ("base = 2\nprint([base ** n for n in range(4)])", "[1, 2, 4, 8]"),
        ("if __name__ == '__main__':\n    print('main')", "main"),
        ("import sys\nprint('out')\nsys.exit()", "out"),
        ("import sys\nprint('out')\nsys.exit(0)", "out"),
        ("print('out')\nexit()", "out"),
        ("print(len(str(2 ** 20000)))", "6021"),
        ("try:\n    input()\nexcept EOFError as error:\n    print(error)", "EOF when reading a line"),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 5\nprint(asyncio.run(f()))", "5"),
        ("import threading\nt = threading.Thread(target=print, args=('thread',))\nt.start()\nt.join()", "thread"),
        ("import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__name__)", "A"),
        ("import tempfile\nwith tempfile.TemporaryFile() as f:\n    print(f.write(b'abc'))", "3"),
        ("import atexit\natexit.register(print, 'bye')\nprint('hello')", "hello\nbye"),
        ("import sys\nprint(sys.argv, __file__)", "['program.py'] program.py"),
        ("print('\\ud800', '\u00e9')", "\\ud800 é"),
        ("import os\nos.write(1, b'\\xff\\n')\nNone", "\\xff"),
        ("\ufeffprint('byte order mark')", "byte order mark"),
        ("print('a')\r\nprint('b')", "a\nb"),
        ("import decimal, fractions, ssl, sqlite3, zlib, lzma, bz2, ctypes, hashlib\nprint('all')", "all"),
        ("print(sorted({'b', 'a', 'c'}), hash('a') == hash('a'))", "['a', 'b', 'c'] True"),
    ],
)
@needs_jail
def test_normal_python_works(code: str, printed: str) -> None:
    assert JAIL is not None
    result = run(JAIL, code)
    assert (result.status, result.stdout.rstrip("\n"), result.stderr) == (SandboxStatus.OK, printed, "")


def test_what_a_result_says_about_itself(jail: Jail) -> None:
    result = run(jail, "sum(range(3_000_000))")
    assert result.tier == "bubblewrap"
    assert result.cpu_seconds is not None
    assert 0.01 < result.cpu_seconds < 5
    assert 0 < result.wall_seconds < 5
    assert result.signal == ""


def test_numpy_and_sympy(jail: Jail) -> None:
    pytest.importorskip("numpy")
    pytest.importorskip("sympy")
    result = run(jail, "import numpy, sympy\nx = sympy.Symbol('x')\nprint(numpy.arange(3).sum(), sympy.diff(x**3, x))")
    assert (result.status, result.stdout) == (SandboxStatus.OK, "3 3*x**2\n")


def test_the_same_program_prints_the_same_set(jail: Jail) -> None:
    code = "print({str(n) for n in range(20)})"
    assert run(jail, code).stdout == run(jail, code).stdout


def test_a_traceback_shows_the_program_and_nothing_else(jail: Jail) -> None:
    code = "import json\n\ndef read(text):\n    return json.loads(text)\n\nread('{')\n"
    result = run(jail, code)
    assert result.status is SandboxStatus.ERROR
    assert result.stderr == (
        "Traceback (most recent call last):\n"
        '  File "program.py", line 6, in <module>\n'
        "    read('{')\n"
        '  File "program.py", line 4, in read\n'
        "    return json.loads(text)\n"
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\n"
    )


def test_a_traceback_shows_what_came_before(jail: Jail) -> None:
    result = run(jail, "try:\n    1 / 0\nexcept ZeroDivisionError:\n    [][0]")
    assert "ZeroDivisionError" in result.stderr
    assert "Then this happened" in result.stderr
    assert result.stderr.rstrip().endswith("IndexError: list index out of range")


def test_a_traceback_of_a_deep_recursion_is_short(jail: Jail) -> None:
    result = run(jail, "def f(n):\n    return f(n + 1)\nf(0)")
    assert "RecursionError" in result.stderr
    assert len(result.stderr) < 1500


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print(1", "SyntaxError: '(' was never closed"),
        ("x = '\ud800'", "SyntaxError"),
        ("x = 1\0", "SyntaxError"),
        ("(" * 5000, "SyntaxError"),
        ("-" * 500_000 + "1", "SyntaxError"),
        ("x = 1\n" * 2_000_000, "SyntaxError: the program is longer than 1048576 bytes"),
        ("import sys\nsys.exit('no solution')", "no solution"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("input()", "EOFError"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("import pydantic", "ModuleNotFoundError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", "E: <exception str() failed>"),
        ("import os\nos._exit(7)", ""),
    ],
)
@needs_jail
def test_a_program_that_fails_is_an_error_and_not_an_exception(code: str, said: str) -> None:
    assert JAIL is not None
    result = run(JAIL, code)
    assert result.status is SandboxStatus.ERROR
    assert said in result.stderr
    assert len(result.stderr) < 3000


@pytest.mark.parametrize(
    ("code", "signal"),
    [
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos.abort()", "SIGABRT"),
        ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
    ],
)
def test_a_crash_is_told_by_its_signal(jail: Jail, code: str, signal: str) -> None:
    result = run(jail, "print('before')\n" + code)
    assert (result.status, result.signal, result.stdout) == (SandboxStatus.CRASHED, signal, "before\n")
