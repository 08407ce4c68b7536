"""The audit: what a piece of work left behind in this process and its children, and where each thing was made."""

from harness.audit.audit import LeakAudit, leak_audit
from harness.audit.growth import Growth, leak_growth
from harness.audit.leaks import Leak, LeakKind, LeaksFound
from harness.audit.slope import Slope

__all__ = ["Growth", "Leak", "LeakAudit", "LeakKind", "LeaksFound", "Slope", "leak_audit", "leak_growth"]
