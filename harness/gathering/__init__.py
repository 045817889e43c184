"""Everything a report tells, read from configs, stored runs and kept replays; nothing is rendered here.

gather        claims → Publication
samples_of    the questions and outputs of one run, one after the other
sample_count  how many questions that will be
"""

from harness.gathering.collecting import gather
from harness.gathering.records import (
    CheckStory,
    ClaimStory,
    Cost,
    Instrument,
    OpinionStory,
    OtherCost,
    OutputStory,
    Publication,
    Recorded,
    Rescored,
    RunStory,
    SampleStory,
)
from harness.gathering.samples import sample_count, samples_of
from harness.judging.courses import CoursePoint

__all__ = [
    "CheckStory",
    "ClaimStory",
    "Cost",
    "CoursePoint",
    "Instrument",
    "OpinionStory",
    "OtherCost",
    "OutputStory",
    "Publication",
    "Recorded",
    "Rescored",
    "RunStory",
    "SampleStory",
    "gather",
    "sample_count",
    "samples_of",
]
