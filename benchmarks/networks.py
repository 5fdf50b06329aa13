"""The bundled networks, as `emozoo benchmark` measures them, beside a transformers pipeline of wav2vec2-base's size.

python benchmarks/networks.py [--device auto]

The pipeline's model has random weights, from Wav2Vec2Config's defaults: nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from typing import Any

import numpy as np
from common import heading, seconds, table

NETWORKS = ("cnn", "cnn_lstm", "cnn_rnn", "cnn_rnn_3dcnn")


def transformers_pipeline(device: str) -> dict[str, float]:
    """From sound to labels, one clip of 3 s at a time and 8 at a time."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification, pipeline

    torch.manual_seed(0)
    model = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(num_labels=4)).eval()
    extractor = Wav2Vec2FeatureExtractor()
    classify = pipeline("audio-classification", model=model, feature_extractor=extractor, device=device)
    clip = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    classify(clip)
    single = []
    while len(single) < 5 or (sum(single) < 5 and len(single) < 100):
        single.append(seconds(lambda: classify(clip)))
    batches = seconds(lambda: [list(classify([clip] * 8, batch_size=8)) for _ in range(3)])
    if device.startswith("cuda"):
        memory = torch.cuda.max_memory_allocated() / 1e6
    else:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "p50_ms": 1e3 * float(np.percentile(single, 50)),
        "p95_ms": 1e3 * float(np.percentile(single, 95)),
        "windows_per_second": max(24 / batches, 1 / float(np.median(single))),
        "memory": memory,
    }


def output_of(*words: str) -> dict[str, Any]:
    """The JSON that a Python process prints."""
    done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout[done.stdout.index("{") :])


def network_row(name: str, found: dict[str, Any]) -> list[str]:
    """From the document of `emozoo benchmark --json`."""
    latency, step = found["latency_of_a_window"], found["training_step"]
    best = max(found["throughput"], key=lambda row: row["windows_per_second"])
    return [
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


def pipeline_row(found: dict[str, float]) -> list[str]:
    speed = found["windows_per_second"]
    return [
        "transformers' pipeline, wav2vec2-base's size",
        f"{found['parameters']:,.0f}",
        "",
        f"{found['p50_ms']:.1f}",
        f"{found['p95_ms']:.1f}",
        f"{speed:.1f}",
        f"{1 / speed:.4f}",
        "",
        "",
        f"{found['memory']:,.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pipeline", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.pipeline:  # in a process of its own, because its memory is measured
        print(json.dumps(transformers_pipeline(asked.device)))
        return
    print(heading("Networks"))
    found = {
        name: output_of("-m", "emozoo", "benchmark", name, "--device", asked.device, "--json") for name in NETWORKS
    }
    last = found[NETWORKS[-1]]
    device, peak = last["machine"]["device"], last["peak_gflops"]
    rows = [network_row(name, document) for name, document in found.items()]
    rows.append(pipeline_row(output_of(__file__, "--pipeline", "--device", device)))
    columns = (
        "network", "parameters", "GFLOP a window", "latency p50, ms", "p95, ms", "windows/s at a batch of",
        "real-time factor", "% of float32 peak", "training step, ms at a batch of", "peak MB",
    )  # fmt: skip
    print(table(columns, rows))
    peaks = ", ".join(f"{value:.0f} in {kind}" for kind, value in peak.items())
    print(f"On {device}; measured peak, GFLOP/s: {peaks}.")


if __name__ == "__main__":
    main()
