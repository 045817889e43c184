"""What is nobody else's business: secrets and folders of this machine, taken out of commands, errors and notes.

One place for all: errors lose their secrets before they are stored (harness.store), and secrets and folders wherever
something leaves the machine (copies, pages, exports). What is taken out is `…`; doing it twice changes nothing.
"""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_HIDDEN = "…"
# names that nothing but a secret has, whatever sign and value follow
_SURELY = (
    r"api[-_]?keys?|(?:access|auth|bearer|refresh|id|hf|hub|github|session|private|secret|api|user)[-_]?(?:token|key)s?"
    r"|secrets?|passwords?|passwd|passphrase|credentials?|authorization|cookies?|x-amz-(?:signature|credential)|signature"
)
# names that mean something else as well: an eos_token is none, a sort key is none
_MAYBE = r"tokens?|key|auth|bearer|pat|sig|pwd"
_SECRET_NAME = re.compile(rf"(?:^|[-_.])(?:{_SURELY}|token|key|auth|bearer|pat|sig|pwd)$", re.I)
# so are options in the plural, if what follows is no number: --max-tokens 100 and --tokens-per-second 5 stay
_SECRET_NAMES = re.compile(r"^-{0,2}tokens$", re.I)
_ANY_KEY = re.compile(r"(?:api-?key|token|secret|password|passwd)$", re.I)
_SPECIAL = re.compile(
    r"(?:^|[-_.])(?:bos|eos|pad|unk|sep|cls|mask|image|audio|video|vision|special|next|stop|first|last|end|start|new|"
    r"per|sort|dict)[-_.]?(?:token|key)$",
    re.I,
)
_NUMBER = re.compile(r"[-+]?[\d.,_]+(?:e[-+]?\d+)?[kmg%]?", re.I)

_SECRET_VALUE = re.compile(
    r"\b(?:hf_|api_org_|sk-|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|ASIA|AIza|ya29\.|nvapi-|pypi-|npm_|eyJ)"
    r"[\w.-]{6,}"
)
# in a sentence a bearer is followed by other words; a token has digits in it
_BEARER = re.compile(r"\b(bearer|basic)\s+(?=[^\s'\"…]*\d)[\w.~+/=-]{6,}", re.I)
# every pattern is bounded, or begins at few places: errors may be as long as a page of a server's
_LOGIN = re.compile(r"(?<=://)[^/\s…'\"]+(?=@)")
_QUERY = re.compile(r"([?&;])([^=&;#?\s]{1,80})=([^&;#\s'\")\]}>]*)")
_NAMED = re.compile(
    r"(?P<name>(?<![\w.-])(?:[\w.-]{0,60}?[-_.])?(?:" + _SURELY + "|" + _MAYBE + r"))"
    r"(?P<sign>[\"']?\s*[=:]\s*)"
    r"(?P<value>(?:(?:bearer|basic)\s+)?(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s,;&\"'{}()\[\]<>…]+))",
    re.I,
)
_SURE = re.compile(rf"(?:^|[-_.])(?:{_SURELY})$", re.I)
_OBVIOUS = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])\S{8,}")
_WORD = re.compile(r"none|null|true|false|nil|undefined|\W*", re.I)
_ASSIGNED = re.compile(r"(?P<name>-{0,2}[A-Za-z][\w.-]+)(?P<sign>[=:])(?P<value>.*)", re.S)
_INSIDE = re.compile(r"\s*[{\[]")

# begins at the root, at home, above the working folder, at a drive or another machine; not within a word, an address
# or a fraction. A folder's name may hold up to three spaces.
_PART = r"[^\s/\\'\":;,…]+"
_FOLDERS = re.compile(
    r"(?<![\w:/\\.~…])(?:file:///?(?:[A-Za-z]:[/\\])?|~[\w.-]*/|(?:\.\.[/\\])+|/(?!/)|[A-Za-z]:(?:\\+|/(?!/))|\\\\(?=\w))"
    rf"(?:{_PART}(?: [^\s/\\'\":;,.…()]+){{0,3}}[/\\]+)+"
)


