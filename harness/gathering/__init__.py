"""Everything a report tells, read from configs, stored runs and kept replays; nothing is rendered here.

gather      claims → Publication
samples_of  the questions and outputs of one run, one after the other
"""

from harness.gathering.collecting import gather
from harness.gathering.records import (
    CheckStory,
    ClaimStory,
    Cost,
    CoursePoint,
    OutputStory,
    Publication,
    Rescored,
    RunStory,
    SampleStory,
)

__all__ = [
    "CheckStory",
    "ClaimStory",
    "Cost",
    "CoursePoint",
    "OutputStory",
    "Publication",
    "Rescored",
    "RunStory",
    "SampleStory",
    "gather",
]
