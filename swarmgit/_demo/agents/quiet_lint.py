"""Makes the lint gate blind instead of keeping to its rule. That is outside its scope, so nothing of it counts."""

import time

import desk

time.sleep(0.3)
desk.deliver("quiet_lint")
