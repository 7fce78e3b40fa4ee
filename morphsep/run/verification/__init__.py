"""Re-checking finished work against the promises (design, section 3), from the manifest alone."""

from morphsep.run.verification.finding import Finding
from morphsep.run.verification.verify import verify

__all__ = ["Finding", "verify"]
