"""Text of others (articles, recordings, YAML, model outputs) made harmless before it is shown.

A terminal obeys control characters, Markdown obeys its punctuation, a spreadsheet obeys a leading `=`. Rich markup
is no danger here, because untrusted text only ever becomes a `rich.text.Text`, which is never parsed.
"""

import re
import unicodedata

LIMIT = 600
_MARKDOWN = re.compile(r"[\\`*|\[\]<>~$]")
# `qwen3_32b` is no emphasis and stays readable; `_word_` would be.
_UNDERSCORE = re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_NUMBER = re.compile(r"[-+]?[\d.,]+( ?%)?")


def clean(text: str, limit: int = LIMIT) -> str:
    """One line of visible characters: white space and controls become single spaces or go, lone surrogates become
    U+FFFD, and what is longer than `limit` characters ends in an ellipsis.

    Format characters (Unicode Cf: bidirectional overrides, zero-width and tag characters) go too: they can make
    one figure look like another.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_visible(c) for c in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "" if category in {"Cc", "Cf"} else character


def markdown(text: str, limit: int = LIMIT) -> str:
    """`clean` text that GitHub-flavoured Markdown shows as it is, in a table cell, a heading or a paragraph.

    Not covered: characters that only count at the start of a line (`#`, `-`, `1.`); callers put text after a word.
    """
    text = _MARKDOWN.sub(lambda m: "\\" + m.group(), clean(text, limit))
    return _ENTITY.sub("&amp;", _UNDERSCORE.sub(r"\\_", text))


def markdown_code(text: str) -> str:
    """`text` as inline code inside a table cell. A backtick cannot be escaped there and becomes an apostrophe."""
    text = clean(text).replace("`", "'").replace("|", "\\|")
    return f"`{text}`" if text else ""


def spreadsheet(text: str) -> str:
    """`clean` text that no spreadsheet takes for a formula. Numbers keep their sign."""
    text = clean(text)
    return "'" + text if text[:1] in tuple("=+-@") and not _NUMBER.fullmatch(text) else text
