"""The outputs of a run as gzipped JSON lines: report_child.py RUN FILE."""

import gzip
import json
import sys

from harness.store import RunStore

with RunStore.open(sys.argv[1]) as store, gzip.open(sys.argv[2], "wt", compresslevel=6, encoding="utf-8") as out:
    for made in store.generations():
        out.write(json.dumps([made.sample_id, made.repeat, made.text, made.finish_reason]) + "\n")
