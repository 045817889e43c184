"""MM-Vet: 218 open questions about 200 images, which want several abilities at once; a judge marks the answers.

Title     MM-Vet: Evaluating Large Multimodal Models for Integrated Capabilities
Paper     arXiv:2308.02490
Dataset   lmms-lab/MMVet, data/test-*.parquet; or yuweihao/MM-Vet, mm-vet.zip of the repository's first release:
          mm-vet/mm-vet.json with mm-vet/images/ beside it; or MMVet.tsv of VLMEvalKit, with the images in it as base64
Licence   research and teaching that is not commercial (LICENSE_DATASET of the repository)

Prompt: the question alone, the image before it, as VLMEvalKit has it for all models. Scorer: `mm-vet`. A judge compares
the answer with what counts as right; it does not see the image. Officially that is GPT-4; the claim's figure, "MMVet
(turbo)", is VLMEvalKit's, by GPT-4 Turbo, asked once.
"""

from harness.records import Sample, turn
from harness.tasks.rows import Row
from harness.tasks.vision.base import MediaTask, text_of
from harness.tasks.vision.folder import first_there, medium


class MmVet(MediaTask):
    """Rows are {"question", "answer", "capability", "imagename"} by their names, {"index", "question", "answer",
    "category", "image"}, or {"question_id", "question", "answer", "capability", "image"}. The abilities are a list, or
    a text with commas. In an answer, <AND> and <OR> stand between its parts."""

    id = "mmvet"
    title = "MM-Vet"
    scorers = ("mm-vet",)
    patterns = ("mm-vet/mm-vet.json", "mm-vet.json", "MMVet.tsv", "mmvet.jsonl")
    wanted = "mm-vet.json of yuweihao/MM-Vet with its images, or MMVet.tsv of VLMEvalKit"

    def asked(self, index: int, row: Row) -> Sample:
        question, answer = text_of(row, "question"), text_of(row, "answer")
        if not question or not answer:
            raise ValueError("it has no question, or no answer")
        kinds = row.get("capability") or text_of(row, "category")
        kinds = kinds.split(",") if isinstance(kinds, str) else kinds
        image = row.get("image") or str(first_there(self.beside, f"images/{row['imagename']}", row["imagename"]))
        return Sample(
            f"{self.id}/{text_of(row, 'index') or text_of(row, 'question_id') or index}",
            answer,
            messages=(turn("user", medium("image", image, self.beside), question),),
            row={"capability": sorted(str(kind).strip() for kind in kinds if str(kind).strip())},
        )
