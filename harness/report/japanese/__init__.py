"""The report in Japanese: sentences that the harness made, texts that configurations hold, numbers in 万, 億 and 兆.

`sentences.yaml` holds what the harness itself says, as patterns; `ledger.yaml` what people wrote, text by text.
Nothing is guessed: what neither of the two knows stays as it is.
"""

from harness.report.japanese.numbers import figure
from harness.report.japanese.speaking import translated

__all__ = ["figure", "translated"]
