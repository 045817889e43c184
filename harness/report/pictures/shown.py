"""What a kind of check puts into its picture, before there is an axis."""

from dataclasses import dataclass

from harness.report.pictures.records import Mark


@dataclass(frozen=True, slots=True)
class Shown:
    """Marks and band in one unit; `percent`: it is a share in percent. `band_text`: the band's ends as printed.
    `remark`: what a ± beside a number is reckoned from."""

    marks: tuple[Mark, ...]
    unit: str
    band: tuple[float, float] | None = None
    band_text: str = ""
    percent: bool = False
    lower_is_better: bool = False
    remark: str = ""
