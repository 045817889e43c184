"""How long `harness --help` and `harness claims` take beside `lm_eval --help`: in turn, several rounds, medians."""

import subprocess
import sys

from measuring import BIN, CHECKOUT, Cost, measure, median, write

ROUNDS = 15
COMMANDS = {
    "harness --help": [BIN / "harness", "--help"],
    "harness claims": [BIN / "harness", "claims"],
    "lm_eval --help": [BIN / "lm_eval", "--help"],
}


def main() -> None:
    costs: dict[str, list[Cost]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        measure(command)  # once without counting: byte code and disk cache
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            costs[name].append(measure(command))
    medians = {name: median(found) for name, found in costs.items()}
    base = medians["lm_eval --help"]
    lines = [
        f"{name:<16} {c.wall:6.3f} s wall  {c.cpu:6.3f} s CPU  {c.peak_mb:6.0f} MB   "
        f"{c.wall / base.wall:5.2f} x lm_eval --help"
        for name, c in medians.items()
    ]
    probe = "import sys, harness.cli; print('torch' in sys.modules)"
    imported = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=CHECKOUT, check=True)
    lines.append(f"torch imported by the command line: {imported.stdout.strip()}")
    write("startup", medians, lines)


if __name__ == "__main__":
    main()
