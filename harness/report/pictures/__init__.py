"""What pictures show, as numbers and words; nothing is drawn here (harness.report.drawing, harness.report.figures).

    picture_of   one check: claimed, measured, published and others' values on one axis
    course_of    the interval of a run over its rounds, and where it decided
    costs_of     what the scores of the runs cost
    overview_of  every score check of a publication on one axis

Every number is one of a verdict, a published figure or a stored run. Each picture carries itself as a sentence.
"""

from harness.report.pictures.checks import picture_of
from harness.report.pictures.costs import costs_of
from harness.report.pictures.courses import course_of
from harness.report.pictures.overview import overview_of
from harness.report.pictures.records import (
    KINDS,
    Axis,
    CostPanel,
    CostPicture,
    CostPoint,
    CoursePicture,
    Kind,
    Mark,
    Overview,
    OverviewGroup,
    OverviewRow,
    Picture,
    Tick,
)

__all__ = [
    "KINDS",
    "Axis",
    "CostPanel",
    "CostPicture",
    "CostPoint",
    "CoursePicture",
    "Kind",
    "Mark",
    "Overview",
    "OverviewGroup",
    "OverviewRow",
    "Picture",
    "Tick",
    "costs_of",
    "course_of",
    "overview_of",
    "picture_of",
]
