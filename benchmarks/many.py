"""What a dataset of very many files costs those that plan it, collect its receipts and write its manifest.

``python -m benchmarks.many 20000 200000``: for each number of files the real handlers, each in a process of
its own, against an S3 in memory; peak memory, processor time, and the largest answer that a state passes on.
Receipts are put as workers would put them; nothing is converted.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import wave
from pathlib import Path
from typing import Any

from benchmarks.s3_server import Bucket, Server

_FOLDER = "many/upload"
_RUN = "many"

#: What a handler is called with, in a new process.
_CALL = """
import importlib, json, os, resource, sys, time
handler = importlib.import_module(sys.argv[1]).handler
before = resource.getrusage(resource.RUSAGE_SELF)
began = time.perf_counter()
answer = handler(json.loads(sys.argv[2]), None)
after = resource.getrusage(resource.RUSAGE_SELF)
facts = {
    "wall_s": time.perf_counter() - began,
    "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    "peak_mb": after.ru_maxrss / 1e3,
    "answer": answer,
}
print(json.dumps(facts))
"""


def _start_server() -> tuple[Server, str]:
    """Serve in a thread: objects can be put without a request, and nothing else is done here meanwhile."""
    owner = Server()
    ports: list[int] = []
    is_up = threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(owner.serve, "127.0.0.1", 0, limit=2**20)
        ports.append(server.sockets[0].getsockname()[1])
        is_up.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    is_up.wait(30)
    return owner, f"http://127.0.0.1:{ports[0]}"


def _call(name: str, event: dict[str, Any], url: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "eu-north-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "OUTPUT_URI": "s3://many/datasets",
        "MALLOC_ARENA_MAX": "2",
    }
    done = subprocess.run(
        [sys.executable, "-c", _CALL, f"lambdas.{name}", json.dumps(event)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-3000:]}")
    facts: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return facts


def _put(bucket: Bucket, key: str, data: bytes) -> None:
    bucket.objects[key] = (data, f'"{abs(hash(key)):032x}"')


def _pattern() -> dict[str, Any]:
    """Return the receipt of a recording that was really converted, as JSON."""
    from sparc_fuse_core.run.local import convert_dataset
    from sparc_fuse_core.schemes.schemes import Schemes
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import open_source

    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "one", Path(folder) / "out"
        source.mkdir()
        with wave.open(str(source / "x.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(1000)
            file.writeframes(bytes(4000))
        settings = Settings()
        run = convert_dataset(open_source(str(source), settings=settings), out, Schemes(), settings)
        return run.receipts[0].to_json()


def _put_receipts(bucket: Bucket, run_key: str, pattern: dict[str, Any]) -> int:
    """Put what workers would have put; return the bytes of one."""
    below = f"datasets/{run_key}/items/"
    n_bytes = 0
    for key in sorted(k for k in bucket.objects if k.startswith(below) and "/own/" not in k):
        for item in json.loads(bucket.objects[key][0]):
            files = [{**pattern["files"][0], "path": item["files"][0]["path"]}]
            values = {**pattern, "path": item["files"][0]["path"], "files": files}
            data = json.dumps({**values, "key": item["key"], "output": item["output"]}).encode()
            _put(bucket, f"datasets/{_FOLDER}/.sparc-fuse/receipts/{item['output']}.json", data)
            n_bytes = len(data)
    return n_bytes


def main(counts: list[int]) -> None:
    """Print a row for each task and number of files."""
    say = sys.stdout.write
    say("| files | task | peak memory, MB | processor, s | here, s | its answer, bytes |\n")
    say("| --- " * 6 + "|\n")
    pattern = _pattern()
    for n_files in counts:
        owner, url = _start_server()
        bucket = owner.buckets["many"] = Bucket()
        for n in range(n_files):
            key = f"uploads/many/primary/sub-{n // 100:04d}/recording {n % 100:02d}.wav"
            _put(bucket, key, b"x" * 60)
        _put(bucket, "uploads/many/.complete", b"")
        execution = "arn:aws:states:eu-north-1:123456789012:execution:x:many"
        event = {"request": {"dataset_id": "uploads/many"}, "run": _RUN, "execution": execution}
        run_key = ""
        for task in ("plan", "consolidate", "manifest"):
            owner.log.clear()
            facts = _call(task, event, url)
            if task == "plan":
                run_key = facts["answer"]["run_key"]
                event = {"run_key": run_key}
                _put_receipts(bucket, run_key, pattern)
            if task == "manifest" and facts["answer"]["counts"]["converted"] != n_files:
                message = f"a manifest of {facts['answer']['counts']}"
                raise SystemExit(message)
            size = len(json.dumps(facts["answer"]))
            say(
                f"| {n_files:,} | {task} | {facts['peak_mb']:.0f} | {facts['cpu_s']:.0f} | "
                f"{facts['wall_s']:.0f} | {size} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]])
