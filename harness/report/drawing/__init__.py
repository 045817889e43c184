"""Pictures as SVG inside a page: no script, no style attribute, nothing from outside; colours by the classes of
assets/pictures.css, sizes in units of a drawing that is 440 wide and scales with the page.

`laid…` give the shapes alone, which harness.report.figures makes figures for papers of. The same picture gives the
same bytes anywhere. Texts are stripped of controls and escaped.
"""

from harness.report.drawing.checks import drawn, laid
from harness.report.drawing.costs import drawn_costs, laid_costs
from harness.report.drawing.courses import drawn_course, laid_course
from harness.report.drawing.overview import laid_overview

__all__ = ["drawn", "drawn_costs", "drawn_course", "laid", "laid_costs", "laid_course", "laid_overview"]
