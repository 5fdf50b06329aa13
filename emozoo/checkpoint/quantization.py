"""An exported graph whose convolutions multiply whole numbers of 8 bits: by onnxruntime's own static quantization.

The other layers stay in float32: recurrent ones have no form in 8 bits, and the rest is too little to gain by.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emozoo.inference.model import Window

if TYPE_CHECKING:
    from onnx import ModelProto

BATCH = 8
Feeds = Callable[[Sequence[Window]], list[dict[str, np.ndarray]]]
"""Windows as the inputs of the graph, in one call or several."""


def quantize(graph: ModelProto, windows: Sequence[Window], feeds: Feeds) -> ModelProto:
    """The graph with its convolutions in 8 bits. `windows` decide which range of numbers each of them takes, so they must
    be like those that will be asked about.

    Weights have a scale for each filter (Jacob et al. 2018, arXiv 1712.05877), and 7 bits: with 8, the sums of processors
    without VNNI would overflow.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            batches = (windows[first : first + BATCH] for first in range(0, len(windows), BATCH))
            self._feeds = (feed for batch in batches for feed in feeds(batch))

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._feeds, None)

    with tempfile.TemporaryDirectory(prefix="emozoo-int8-") as folder:
        path = Path(folder, "int8.onnx")
        quantize_static(
            graph,
            path,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        found: ModelProto = onnx.load(path)
    used = {node.domain for node in found.graph.node}
    known = [each for each in found.opset_import if each.domain in ("", "ai.onnx") or each.domain in used]
    del found.opset_import[:]
    found.opset_import.extend(known)
    return found
