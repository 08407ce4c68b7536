"""A lock in an object of ``__main__``."""

import json
import sys
import threading

from harness.probes import probe_pickle


class Job:
    def __init__(self) -> None:
        self.lock = threading.Lock()


if __name__ == "__main__":
    json.dump(probe_pickle(Job(), start_method=sys.argv[1]).to_json(), sys.stdout)
