"""What all records read from YAML share."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record that knows all its keys: an unknown key is an error, and nobody writes into it later."""

    # defer_build: a command pays only for the records it reads
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Scalar = str | int | float | bool | None
