"""Chaos: faults planted in the worker processes and threads that a scenario started, and a record of every task.

`plan` and `catalogue` say what is done and when, `injected` and `acts` do it inside the worker, `ledger` keeps what
happened, `drive` is the process of one case, `runner` starts and ends that process. What the record means is judged
by :mod:`harness.oracles.survival`. Workers import `injected`: neither it nor what it imports may cost them time.
"""
