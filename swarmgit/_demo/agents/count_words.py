"""Does the work at once, and writes the message of its commit."""

import time

import desk

time.sleep(0.3)
desk.deliver("count_words")
desk.message("Count words\n\nWords are what white space separates, as str.split sees it.\n")
