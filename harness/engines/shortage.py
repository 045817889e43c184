"""Whether an error says that a device's memory ran out. Nothing of torch is loaded before there is such an error."""

# of a CPU, of pinned memory, of what the matrix kernels need for themselves
_WORDS = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def out_of_memory(error: RuntimeError) -> bool:
    """Of a GPU, or of what torch has no class for."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _WORDS)
