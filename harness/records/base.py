"""What all records read from YAML share."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record that knows all its keys: an unknown key is an error, and nobody writes into it later."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


Scalar = str | int | float | bool | None
