"""Source that runs in children of the program, which need not have the harness: it is put into that of others."""

from __future__ import annotations

import textwrap

_RAISED = """
# A high number, where the limit allows one: the descriptors of the program keep theirs.
most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
try:
    high = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, min(300, most // 2) if most > 0 else 300)
except OSError:
    pass  # none is free there: the one it has is kept
else:
    os.close(file)
    file = high
"""


def raised(indent: int) -> str:
    """Statements that give the open ``file`` a high number; they need the modules fcntl, os and resource."""
    return textwrap.indent(_RAISED, " " * indent)
