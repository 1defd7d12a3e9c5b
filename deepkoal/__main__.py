"""`python -m deepkoal`, and the command `deepkoal`: Ctrl-C ends either without a traceback.

`cli.main` explains an interruption of its work. Here are the moments around it, in which Python
itself would print where it was: while the command is imported and while the process winds down.
"""

import atexit
import os
import signal
import sys
from typing import NoReturn


def main() -> int:
    """Run the command that the process was given, and return the status to exit with."""
    is_told = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not under nohup
    if is_told:
        signal.signal(signal.SIGINT, _give_up)
        # Behind all other functions that are called at exit, as it is the first to be registered:
        # what native libraries then do to end is over in a moment, and Python, which handles no
        # signal any more, would let one end the process as if the work had failed.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    from deepkoal.cli import main as run_command

    if is_told:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = run_command()
    except KeyboardInterrupt:  # before its work began
        _give_up()
    if is_told:  # all is written: nothing is lost by not waiting for threads and libraries
        signal.signal(signal.SIGINT, lambda *_: _end_at_once(status))
    return status


def _end_at_once(status: int) -> NoReturn:
    if status == 0:
        os.write(2, b"deepkoal: interrupted when all was done\n")
    os._exit(status)


def _give_up(*_: object) -> NoReturn:
    os.write(2, b"deepkoal: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
