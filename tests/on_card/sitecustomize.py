"""Found by every Python that tests/stand_in_card.py starts: as soon as torch is there, so is the card."""

import atexit
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any


class _AfterTorch(MetaPathFinder):
    """Finds torch as it would be found, and lays the card when it has been read."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != "torch":
            return None
        # more may ask where torch is than import it
        found = PathFinder.find_spec(name, path)
        if found is not None and found.loader is not None:
            read = found.loader.exec_module

            def then(module: Any) -> None:
                sys.meta_path.remove(self)
                read(module)
                sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
                try:
                    import stand_in_card
                finally:
                    del sys.path[0]
                card = stand_in_card.card(int(float(os.environ["STAND_IN_CARD_GB"]) * stand_in_card.GB))
                card.__enter__()
                # while torch is still whole
                atexit.register(card.__exit__, None, None, None)

            found.loader.exec_module = then  # type: ignore[method-assign]  # of this one loader
        return found


if "STAND_IN_CARD_GB" in os.environ:
    sys.meta_path.insert(0, _AfterTorch())
