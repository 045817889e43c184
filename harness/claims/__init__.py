"""Room 1: from an article to claims. What is claimed, where it stands, and what would decide it.

Reads seeds/ (articles) and configs/claims, configs/references, configs/facts, configs/suites. The ledger is read
whole, once per process; published figures and facts only when they are asked for, one file at a time.
"""

from harness.claims.articles import load_articles
from harness.claims.crosscheck import check_ledger, require_sound
from harness.claims.ledger import find_claim, load_claims, place_of, select_claims, subjects
from harness.claims.locate import LocatorProblem, verify_locators
from harness.claims.published import figures_of, find_fact, find_figure, load_facts, load_figures, published_name
from harness.claims.schemas import json_schemas
from harness.claims.suites import load_suite, suite_names

__all__ = [
    "LocatorProblem",
    "check_ledger",
    "figures_of",
    "find_claim",
    "find_fact",
    "find_figure",
    "json_schemas",
    "load_articles",
    "load_claims",
    "load_facts",
    "load_figures",
    "load_suite",
    "place_of",
    "published_name",
    "require_sound",
    "select_claims",
    "subjects",
    "suite_names",
    "verify_locators",
]