def fit_to_show(text: str) -> str:
    """A sentence without secrets and without folders of this machine."""
    return without_folders(without_secrets(text))


def without_folders(text: str) -> str:
    """A text in which paths of this machine are `…/` and the file's name."""
    return _FOLDERS.sub("…/", text)


def without_secrets(text: str) -> str:
    """A sentence without tokens of known services, logins in addresses, and values of what is named a password, an API
    key and the like. A name that is seldom a secret (`token`, `key`) hides its value only where that looks like one."""
    if not text:
        return text
    text = _LOGIN.sub(_HIDDEN, _SECRET_VALUE.sub(_HIDDEN, text))
    text = _QUERY.sub(_asked, text)
    return _BEARER.sub(rf"\1 {_HIDDEN}", _NAMED.sub(_named, text))


def command_line(words: Sequence[str]) -> str:
    """A command as it was typed, fit to be published.

    What looks like a secret (values of options and assignments named token, key, password and the like; tokens of
    known services; logins in addresses) is `…`; of paths that begin at the root, at home or above the working folder
    only the file's name is left.
    """
    told, before = [Path(word).name for word in words[:1]], ""
    for word in words[1:]:
        hide = before and not word.startswith("--") and _hides(before, word)
        told.append(_HIDDEN if hide else _harmless(word))
        before = word if word.startswith("-") and "=" not in word else ""
    return " ".join(_quoted(word) for word in told)


def _harmless(word: str) -> str:
    """One word of a command."""
    assigned = _ASSIGNED.fullmatch(word)
    if assigned and not assigned["value"].startswith("//") and not _INSIDE.match(word):
        name, sign, value = assigned["name"], assigned["sign"], assigned["value"]
        return f"{name}{sign}{_HIDDEN if value and _hides(name, value) else _harmless_list(value)}"
    word = re.sub(r"\b(bearer|basic)\s+\S+", _HIDDEN, word, flags=re.I)
    word = without_secrets(word)
    if word.startswith(("/", "~", "../")):
        return f"…/{Path(word).name}"
    return without_folders(word)


def _harmless_list(value: str) -> str:
    """The value of an option, which may be several assignments (a=b,token=c) or JSON."""
    if _INSIDE.match(value) or "=" not in value:
        return _harmless(value)
    return ",".join(_harmless(part) for part in value.split(","))


def _hides(name: str, value: str) -> bool:
    """Whether the value of an option or an assignment of this name is a secret."""
    if _SECRET_NAMES.match(name):
        return _NUMBER.fullmatch(value) is None
    return (_SECRET_NAME.search(name) is not None or _ANY_KEY.search(name) is not None) and not _SPECIAL.search(name)


def _asked(found: re.Match[str]) -> str:
    """A part of an address behind the question mark."""
    hide = found[3] and _hides(found[2], found[3])
    return f"{found[1]}{found[2]}={_HIDDEN if hide else found[3]}"


def _named(found: re.Match[str]) -> str:
    """`name: value` or `name=value` in a sentence, with the value hidden where it is a secret."""
    name, sign, value = found["name"].lstrip("-"), found["sign"], found["value"]
    plain = value.strip("\"'")
    if _SPECIAL.search(name) or _NUMBER.fullmatch(plain) or _WORD.fullmatch(plain) or plain == _HIDDEN:
        return found[0]
    quoted = sign[0] in "\"'" and value[0] in "\"'"
    sure = _SURE.search(name) is not None and ("=" in sign or quoted or len(plain) >= 4)
    if not (sure or (quoted and "=" not in sign) or _OBVIOUS.fullmatch(plain)):
        return found[0]
    mark = value[0] if value[0] in "\"'" else ""
    return f"{found['name']}{sign}{mark}{_HIDDEN}{mark}"


def _quoted(word: str) -> str:
    plain = word.replace(_HIDDEN, "_")
    return word if shlex.quote(plain) == plain else shlex.quote(word)
