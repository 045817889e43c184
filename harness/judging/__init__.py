"""The ledger judged: for every check of every claim the strongest evidence there is, and the verdict it gives.

    runs        scored runs of this machine, as far as judging needs them
    evidences   what checks are judged by, and what many of them look up
    ledger      claims → verdicts of their checks and of themselves
    benchmarks  a score: measured here, else published, else how to measure it
    records     what needs no generations: structure, recorded facts, contradictions
    probed      what probes measured: latency, memory, modality, context, a switch
    recorded    the committed verdicts, for the quick list of claims

Gathers evidence and leaves the rules to harness.verdicts. Nothing is imported here, so that listing claims stays fast.
"""
