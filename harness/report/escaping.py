"""Text of others (articles, recordings, YAML, model outputs) made harmless before it is shown.

A terminal obeys control characters, Markdown obeys its punctuation, a spreadsheet obeys a leading `=`, TeX obeys ten
characters and joins others (`--`), XML cannot hold every character at all. Rich markup is no danger here, because
untrusted text only ever becomes a `rich.text.Text`, which is never parsed.
"""

import re
import unicodedata

LIMIT = 600
_MARKDOWN = re.compile(r"[\\`*|\[\]<>~$]")
# `qwen3_32b` is no emphasis and stays readable; `_word_` would be.
_UNDERSCORE = re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_NUMBER = re.compile(r"[-+]?[\d.,]+( ?%)?")
# what XML 1.0 calls a Char; `clean` keeps U+FFFE and U+FFFF, which are none
_NO_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEX_PAIRS = re.compile(r"-(?=-)|,(?=,)")
_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    # after the end of a row these two would be an argument of it
    "[": "{[}", "*": "{*}",
    "–": r"\textendash{}", "—": r"\textemdash{}", "…": r"\textellipsis{}", "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}", "“": r"\textquotedblleft{}", "”": r"\textquotedblright{}", "°": r"\textdegree{}",
    "±": r"\ensuremath{\pm}", "×": r"\ensuremath{\times}", "−": r"\ensuremath{-}", "≥": r"\ensuremath{\geq}",
    "≤": r"\ensuremath{\leq}", "≈": r"\ensuremath{\approx}", "≠": r"\ensuremath{\neq}",
    "↓": r"\ensuremath{\downarrow}", "↑": r"\ensuremath{\uparrow}", "→": r"\ensuremath{\rightarrow}",
    "←": r"\ensuremath{\leftarrow}",
}  # fmt: skip
_TEX_WANTING = re.compile(f"[\\0{re.escape(''.join(_TEX))}]|[^\\0-\\x7f]")


def clean(text: str, limit: int = LIMIT) -> str:
    """One line of visible characters: white space and controls become single spaces or go, lone surrogates become
    U+FFFD, and what is longer than `limit` characters ends in an ellipsis.

    Format characters (Unicode Cf: bidirectional overrides, zero-width and tag characters) go too: they can make
    one figure look like another.
    """
    # printable are all but spaces other than the plain one and the categories C and Z
    if not text.isprintable():
        text = "".join(map(_visible, text))
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


def spreadsheet(text: str, limit: int = LIMIT) -> str:
    """`clean` text that no spreadsheet takes for a formula. Numbers keep their sign."""
    text = clean(text, limit)
    return "'" + text if text[:1] in tuple("=+-@") and not _NUMBER.fullmatch(text) else text


def tex(text: str, limit: int = LIMIT) -> str:
    """`clean` text that LaTeX prints as it is, in ASCII alone, so that no encoding has to be declared.

    A character without a command of its own becomes `\\harnesschar{5019}`, which the document has to define.
    """
    parted = _TEX_PAIRS.sub(lambda m: m.group() + "\0", clean(text, limit))
    return _TEX_WANTING.sub(lambda m: _tex_character(m.group()), parted)


def tex_code(text: str) -> str:
    """The same in typewriter type, broken after `-`, `/`, `.`, `_` and `:` where a line has no room."""
    text = re.sub(r"(-|/|\\_|\.|:)(?:\{\})?", r"\1\\allowbreak{}", tex(text))
    return rf"\texttt{{{text}}}" if text else ""


def xml(text: str, limit: int = LIMIT) -> str:
    """`clean` text of characters that XML 1.0 can hold; `<` and `&` are left to whatever writes the XML."""
    return _NO_XML.sub("", clean(text, limit))


def _tex_character(character: str) -> str:
    if character == "\0":
        return "{}"
    known = _TEX.get(character)
    if known is None:
        return character if character.isascii() else rf"\harnesschar{{{ord(character):04X}}}"
    return known
