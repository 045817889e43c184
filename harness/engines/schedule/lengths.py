"""How long outputs are likely to become, learnt from those that have ended."""

from harness.engines.schedule.jobs import Job

# before anything has ended: this share of what is allowed
_FIRST_GUESS = 0.25
# groups that are learnt by themselves, some hundred bytes each; the outputs of any others count among all
_GROUPS = 2**15


class Lengths:
    """Mean lengths of the outputs of each group of jobs, and of all. For order and memory only, never for results."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[int, int]] = {}
        self._count = 0
        self._total = 0

    def learn(self, job: Job) -> None:
        """A job has ended."""
        written = len(job.tokens) - job.prompt
        count, total = self._groups.get(job.group, (0, 0))
        if job.group in self._groups or len(self._groups) < _GROUPS:
            self._groups[job.group] = (count + 1, total + written)
        self._count += 1
        self._total += written

    def expected(self, job: Job) -> int:
        """Tokens, prompt included, that a job will probably come to have: at least what it has, at most its room."""
        output = job.room - job.prompt
        count, total = self._groups.get(job.group, (self._count, self._total))
        guess = total / count if count else _FIRST_GUESS * output
        return max(len(job.tokens), job.prompt + min(int(guess) + 1, output))
