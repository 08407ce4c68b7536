"""Measures every claim and writes `docs/claims.md`; progress goes to stderr."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

from benchmarks.claims.ledger import CLAIMS, Entry

PAGE = Path(__file__).parents[2] / "docs" / "claims.md"


def document(entries: list[Entry]) -> str:
    """The page: a section per claim."""
    machine = f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        "# What post-mortems claim about pools, measured", "",
        f"Written by `make claims` from one run ({machine}, load {os.getloadavg()[0]:.1f} at its end). Figures are "
        "medians with intervals of 95 % where six rounds or more were taken; run it again for your machine.",
        "",
    ]  # fmt: skip
    for number, entry in enumerate(entries, 1):
        lines += [
            f"## {number}. {entry.claim}",
            "",
            f"**Verdict: {entry.verdict}.**",
            "",
            f"Measured: {entry.measured}.",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of the name of a claim's function; prints instead of writing")
    options = parser.parse_args()
    entries = []
    for claim in CLAIMS:
        if options.only in claim.__name__:
            print(f"measuring {claim.__name__}", file=sys.stderr, flush=True)
            entries.append(claim())
    if options.only:
        print(document(entries))
    else:
        PAGE.write_text(document(entries), encoding="utf-8")
        print(f"wrote {len(entries)} claims")


if __name__ == "__main__":
    main()
