"""Tensors that say they lie on a card, and the memory there (see stand_in_card, whose part this is)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import torch
from stand_in_memory import CARDS, Block
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

CPU = torch.device("cpu")
# operations that may read from the other device, or take indices or single numbers of the computer
_CROSSING = {"aten::copy_", "aten::_to_copy", "aten::to"}
_INDEXED = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_", "aten::_unsafe_index"}
_NUMBERED = {"aten::masked_fill", "aten::masked_fill_", "aten::fill", "aten::fill_", "aten::where", *_INDEXED}


class Mixed(RuntimeError):
    """An operation on tensors of several devices, in the words of CUDA."""


class OnCard(torch.Tensor):
    """A tensor that lies on a card; `inner` has its numbers."""

    inner: torch.Tensor
    _block: Block
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: torch.Tensor, device: torch.device) -> OnCard:
        assert type(inner) is torch.Tensor and inner.device == CPU, inner
        block = CARDS[device.index].block(inner.untyped_storage())
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            layout=inner.layout, device=device,
        )  # fmt: skip
        made.inner, made._block = inner, block
        return made

    def __init__(self, inner: torch.Tensor, device: torch.device) -> None:
        pass

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"OnCard({self.inner!r}, {self.device})"

    def data_ptr(self) -> int:
        """The address that tells tensors apart, as code that counts them wants it."""
        return self.inner.data_ptr()

    def untyped_storage(self) -> torch.UntypedStorage:
        return self.inner.untyped_storage()

    def tolist(self) -> Any:
        return self.inner.tolist()

    def __format__(self, form: str) -> str:
        return format(self.inner, form)

    def numpy(self, *, force: bool = False) -> Any:
        if force:
            return self.inner.numpy(force=True)
        raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() first.")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise NotImplementedError("a tensor of the stand-in is not pickled: bring it to the CPU first")

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, dict(kwargs or {}))


@cache
def _places(func: Any) -> tuple[int | None, bool]:
    """Where the device stands among the arguments, if one does; whether single numbers may come from the computer."""
    schema = func._schema
    at = next((i for i, a in enumerate(schema.arguments) if a.name == "device" and "Device" in str(a.type)), None)
    return at, torch.Tag.pointwise in func.tags or schema.name in _NUMBERED


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operation: done on the processor, its result on the device where CUDA would have it. Raises Mixed."""
    name = func._schema.name
    tensors = [*_tensors(args), *_tensors(kwargs.values())]
    onCARDS = [one for one in tensors if isinstance(one, OnCard)]
    at = _places(func)[0]
    target = _target(func, args, kwargs, at)
    if onCARDS:
        _check(func, name, tensors, args)
    elif target is None or target.type != "cuda":
        return func(*args, **kwargs)
    there = onCARDS[0].device if onCARDS else CPU
    if name == "aten::copy_":
        there = args[0].device
    if at is not None and target is not None and target.type == "cuda":
        args = tuple(CPU if i == at else one for i, one in enumerate(args))
        kwargs = kwargs | ({"device": CPU} if "device" in kwargs else {})
    if "pin_memory" in kwargs:
        kwargs = kwargs | {"pin_memory": False}
    plain = {key: _changed(value, _inner) for key, value in kwargs.items()}
    found = _INSTEAD.get(str(func), func)(*(_changed(value, _inner) for value in args), **plain)
    return _changed(found, lambda one: _placed(one, target or there, tensors))


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """All among the arguments of an operation, which stand alone or in lists."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _changed(value: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    return type(value)([_changed(one, change) for one in value]) if isinstance(value, list | tuple) else value


def _inner(one: torch.Tensor) -> torch.Tensor:
    return one.inner if isinstance(one, OnCard) else one


def _target(func: Any, args: Any, kwargs: dict[str, Any], at: int | None) -> torch.device | None:
    """The device that the operation is told to give its result on."""
    if str(func) == "aten.to.other":
        return args[1].device
    if at is None:
        return None
    named = kwargs.get("device", args[at] if at < len(args) else None)
    return None if named is None else settled(torch.device(named))


def _check(func: Any, name: str, tensors: list[torch.Tensor], args: Any) -> None:
    if "_for_cpu" in name or "mkldnn" in name:
        raise NotImplementedError(f"Could not run '{name}' with arguments from the 'CUDA' backend.")
    if name in _CROSSING:
        return
    first = args[0] if args else None
    there = next(one.device for one in tensors if isinstance(one, OnCard))
    for one in tensors:
        if one.device == there or (one.device == CPU and one.dim() == 0 and _places(func)[1]):
            continue
        if name in _INDEXED and one.device == CPU and isinstance(first, OnCard) and any(one is i for i in args[1]):
            continue
        raise Mixed(
            f"Expected all tensors to be on the same device, but found at least two devices, {there} and {one.device}! "
            f"({func}, shapes {[tuple(t.shape) for t in tensors]})"
        )


def _placed(one: torch.Tensor, there: torch.device, given: list[torch.Tensor]) -> torch.Tensor:
    """A result on its device: the wrapper itself where an argument was changed, a copy where it came from elsewhere."""
    storage = one.untyped_storage()._cdata
    for source in given:
        inner = source.inner if isinstance(source, OnCard) else source
        if source.device == there and inner is one:
            if source.shape != one.shape or source.stride() != one.stride():
                raise NotImplementedError("the stand-in does not follow a tensor that changes its shape in place")
            return source
        if source.device != there and inner.untyped_storage()._cdata == storage:
            one = one.clone()
            break
    if there.type != "cuda":
        return one
    # in inference mode, too, a view of an ordinary tensor is one
    with torch.inference_mode(torch.is_inference_mode_enabled() and one.is_inference()):
        return OnCard(one, there)


_INSTEAD: dict[str, Callable[..., Any]] = {
    # exists for CUDA alone
    "aten.bmm.dtype": lambda a, b, dtype: torch.bmm(a.to(dtype), b.to(dtype)),
    "aten.histc.default": lambda one, *args, **kwargs: torch.histc(one.double(), *args, **kwargs).to(one.dtype),
    # else the processor's choice would be looked for among CUDA's kernels: 0 is plain mathematics
    "aten._fused_sdp_choice.default": lambda *args, **kwargs: 0,
    "aten._pin_memory.default": lambda one, device=None: one.clone(),
    "aten.pin_memory.default": lambda one, device=None: one.clone(),
}


class _Operations(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # else the compiler is imported for the sake of keeping it away
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, dict(kwargs or {}))


class _Names(TorchFunctionMode):
    """Devices as CUDA settles them: 0 and "cuda" are cuda:0, the current one."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        if func is torch.device:
            return settled(args[0]) if len(args) == 1 and type(args[0]) is int else func(*args, **given)
        if func is torch.Tensor.cuda:
            return args[0].to(settled((args[1] if len(args) > 1 else given.get("device")) or 0))
        if func is torch.Tensor.to and len(args) > 1:
            args = (args[0], settled(args[1]), *args[2:])
        if "device" in given:
            given["device"] = settled(given["device"])
        if func in _AT and isinstance(args[0], OnCard):
            args = (args[0], _indices(args[1]), *args[2:])
        if func in _FROM_DATA:
            given.pop("pin_memory", None)
        if func in _FROM_DATA and (there := _device_of_data(func, args, given)) is not None:
            # made where no mode sees it
            return func(*args, **given | {"device": CPU}).to(there)
        return func(*args, **given)


