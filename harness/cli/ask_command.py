"""`harness ask`: one question to one model, with images, sounds and films, answered on the terminal.

Only options and help stand here; harness.cli.answering does the work.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from harness.cli.output import Json

if TYPE_CHECKING:
    from harness.records import MediaKind

_ORDER = "harness.order of media"
KINDS = ("image", "audio", "video")


class InOrder(TyperCommand):
    """Remembers in which order --image, --audio and --video stand: the parser keeps the order within each only."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[_ORDER] = tuple(_kinds(args))
        return list(super().parse_args(ctx, args))


def _kinds(args: Sequence[str]) -> Iterator[str]:
    for argument in args:
        if argument == "--":
            return
        kind = argument.partition("=")[0].removeprefix("--")
        if argument.startswith("--") and kind in KINDS:
            yield kind


def add_to(app: typer.Typer) -> None:
    """Adds this command to the application."""
    app.command("ask", cls=InOrder)(ask)


def ask(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A configured model, a local folder or a hub id.")],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")],
    image: Annotated[list[Path] | None, typer.Option("--image", help="Show this image; may repeat.")] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option("--audio", help="Let it hear this sound, or of it a piece: FILE@10-30 (seconds); may repeat."),
    ] = None,
    video: Annotated[
        list[Path] | None,
        typer.Option("--video", help="Show this film, or of it a piece: FILE@0:10-0:30; may repeat."),
    ] = None,
    video_sound: Annotated[bool, typer.Option("--video-sound", help="Let it hear the films' sound as well.")] = False,
    media_after: Annotated[
        bool, typer.Option("--media-after", help="Media behind the question; else before it, in the order given.")
    ] = False,
    system: Annotated[str | None, typer.Option("--system", help="The system prompt; else the chat template's.")] = None,
    speak: Annotated[
        Path | None, typer.Option("--speak", metavar="OUT.wav", help="Have the answer spoken as well, into this file.")
    ] = None,
    voice: Annotated[str | None, typer.Option("--voice", help="One of the model's voices; else its first.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Output tokens; else the model's recommended number.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", min=0, help="0 is greedy; else the model's recommended one.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn; the same gives the same answer.")] = 0,
    precision: Annotated[
        str | None, typer.Option("--precision", help="bf16, int8 …; the model's own otherwise.")
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    engine: Annotated[str | None, typer.Option("--engine", help="omni, transformers, whisper or scripted.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Asks a model one question. The answer comes on stdout as it is written, what the model was given on stderr."""
    from harness.cli import answering, pieces

    files: dict[MediaKind, list[Path]] = {"image": image or [], "audio": audio or [], "video": video or []}
    asked = answering.Asked(
        model=model,
        question=question,
        media=pieces.in_order(files, context.meta.get(_ORDER, ()), sound=video_sound),
        media_after=media_after,
        system=system,
        speak=speak,
        voice=voice,
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
        precision=precision,
        device=device,
        engine=engine,
    )
    answering.show(asked, as_json=as_json)
