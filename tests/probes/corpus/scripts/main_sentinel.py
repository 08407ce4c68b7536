"""A sentinel of ``__main__``: under spawn there are two of it even before anything is pickled."""

import json
import sys

from harness.probes import probe_pickle

MISSING = object()

if __name__ == "__main__":
    json.dump(probe_pickle({"limit": MISSING}, start_method=sys.argv[1]).to_json(), sys.stdout)
