"""Records for the places where results live: lm-eval's files, the hub's metadata, Every Eval Ever.

exports   publication → files of one kind, below a folder of that name
KINDS     the kinds there are

Nothing is computed here that is not in a run's estimate or a verdict but changes of unit. What a format cannot say is
said in the file beside it (`README.md`) or left out, with the reason.
"""

from harness.report.exports.entry import KINDS, Kind, exports

__all__ = ["KINDS", "Kind", "exports"]
