"""Neuroglancer in headless Chromium, told by its Python package: images by their links, from a page of another origin."""

import sys
from pathlib import Path

import neuroglancer
import numpy as np
from common import URL, probe, same, truth, versions

sys.path.insert(0, str(Path(__file__).parents[3]))
from tests.servers.chromium import CHROMIUM, chromium

versions("neuroglancer")
T = truth()["image"]
_BRIGHTEST = 4000
_SHADER = f"""#uicontrol invlerp normalized(range=[0, {_BRIGHTEST}])
void main() {{ emitGrayscale(normalized(getDataValue())); }}"""


def seen(tab, name):
    """Look at one channel and plane, a pixel a voxel, and compare a row of it."""

    def check():
        viewer = neuroglancer.Viewer()
        channel, z, y = T["row_at"]
        height, width = T["shape"][2:]
        with viewer.txn() as s:
            layer = neuroglancer.ImageLayer(source=f"zarr://{URL}/{name}/", shader=_SHADER)
            s.layers["image"] = layer
            s.layout = "xy"
            s.show_axis_lines = s.show_scale_bar = s.show_default_annotations = False
        with viewer.config_state.txn() as s:
            s.show_ui_controls = s.show_panel_borders = False
        tab.go(viewer.get_viewer_url())
        tab.wait("document.querySelector('canvas') !== null", 90)
        viewer.screenshot()  # comes once all chunks are there: by then it has read the axes
        found = viewer.state.dimensions
        same(list(found.names), ["z", "y", "x"])
        np.testing.assert_allclose(found.scales, np.array(T["scale"]) * 1e-6)
        same(set(found.units), {"m"})
        with viewer.txn() as s:
            # OME-Zarr's coordinates are those of the middle of a pixel
            s.position = [z, (height - 1) / 2, (width - 1) / 2]
            s.layers["image"].local_position = [channel + 0.25]
            s.cross_section_scale = 1
            s.display_dimensions = ["x", "y", "z"]
        shot = np.asarray(viewer.screenshot(size=[width, height]).screenshot.image_pixels)
        expected = np.minimum(np.array(T["row"]) / _BRIGHTEST, 1) * 255
        np.testing.assert_allclose(shot[y, :, 0], expected, atol=1)
        return "a row of 300 pixels as they were written, at their step in micrometers"

    return check


if CHROMIUM is None:
    sys.exit("Chromium is not installed here")
neuroglancer.set_server_bind_address("127.0.0.1")
with chromium() as browser:
    for name in ("image_0.5.ome.zarr", "image_0.4.ome.zarr", "images_0.5.ome.zarr/0"):
        tab = browser.tab()
        tab.size(800, 600)
        probe(f"image by its link, {name}", seen(tab, name))
