"""How long a report of 2,000 claims and 100,000 outputs takes to build, what it weighs, and how soon it can be used.

    ./scripts/bench report [--rounds N] [--keep DIR]

The command a user types is measured whole, as a process: it judges the claims, reads the run and writes the folder.
Beside it, in turn, the same without the run's samples, and the outputs alone as gzipped JSON lines: what any report
that carries them has to spend. Pages are then opened in Chromium from disk.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import BIN, CHECKOUT, Cost, measure, median, write
from report_shapes import QUESTIONS, REPEATS, long_run, many_claims

sys.path.insert(0, str(CHECKOUT / "tests"))
OPENINGS = 5


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--keep", type=Path, help="leave the report here, to look at")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        root, runs = home / "checkout", home / "runs"
        root.mkdir()
        many_claims(root)
        os.environ["HARNESS_RUNS"] = str(runs)
        run = long_run()
        env = {"HARNESS_ROOT": str(root), "HARNESS_RUNS": str(runs)}
        report = options.keep or home / "report"
        command = [BIN / "harness", "report", "--all", "--format", "html,md,csv,json", "--out"]
        lines_of = [sys.executable, CHECKOUT / "tests" / "bench" / "report_child.py", run, home / "lines.gz"]
        kinds = {
            "whole report": [*command, report],
            "without samples": [*command, home / "lean", "--no-samples"],
            "outputs as .jsonl.gz": lines_of,
        }
        costs: dict[str, list[Cost]] = {name: [] for name in kinds}
        for _ in range(options.rounds):
            for name, typed in kinds.items():
                costs[name].append(measure(typed, env))
        medians = {name: median(found) for name, found in costs.items()}
        weights = _weights(report, run, home / "lines.gz")
        opened = _opened(report, run)
    _tell(medians, weights, opened)


def _weights(report: Path, run: str, lines: Path) -> dict[str, float]:
    """Megabytes: of all files, of what the browser reads to show a page, of the outputs alone."""
    whole = sum(p.stat().st_size for p in report.rglob("*") if p.is_file())
    return {
        "report, all files": whole / 1e6,
        "outputs as .jsonl.gz": lines.stat().st_size / 1e6,
        "first load, index": _first_load(report / "index.html"),
        "first load, a claim": _first_load(report / "claims" / "C082.html"),
        "first load, the run": _first_load(report / "runs" / run / "index.html"),
    }


def _first_load(page: Path) -> float:
    """A page and what it links to as style, script or image, without what scripts ask for later."""
    text = page.read_text(encoding="utf-8")
    linked = re.findall(r'<(?:script|img)[^>]* src="([^"]+)"|<link[^>]* href="([^"]+)"', text)
    parts = {(page.parent / (a or b)).resolve() for a, b in linked if not (a or b).startswith("data:")}
    return (page.stat().st_size + sum(p.stat().st_size for p in parts if p.is_file())) / 1e6


def _opened(report: Path, run: str) -> dict[str, Any]:
    """Seconds until a page answers, in Chromium, medians: the index to a typed filter, the run to its first output."""
    from shutil import which

    from browsing import NAMES
    from playwright.sync_api import expect, sync_playwright

    found: dict[str, list[float]] = {}
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=next(filter(None, map(which, NAMES))), args=["--no-sandbox"])
        for _ in range(OPENINGS):
            page = chromium.new_context().new_page()
            begun = time.perf_counter()
            page.goto((report / "index.html").as_uri())
            found.setdefault("index, loaded", []).append(time.perf_counter() - begun)
            page.get_by_role("searchbox").fill("C082")
            expect(page.locator("p.shown")).to_have_text(re.compile(r"^1\b"))
            found.setdefault("index, filtered", []).append(time.perf_counter() - begun)
            begun = time.perf_counter()
            page.goto((report / "runs" / run / "index.html").as_uri() + f"#q={QUESTIONS // 2}&r=3")
            expect(page.get_by_text(f"question-{QUESTIONS // 2:04d}").first).to_be_visible()
            found.setdefault("run, a linked output shown", []).append(time.perf_counter() - begun)
            page.context.close()
        chromium.close()
    return {name: statistics.median(times) for name, times in found.items()}


def _tell(medians: dict[str, Cost], weights: dict[str, float], opened: dict[str, float]) -> None:
    base = medians["outputs as .jsonl.gz"]
    lines = [f"{QUESTIONS * REPEATS:,} outputs of about 2,000 characters, 2,085 claims", ""]
    lines += [
        f"{name:<24} {c.wall:6.1f} s wall  {c.cpu:6.1f} s CPU  {c.peak_mb:6.0f} MB peak   {c.wall / base.wall:5.2f} x"
        for name, c in medians.items()
    ]
    lines += ["", *(f"{name:<28} {size:8.2f} MB" for name, size in weights.items())]
    lines += ["", *(f"{name:<28} {seconds:8.2f} s" for name, seconds in opened.items())]
    rows: dict[str, Any] = {**medians, "megabytes": weights, "seconds in Chromium": opened}
    write("report", rows, lines)


if __name__ == "__main__":
    main()
