import sys
from pathlib import Path
from shlex import join


def command_line(*arguments: str) -> str:
    """Return what to type for a command of ours, in the directory that this one was started in."""
    python = Path(sys.executable)
    shown = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    return join([str(shown), sys.argv[0], *arguments])
