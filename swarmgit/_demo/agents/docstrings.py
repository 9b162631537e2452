"""Finds nothing to do and says so; swarmgit believes it only because the gates agree."""

import time

import desk

time.sleep(0.2)
desk.say(type="no_change", reason="every function in src/ has a docstring already")
