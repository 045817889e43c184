"""A run's stored outputs beside the questions they answer."""

from collections.abc import Iterator

from harness.errors import StoreError
from harness.records import Generation, Sample
from harness.store import RunStore
from harness.tasks.base import Task


def answered(
    store: RunStore, task: Task, *, unscored_by: tuple[str, str] | None = None
) -> Iterator[tuple[Sample, Generation]]:
    """Each stored generation with its sample: both come in the questions' order, so neither is held in memory.

    `unscored_by`: (scorer, version), only what it has not judged. The run may be written meanwhile. Raises StoreError
    where the task has no such question any more.
    """
    samples = task.samples(store.spec.limit)
    sample: Sample | None = None
    for generation in store.generations(unscored_by=unscored_by):
        while sample is None or sample.id != generation.sample_id:
            sample = next(samples, None)
            if sample is None:
                raise StoreError(f"The task {task.id} has no question {generation.sample_id} any more.")
        yield sample, generation
