"""The networks in the box, as `emozoo benchmark` measures them, beside a transformers pipeline of wav2vec2-base's size.

python benchmarks/networks.py [--device auto]

The pipeline's model has random weights, from Wav2Vec2Config's defaults: nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from common import heading, table

NETWORKS = ("cnn", "cnn_lstm", "cnn_rnn", "cnn_rnn_3dcnn")


def transformers_pipeline(device: str) -> dict[str, object]:
    """Seconds of sound in, labels out, one clip of 3 s at a time and 8 at a time."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification, pipeline

    torch.manual_seed(0)
    model = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(num_labels=4)).eval()
    classify = pipeline(
        "audio-classification", model=model, feature_extractor=Wav2Vec2FeatureExtractor(), device=device
    )
    clip = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    classify(clip)
    single = []
    while len(single) < 5 or (sum(single) < 5 and len(single) < 100):
        begun = time.perf_counter()
        classify(clip)
        single.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    for _ in range(3):
        list(classify([clip] * 8, batch_size=8))
    batch = 24 / (time.perf_counter() - begun)
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "p50_ms": 1e3 * float(np.percentile(single, 50)),
        "p95_ms": 1e3 * float(np.percentile(single, 95)),
        "windows_per_second": max(batch, 1 / float(np.median(single))),
        "memory": torch.cuda.max_memory_allocated() / 1e6
        if device.startswith("cuda")
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pipeline", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.pipeline:  # in a process of its own, for its memory is measured
        print(json.dumps(transformers_pipeline(asked.device)))
        return
    print(heading("Networks"))
    rows = []
    for name in NETWORKS:
        words = [sys.executable, "-m", "emozoo", "benchmark", name, "--device", asked.device, "--json"]
        found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        latency, step = found["latency_of_a_window"], found["training_step"]
        best = max(found["throughput"], key=lambda row: row["windows_per_second"])
        rows.append(
            [
                f"`{name}`",
                f"{found['parameters']:,}",
                f"{found['flops_per_window'] / 1e9:.2f}",
                f"{latency['p50_ms']:.1f}",
                f"{latency['p95_ms']:.1f}",
                f"{best['windows_per_second']:.0f} at {best['batch']}",
                f"{found['real_time_factor']:.4f}",
                f"{100 * best['share_of_peak']:.0f}",
                f"{step['ms']:.0f} at {step['batch']}",
                f"{found['peak_memory_mb']['prediction']:,}",
            ]
        )
    device = found["machine"]["device"]
    words = [sys.executable, __file__, "--pipeline", "--device", device]
    pipe = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    speed = pipe["windows_per_second"]
    rows.append(
        [
            "transformers' pipeline, wav2vec2-base's size",
            f"{pipe['parameters']:,}",
            "",
            f"{pipe['p50_ms']:.1f}",
            f"{pipe['p95_ms']:.1f}",
            f"{speed:.1f}",
            f"{1 / speed:.4f}",
            "",
            "",
            f"{pipe['memory']:,.0f}",
        ]
    )
    columns = (
        "network", "parameters", "GFLOP a window", "latency p50, ms", "p95, ms", "windows/s at a batch of",
        "real-time factor", "% of float32 peak", "training step, ms at a batch of", "peak MB",
    )  # fmt: skip
    print(table(columns, rows))
    peak = found["peak_gflops"]
    print(
        f"On {device}; measured peak: {peak['float32']:.0f} GFLOP/s in float32, {peak['bfloat16'] or 0:.0f} in bfloat16."
    )


if __name__ == "__main__":
    main()
