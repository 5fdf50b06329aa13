"""Prints the peak memory of loading a corpus into a cache, in MiB, as JSON: of this process, and of a decoding one.

python benchmarks/peak_memory.py FOLDER {sound,video} CACHE; `prepare.py` runs it.
"""

from __future__ import annotations

import json
import resource
import sys

from emozoo.data.loading import load_dataset


def main(folder: str, kind: str, cache: str) -> None:
    load_dataset("iemocap", folder, labels=("all",), video=kind == "video", cache_dir=cache)
    with open("/proc/self/status", encoding="utf-8") as file:
        # getrusage would count what the parent had before it started this program.
        own = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    print(json.dumps([own / 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))


if __name__ == "__main__":
    main(*sys.argv[1:])