_AT = (torch.Tensor.__getitem__, torch.Tensor.__setitem__)


def _indices(at: Any) -> Any:
    """Lists as tensors: torch makes tensors of them where no mode sees it."""
    if isinstance(at, tuple):
        return tuple(_indices(one) for one in at)
    return torch.tensor(list(at)) if isinstance(at, list | range) else at


_FROM_DATA = (torch.tensor, torch.as_tensor, torch.asarray, torch.Tensor.new_tensor)


def _device_of_data(func: Any, args: Any, given: dict[str, Any]) -> torch.device | None:
    """Where a tensor of plain numbers is to lie, if that is a card."""
    named = given.get("device")
    if named is None and func is torch.Tensor.new_tensor:
        named = args[0].device
    return torch.device(named) if named is not None and torch.device(named).type == "cuda" else None


def settled(device: Any) -> Any:
    """A device of a card with its number; anything else as it is. Raises RuntimeError for a card that is not there."""
    if isinstance(device, bool) or not isinstance(device, int | str | torch.device):
        return device
    if isinstance(device, str) and not device.startswith("cuda"):
        return device
    found = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
    if found.type != "cuda":
        return found
    if (found.index or 0) >= len(CARDS):
        raise RuntimeError("CUDA error: invalid device ordinal")
    return torch.device("cuda", found.index or 0)


@contextlib.contextmanager
def modes() -> Iterator[None]:
    """In this thread."""
    with _Operations(), _Names():
        yield
