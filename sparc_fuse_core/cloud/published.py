"""Results that everybody may read: their addresses, and what the network is to forget.

The stack publishes the datasets of Discover, which have numbers, and nothing that was uploaded (see
``stacks/published_paths.js``).
"""

from __future__ import annotations

import logging
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sparc_fuse_core.addresses import is_s3, s3_parts
from sparc_fuse_core.cloud.aws import asking, aws_client
from sparc_fuse_core.cloud.environment import RESULTS
from sparc_fuse_core.describe.names import CATALOGUE, PAGE, is_public
from sparc_fuse_core.errors import CloudError, CloudRefusedError, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.cloud.app import App
    from sparc_fuse_core.cloud.environment import Cloud
    from sparc_fuse_core.settings import Settings

_LOG = logging.getLogger(__name__)

_MOST_BYTES = 256_000_000


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of a dataset's results.

    Attributes
    ----------
    stores
        Address of each result, in the manifest's order.
    """

    page: str
    manifest: str
    stores: tuple[str, ...]


def links(app: App, dataset: str, version: str = "", paths: Sequence[str] = ()) -> Links:
    """Return the public addresses of a dataset's results.

    Parameters
    ----------
    dataset
        Discover's number.
    version
        The one that was converted last if empty.
    paths
        Results, or folders of them, as the manifest names sources or outputs; all if none.

    Raises
    ------
    RequestError
        If results are not published, or these are not.
    CloudError
        If the stack cannot be asked.
    """
    if not is_public(dataset):
        message = f"{dataset}: only datasets of Discover, by their number, are published; uploads never are"
        raise RequestError(message)
    outputs = app.outputs()
    url = outputs.get("PublishedUrl", "")
    if not url or outputs.get("Bucket") != app.bucket:
        message = (
            f"the results of {app.settings.stack_name} are not published: deploy with "
            "`-c sparc-fuse:publish=true` (docs/operations.md)"
        )
        raise RequestError(message)
    below = f"{RESULTS}/{dataset}"
    version = version or _version(app, f"{below}/latest.json")
    found = app.objects.read_json(f"{below}/{version}/manifest.json", _MOST_BYTES)
    items = found[0].get("items") if found and isinstance(found[0], dict) else None
    if not isinstance(items, list):
        message = (
            f"dataset {dataset}: there is no complete result; `sparc-fuse cloud status {dataset}`"
        )
        raise RequestError(message)
    chosen = tuple(_outputs(items, paths))
    if paths and not chosen:
        message = f"dataset {dataset}: no result of {', '.join(paths)}; the manifest lists all"
        raise RequestError(message)
    base = f"{url}/{dataset}/{quote(version)}"
    stores = tuple(f"{base}/{quote(output)}" for output in chosen)
    return Links(f"{base}/", f"{base}/manifest.json", stores)


def _version(app: App, key: str) -> str:
    found = app.objects.read_json(key, 100_000)
    version = found[0].get("version") if found and isinstance(found[0], dict) else None
    if not isinstance(version, str) or not version:
        message = f"{app.objects.uri(key)}: not there; the dataset was not converted, or withdrawn"
        raise RequestError(message)
    return version


def _outputs(items: Sequence[Any], paths: Sequence[str]) -> list[str]:
    wanted = [path.strip("/") for path in paths]
    found = []
    for item in items:
        output = item.get("output") if isinstance(item, dict) else None
        if not isinstance(output, str) or not output:
            continue
        names = (
            output,
            str(item.get("path", "")),
            str(item.get("path", "")).removeprefix("files/"),
        )
        if not wanted or any(
            name == path or name.startswith(f"{path}/") for name in names for path in wanted
        ):
            found.append(output)
    return found


def forget(folder: str, cloud: Cloud) -> None:
    """Have the network look again at a version's results, of which some were replaced.

    That it cannot be told fails no run: it is logged, and what it holds ends by itself.
    """
    dataset_id = folder.partition("/")[0]
    if cloud.distribution_id and is_public(dataset_id):
        try:
            _invalidate(cloud.distribution_id, dataset_id, cloud.settings)
        except CloudError as err:
            _LOG.error("%s: replaced results may be shown for days still: %s", folder, err)


def forget_withdrawn(target: str, dataset_id: str, settings: Settings) -> str:
    """Have the network that publishes a bucket forget a dataset; return what was done, ``""`` for nothing.

    The bucket's app is found by its stack, as `sparc-fuse cloud` finds it.

    Raises
    ------
    CloudError
        If the network cannot be told.
    """
    elsewhere = settings.output_s3_endpoint and "AWS_ENDPOINT_URL" not in os.environ
    if not (is_s3(target) and is_public(dataset_id)) or elsewhere:
        return ""
    from sparc_fuse_core.cloud.app import stack_outputs

    try:
        outputs: Mapping[str, str] = stack_outputs(settings)
    except CloudRefusedError:
        return (
            f"whether stack {settings.stack_name} publishes these results may not be asked; if it does, "
            f"invalidate /{dataset_id}/* and /{CATALOGUE} in CloudFront"
        )
    except CloudError:
        return ""
    distribution_id = outputs.get("DistributionId", "")
    if not distribution_id or outputs.get("Bucket") != s3_parts(target)[0]:
        return ""
    _invalidate(distribution_id, dataset_id, settings)
    return f"published copies are being removed (CloudFront {distribution_id}); readers' own last an hour"


def _invalidate(distribution_id: str, dataset_id: str, settings: Settings) -> None:
    paths = [f"/{dataset_id}/*", f"/{CATALOGUE}", f"/{PAGE}", "/"]
    with asking(f"distribution {distribution_id}"):
        aws_client("cloudfront", settings).create_invalidation(
            DistributionId=distribution_id,
            InvalidationBatch={
                "Paths": {"Quantity": len(paths), "Items": paths},
                "CallerReference": uuid.uuid4().hex,
            },
        )
