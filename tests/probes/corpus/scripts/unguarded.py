"""A script without the guard: a spawned worker imports it again and starts the work anew."""

import json
import sys

from harness.probes import probe_pickle


class Job:
    def __init__(self) -> None:
        self.size = 3


json.dump(probe_pickle(Job(), start_method=sys.argv[1]).to_json(), sys.stdout)
