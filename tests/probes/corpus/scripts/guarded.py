"""A script as it should be: its function and class live in ``__main__``, its work under the guard."""

import json
import sys

from harness.probes import probe_pickle


class Job:
    def __init__(self) -> None:
        self.size = 3

    def run(self) -> int:
        return self.size


if __name__ == "__main__":
    json.dump(probe_pickle(Job().run, start_method=sys.argv[1]).to_json(), sys.stdout)
