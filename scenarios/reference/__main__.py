"""`python -m scenarios.reference`: runs every form of every reference module and prints what each one got.

Exits with 1 when a form got another verdict or kind than it must, or when there is no form.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from harness import explore
from harness.runtime.patches import patches
from scenarios.reference import Form, Outcome, forms, judge, table


def main(listed: Sequence[Form] | None = None) -> int:
    """Print the table of `listed` (default: all forms), then one line for each form that misbehaved."""
    patches.install()
    try:
        rows = [(form, _judged(form)) for form in (forms() if listed is None else listed)]
    finally:
        patches.uninstall()
    print(table(rows))
    wrong = [(form, outcome) for form, outcome in rows if not outcome.fits(form)]
    for form, outcome in wrong:
        print(
            f"{form.module} {form.form}, {form.scenario}: must be {form.expected} {form.kind}".rstrip()
            + f", got {outcome.verdict} {outcome.kind}: {outcome.reason}",
            file=sys.stderr,
        )
    if not rows:
        print("no reference form was found: scenarios/*/registry.py must list them", file=sys.stderr)
    return 1 if wrong or not rows else 0


def _judged(form: Form) -> Outcome:
    """A scenario that breaks is a row of the table too, so that one run shows all."""
    try:
        return judge(form, explore)
    except Exception as error:
        return Outcome("ERROR", "", f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
