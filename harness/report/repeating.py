"""What several lines say alike, to be said once."""

from collections.abc import Mapping, Sequence

# fewer words than this are not worth taking out
_WORTH = 6


def by_ending(texts: Mapping[str, str]) -> list[tuple[str, dict[str, str]]]:
    """Texts by name in groups that end with the same words: (those words, what stands before them by name).

    The ending is "" for those that share none with any other. Of one group it is as long as can be.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, text in texts.items():
        groups.setdefault(tuple(text.split()[-_WORTH:]), []).append(name)
    found: list[tuple[str, dict[str, str]]] = []
    alone: dict[str, str] = {}
    for names in groups.values():
        words = {name: texts[name].split() for name in names}
        count = _shared(list(words.values())) if len(names) > 1 else 0
        if count < _WORTH:
            alone |= {name: texts[name] for name in names}
        else:
            ending = " ".join(words[names[0]][-count:])
            found.append((ending, {name: " ".join(said[: len(said) - count]) for name, said in words.items()}))
    return [*found, *([("", alone)] if alone else [])]


def _shared(texts: Sequence[Sequence[str]]) -> int:
    """With how many of the same words all end."""
    count = 0
    while all(len(text) > count and text[-1 - count] == texts[0][-1 - count] for text in texts):
        count += 1
    return count
