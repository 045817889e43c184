"""What the tasks about images, sounds and films share."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from harness.errors import DatasetError
from harness.records import Sample
from harness.tasks.rows import Row
from harness.tasks.scorers.choice import LETTERS
from harness.tasks.vision.folder import FolderTask

# as the Qwen team asks multiple-choice questions about images (see mmmu.py)
SELECT = "Please select the correct answer from the options above."


class MediaTask(FolderTask):
    """A task about media in rows of files; the subclass says where they are, and what a row becomes.

    `filters`: the fields that `keeps` looks at. A sample's number is its row's in the whole set.
    """

    filters: tuple[str, ...] = ()

    @property
    def beside(self) -> Path:
        """The folder of the first file of rows, which paths in rows are relative to."""
        return self.source.path.parent

    def keeps(self, row: Row) -> bool:
        """Whether a row belongs to this task, where it is a part of a set."""
        return True

    def asked(self, index: int, row: Row) -> Sample:
        """The sample of one row. May raise KeyError, ValueError or TypeError for a row of another shape."""
        raise NotImplementedError

    def sample_of(self, index: int, row: Row) -> Sample:
        try:
            return self.asked(index, row)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError, SyntaxError) as error:
            raise DatasetError(
                f"{self.source.path}, row {index + 1}: {self.id} cannot use it ({type(error).__name__}: {error}); "
                f"its fields are {', '.join(map(repr, row)) or 'none'}."
            ) from None

    @cached_property
    def _count(self) -> int:
        return sum(1 for row in self.source.column(*self.filters) if self.keeps(row))

    def samples(self, limit: int | None = None) -> Iterator[Sample]:
        kept = ((index, row) for index, row in enumerate(self.source.rows()) if self.keeps(row))
        for index, row in islice(kept, limit):
            yield self.sample_of(index, row)


def lettered(options: Sequence[str], form: str = "{}. {}") -> str:
    """A line for each option. Raises ValueError unless there are 2 to 26."""
    if not 2 <= len(options) <= len(LETTERS):
        raise ValueError(f"{len(options)} options")
    return "\n".join(form.format(letter, option) for letter, option in zip(LETTERS, options, strict=False))


def text_of(row: Row, name: str) -> str:
    """A field as text without white space around it; "" where it is empty, absent or "nan" (pandas' empty field)."""
    value = row.get(name)
    text = "" if value is None else str(value).strip()
    return "" if text == "nan" else text
