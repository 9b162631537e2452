"""Hangs in its first attempt, deaf to the request to end; the second attempt does the work."""

import signal
import time

import desk

if desk.ATTEMPT == 1:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    desk.write("src/tally/index.py", '"""Find words."""\n')
    time.sleep(60)
    raise SystemExit("nobody came")
desk.deliver("search_index")
