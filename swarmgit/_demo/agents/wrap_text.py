"""Edits a line that another agent edits at the same time: whoever lands second does it again on the new base."""

import time

import desk

time.sleep(0.5)
desk.deliver("wrap_text")
desk.register("wrap")
