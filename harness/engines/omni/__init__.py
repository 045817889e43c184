"""Prompts with images, sounds and films, and spoken answers: Qwen2.5-Omni behind the Engine protocol.

`engine.py` is the engine. Text is written in the same packed batches as in the transformers engine, by the thinker's
language model. What stands before that:

1. `ahead.py`: a thread reads and prepares the media of requests to come (`conversations.py`).
2. `encoding.py`: the encoders make rows of them, several prompts at once; rows lie in the computer's memory, and
   `keeping.py` says which are kept for the next round of questions.
3. `given.py`: every medium gets numbers of its own beyond the vocabulary in place of its placeholder ids, so that the
   scheduler shares what is computed of equal media and of nothing else; when the model is called the rows stand in
   their places, and positions have three axes.

Spoken answers (`speaking.py`) are the library's own, one after the other.
"""
