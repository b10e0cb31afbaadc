"""`python -m workbench.launcher`: start everything and stay. `python -m workbench.launcher stop`: end it."""

from __future__ import annotations

import os
import signal
import sys
import time

from engine import process
from workbench import environment
from workbench.launcher.claim import Claim
from workbench.launcher.conduct import Launcher
from workbench.launcher.errors import LaunchError

STOP_WITHIN_S = 60.0


def main(argv: list[str]) -> int:
    if argv == ["stop"]:
        return stop()
    if argv:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return Launcher().run()
    except LaunchError as error:
        print(error, file=sys.stderr)
        return 1


def stop() -> int:
    """Ask the launcher of this home folder to end and wait until it has."""
    claim = Claim(environment.home())
    if claim.take():
        claim.end_leftovers()
        claim.give_up()
        print("Nothing is running in this home folder.")
        return 0
    facts = claim.read()
    if facts is None:
        print("The workbench is being started or ended right now; try again shortly.")
        return 1
    launcher = process.identify(facts.pid)
    os.kill(facts.pid, signal.SIGTERM)
    until = time.monotonic() + STOP_WITHIN_S
    while process.alive(launcher):
        if time.monotonic() > until:
            print(f"The launcher (process {facts.pid}) has not ended within {STOP_WITHIN_S:.0f} s.", file=sys.stderr)
            return 1
        time.sleep(0.1)
    print("The workbench has ended.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
