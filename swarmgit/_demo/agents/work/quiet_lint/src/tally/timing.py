"""Time."""

import time


def timed(action):
    """Run an action and print how long it took."""
    start = time.monotonic()
    result = action()
    print(time.monotonic() - start)
    return result
