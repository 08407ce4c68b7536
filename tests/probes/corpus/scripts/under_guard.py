"""A function defined under the guard: the worker that imports ``__main__`` again never sees it."""

import json
import sys

from harness.probes import probe_pickle

if __name__ == "__main__":

    def task(value: int) -> int:
        return value

    json.dump(probe_pickle(task, start_method=sys.argv[1]).to_json(), sys.stdout)
