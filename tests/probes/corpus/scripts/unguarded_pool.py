"""A script without the guard that uses its pool before it probes."""

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from harness.probes import probe_submit

executor = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(sys.argv[1]))
future = executor.submit(len, "abc")
json.dump(probe_submit(executor, len, "abc").to_json(), sys.stdout)
executor.shutdown(wait=False, cancel_futures=True)
