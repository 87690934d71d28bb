"""``make image-check``: build both images, convert a dataset through them, compare, print.

The Lambda image is driven through the Runtime API, the Fargate image through its entry point; each with a
read-only root, as a user without rights, against an S3 server on this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import xarray as xr
import zarr
from moto.server import ThreadedMotoServer

from containers.image_check import dataset, sandbox
from containers.image_check.build import TARGETS, BuildError, Images, missing_tools
from containers.image_check.runtime_api import RuntimeApi

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence

_BUCKET = "image-check"
_NAME = "small"
_REGION = "eu-north-1"
_EXECUTION = f"arn:aws:states:{_REGION}:123456789012:execution:image-check:image-check"
_HANDLERS = ("start", "plan", "convert", "consolidate", "manifest")
#: Lambda runs functions as a user of its own, whatever the image says.
_LAMBDA_USER = 993
_TIME_LIMIT_S = 600
_TAIL_BYTES = 4000


class CheckError(Exception):
    """An image does not do what it must."""


@dataclass(frozen=True)
class Run:
    """A program that ran in an image to its end."""

    seconds: float
    cpu_s: float
    peak_bytes: int
    output: str


@dataclass(frozen=True)
class Box:
    """An image that programs are started in."""

    target: str
    root: Path
    configuration: Mapping[str, Any]
    variables: Mapping[str, str]

    @property
    def user(self) -> int:
        """Who runs: Lambda's own choice, or the image's."""
        return _LAMBDA_USER if self.target == "lambda" else self.stated_user

    @property
    def stated_user(self) -> int:
        """The user that the image names."""
        return int(self.configuration["User"].partition(":")[0])

    def start(
        self, command: Sequence[str], output: Any, **variables: str
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` with the image's environment and the cloud's."""
        stated = dict(entry.split("=", 1) for entry in self.configuration["Env"])
        return sandbox.start(
            self.root,
            command,
            stated | dict(self.variables) | variables,
            user=self.user,
            folder=self.configuration["WorkingDir"],
            shared_memory=self.target != "lambda",
            output=output,
        )

    def run(self, command: Sequence[str], **variables: str) -> Run:
        """Run ``command``; it must end well."""
        with tempfile.TemporaryFile() as output:
            began = time.monotonic()
            process = self.start(command, output, **variables)
            with _ended(process):
                cpu_s, peak = _wait(process)
            seconds = time.monotonic() - began
            text = _tail(output)
        if process.returncode:
            message = (
                f"{self.target}: {' '.join(command)[:80]} ended with {process.returncode}:\n{text}"
            )
            raise CheckError(message)
        return Run(seconds, cpu_s, peak, text)

    def ask(self, module: str, **variables: str) -> dict[str, Any]:
        """Give the text of a module of this package to the image's Python; return its answer."""
        text = Path(__file__).with_name(f"{module}.py").read_text()
        facts: dict[str, Any] = json.loads(self.run(["python", "-c", text], **variables).output)
        return facts

    def invoke(self, function: str, event: Mapping[str, Any]) -> tuple[Any, Run]:
        """Call one Lambda function in a fresh process through the Runtime API."""
        began = time.monotonic()
        entry = self.configuration["Entrypoint"]
        ready: list[float] = []
        api = RuntimeApi(event, lambda: ready.append(time.monotonic()))
        with tempfile.TemporaryFile() as output, api:
            process = self.start(
                [*entry, f"lambdas.{function}.handler"],
                output,
                AWS_LAMBDA_RUNTIME_API=api.address,
                AWS_LAMBDA_FUNCTION_NAME=function,
                AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
                AWS_LAMBDA_FUNCTION_MEMORY_SIZE="4096",
                LAMBDA_TASK_ROOT=self.configuration["WorkingDir"],
                _HANDLER=f"lambdas.{function}.handler",
            )
            with _ended(process):
                while not api.done.wait(0.2):
                    late = time.monotonic() - began > _TIME_LIMIT_S
                    if process.poll() is not None or late:
                        break
                peak = _peak_bytes(process.pid)
                cpu_s = _cpu_s(process.pid)
            text = _tail(output)
        if api.failure is not None or api.answer is None:
            message = f"{function}: {api.failure or 'no answer'}\n{text}"
            raise CheckError(message)
        print(f"  {function:<12} ready after {ready[0] - began:.2f} s", end="")
        return api.answer, Run(time.monotonic() - began, cpu_s, peak, text)


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """Wait for the end within the limit; return CPU seconds and peak memory, own children included."""
    deadline = time.monotonic() + _TIME_LIMIT_S
    peaks: dict[int, int] = {}
    while time.monotonic() < deadline:
        for pid in _family(process.pid):
            peaks[pid] = max(peaks.get(pid, 0), _peak_bytes(pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime, sum(peaks.values())
        time.sleep(0.02)
    message = f"still running after {_TIME_LIMIT_S} s"
    raise CheckError(message)


def _family(pid: int) -> list[int]:
    """Return a process and its children: Bio-Formats is one of the converter."""
    with contextlib.suppress(OSError):
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    return []


def _peak_bytes(pid: int) -> int:
    # of the program's own memory: what getrusage says began before it was loaded
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return 0


def _cpu_s(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _tail(output: Any) -> str:
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - _TAIL_BYTES))
    text: str = output.read().decode("utf-8", "replace")
    return text


def _require(holds: object, message: str) -> None:
    if not holds:
        raise CheckError(message)


def _check_image(box: Box) -> None:
    """Check what the image is, apart from what it does."""
    facts = box.ask("probe")
    _require(box.stated_user > 0, f"{box.target}: the image's user is root")
    _require(facts["user"] == [box.user, box.user], f"{box.target}: runs as {facts['user']}")
    refused = facts["refused"]
    _require(refused.pop("/tmp") == "", f"{box.target}: /tmp cannot be written")
    _require(set(refused.values()) == {"EROFS"}, f"{box.target}: not read-only: {refused}")
    _require(not facts["tools"], f"{box.target}: has build tools: {facts['tools']}")
    mode = stat.S_IMODE((box.root / "tmp").stat().st_mode)
    _require(mode == 0o1777, f"{box.target}: /tmp has mode {mode:o}; a volume there gets the same")
    large = {"adichtion", "av", "jpype", "nd2reader"} if box.target == "fargate" else set()
    _require(set(facts["modules"]) == large, f"{box.target}: has {facts['modules']}")
    _require(
        bool(facts["java"]) == bool(large), f"{box.target}: Java is {facts['java'] or 'absent'}"
    )
    if box.target == "lambda":
        _require(not facts["gpl"], f"lambda: packages under the GPL: {facts['gpl']}")
    print(
        f"  Python {facts['python']}, {facts['n_packages']} packages, under the GPL: "
        f"{', '.join(facts['gpl']) or 'none'}; user {facts['user'][0]}; writing refused but in /tmp: "
        f"{', '.join(sorted(refused))}; no compiler, pip or test tool; "
        f"/dev/shm {'there' if facts['shared_memory'] else 'absent, as on Lambda'}"
    )
    for handler in _HANDLERS if box.target == "lambda" else ("containers.convert_task",):
        module = handler if "." in handler else f"lambdas.{handler}"
        cold = box.ask("cold", COLD_MODULE=module)
        _require(cold["compiled"], f"{module}: no bytecode in the image")
        print(
            f"  import {module:<24} {cold['seconds']:.2f} s, CPU {cold['cpu_s']:.2f} s, "
            f"{cold['peak_bytes'] / 1e6:.0f} MB"
        )


def _print_size(images: Images, target: str) -> None:
    layers = images.layers(target)
    print(f"{target}: {sum(size for _, size in layers) / 1e6:.0f} MB")
    for made_by, size in layers:
        print(f"  {size / 1e6:8.1f} MB  {made_by}")


def _convert_all(lambda_box: Box, fargate_box: Box, bucket: Any) -> dict[str, Any]:
    """Take the part of the state machine: plan, convert each item where it belongs, finish."""
    print("conversion, each function in a fresh process")
    event = {
        "request": {"dataset_id": f"uploads/{_NAME}"},
        "run": "image-check",
        "execution": _EXECUTION,
    }
    plan, run = lambda_box.invoke("plan", event)
    _print_run(run)
    items = json.loads(bucket.Object(plan["items_key"]).get()["Body"].read())
    _require(len(items) == len(dataset.FILES), f"{len(items)} items planned")
    for item in items:
        if item["runner"] == "lambda":
            event = {"run_key": plan["run_key"], "index": item["index"]}
            answer, run = lambda_box.invoke("convert", event)
            _require(answer["status"] == "converted", f"item {item['index']}: {answer}")
        else:
            command = fargate_box.configuration["Cmd"]
            entry = fargate_box.configuration.get("Entrypoint") or []
            index = str(item["index"])
            run = fargate_box.run([*entry, *command], RUN_KEY=plan["run_key"], ITEM_INDEX=index)
            print(f"  {'convert task':<12} item {index}", end="")
        _print_run(run)
    for function in ("consolidate", "manifest"):
        answer, run = lambda_box.invoke(function, {"run_key": plan["run_key"]})
        _print_run(run)
    manifest: dict[str, Any] = json.loads(
        bucket.Object(answer["manifest"].removeprefix(f"s3://{_BUCKET}/")).get()["Body"].read()
    )
    return manifest


def _print_run(run: Run) -> None:
    print(
        f", {run.seconds:.2f} s in all, CPU {run.cpu_s:.2f} s, peak {run.peak_bytes / 1e6:.0f} MB"
    )


def _check_results(manifest: Mapping[str, Any], truth: dataset.Truth, endpoint: str) -> None:
    """Open every result as a user would, and compare it with what its file was written from."""
    print("results, read from the bucket with xarray and zarr")
    _require(manifest["counts"]["converted"] == len(dataset.FILES), f"counts {manifest['counts']}")
    receipts = {receipt["path"].removeprefix("files/"): receipt for receipt in manifest["items"]}
    storage = {"endpoint_url": endpoint, "key": "check", "secret": "check"}
    folder = f"s3://{_BUCKET}/datasets/{manifest['dataset_id']}/{manifest['version']}"
    for path, runner in dataset.FILES.items():
        receipt = receipts[path]
        _require(receipt["verification"], f"{path}: was not verified: {receipt}")
        found = _stored(f"{folder}/{receipt['output']}", storage)
        _require(found.shape == truth[path].shape, f"{path}: shape {found.shape}")
        _require(np.array_equal(found, truth[path]), f"{path}: other values")
        print(
            f"  {path:<24} {runner:<8} {found.dtype} {found.shape} equal; {receipt['verification']}"
        )


def _stored(uri: str, storage: dict[str, str]) -> np.ndarray[Any, Any]:
    """Return a recording's stored samples or an image's full resolution, without axes of length 1."""
    access = {"endpoint_url": storage["endpoint_url"]}
    options = {"key": storage["key"], "secret": storage["secret"], "client_kwargs": access}
    if uri.endswith(".ome.zarr"):
        level = zarr.open_array(f"{uri}/0", mode="r", storage_options=options)
        return np.squeeze(np.asarray(level[...]))
    with xr.open_zarr(uri, storage_options=options, mask_and_scale=False) as opened:
        return np.asarray(opened["signals"].transpose("channel", "sample").values)


def _upload(client: Any, folder: Path) -> None:
    client.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": _REGION})
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        key = f"uploads/{_NAME}/{path.relative_to(folder).as_posix()}"
        client.upload_file(str(path), _BUCKET, key)
    client.put_object(Bucket=_BUCKET, Key=f"uploads/{_NAME}/.complete")


def check(images: Images, folder: Path) -> None:
    """Run the whole check, building in ``images``.

    Raises
    ------
    BuildError, CheckError
        If it fails.
    """
    for target in TARGETS:
        began = time.monotonic()
        images.build(target)
        print(f"built {target} in {time.monotonic() - began:.0f} s; ", end="")
        _print_size(images, target)
    truth = dataset.write(folder)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        own = {"aws_access_key_id": "check", "aws_secret_access_key": "check"}
        session = boto3.Session(region_name=_REGION, **own)
        _upload(session.client("s3", endpoint_url=endpoint), folder)
        variables = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "OUTPUT_URI": f"s3://{_BUCKET}/datasets",
            **{name.upper(): value for name, value in own.items()},
        }
        with contextlib.ExitStack() as stack:
            boxes = {}
            for target in TARGETS:
                root = stack.enter_context(images.mounted(target))
                boxes[target] = Box(target, root, images.configuration(target), variables)
                print(f"{target} image")
                _check_image(boxes[target])
            bucket = session.resource("s3", endpoint_url=endpoint).Bucket(_BUCKET)
            manifest = _convert_all(boxes["lambda"], boxes["fargate"], bucket)
        _check_results(manifest, truth, endpoint)
    finally:
        server.stop()


def main() -> int:
    """Return 0 if both images do what they must, 1 if not, 2 if the check cannot run here."""
    parser = argparse.ArgumentParser(prog="make image-check", description=__doc__)
    parser.add_argument("--keep", type=Path, help="build in this folder and leave the images there")
    parser.add_argument("--mirror", default="", help="Debian mirror for the base")
    options = parser.parse_args()
    if lacking := missing_tools():
        print(lacking, file=sys.stderr)
        return 2
    # ended from outside: what is mounted is unmounted all the same
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    place = options.keep or Path(tempfile.mkdtemp(prefix="sparc-fuse-images-"))
    place.mkdir(parents=True, exist_ok=True)
    images = Images(place.resolve(), options.mirror)
    try:
        with tempfile.TemporaryDirectory() as folder:
            check(images, Path(folder))
    except (BuildError, CheckError) as err:
        print(f"image check failed: {err}", file=sys.stderr)
        return 1
    finally:
        images.release() if options.keep else images.remove()
    print("image check passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
