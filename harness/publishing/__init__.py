"""Reports as they leave the harness: a folder of files in any of the forms, that can be checked against its records.

publish   claims and runs → a folder with the report, and report.json that says what it was made of
text_of   one form as text, for a terminal or a single file
check     a folder's files made again from its records, and what differs
"""

from harness.publishing.asked import Asked
from harness.publishing.checking import Difference, check, remake
from harness.publishing.forms import FORMS, Look, forms_of
from harness.publishing.making import Report, publish, text_of
from harness.publishing.writing import Written

__all__ = [
    "FORMS",
    "Asked",
    "Difference",
    "Look",
    "Report",
    "Written",
    "check",
    "forms_of",
    "publish",
    "remake",
    "text_of",
]
