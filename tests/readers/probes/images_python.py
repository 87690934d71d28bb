"""Readers of OME-Zarr in Python, each by its own front door: single images, labels and collections."""

import sys
from pathlib import Path

import numpy as np
from common import FOLDER, URL, equal, probe, same, truth, versions

WHICH = sys.argv[3]
T = truth()["image"]


def ome_zarr_py():
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader
    from ome_zarr.utils import find_multiscales

    versions("ome-zarr", "zarr")

    def nodes(name, place=FOLDER):
        return list(Reader(parse_url(f"{place}/{name}", mode="r"))())

    for version in ("0.5", "0.4"):

        def single(version=version):
            data = nodes(f"image_{version}.ome.zarr")[0].data[0]
            same(int(np.asarray(data).astype("u8").sum()), T["sum"])

        def linked(version=version):
            data = nodes(f"image_{version}.ome.zarr", URL)[0].data[0]
            same(int(np.asarray(data).astype("u8").sum()), T["sum"])

        def several(version=version):
            # the reader takes one image; the listing that its viewer shows finds those of a collection
            listed = find_multiscales(Path(f"{FOLDER}/images_{version}.ome.zarr"))
            same([name for _, name, _ in listed], ["stack", "rgb", "labels"])
            found = [nodes(path.relative_to(FOLDER))[0] for path, _, _ in listed]
            sums = [int(np.asarray(node.data[0]).astype("u8").sum()) for node in found]
            same(sums, T["sums"])

        probe(f"image {version}", single)
        probe(f"image {version} by its link", linked)
        probe(f"collection {version}", several)


def napari():
    from napari_ome_zarr._reader import napari_get_reader

    versions("napari-ome-zarr", "ome-zarr", "zarr")
    for version in ("0.5", "0.4"):

        def layers(name, place=FOLDER):
            path = f"{place}/{name}"
            reader = napari_get_reader(path)
            if reader is None:
                raise AssertionError("no reader takes it")
            return reader(path)

        def single(version=version, layers=layers, place=FOLDER):
            data, facts, kind = layers(f"image_{version}.ome.zarr", place)[0]
            level = data[0] if isinstance(data, list) else data
            same(int(np.asarray(level).astype("u8").sum()), T["sum"])
            equal(np.ravel(facts["scale"])[-3:], T["scale"])
            return f"layer {kind}, names {facts.get('name')}"

        def several(version=version, layers=layers):
            return f"{len(layers(f'images_{version}.ome.zarr'))} layers"

        def labels(version=version, layers=layers):
            return f"layer {layers(f'labels_{version}.ome.zarr')[0][2]}"

        probe(f"image {version}", single)
        probe(f"image {version} by its link", lambda single=single: single(place=URL))
        probe(f"labels {version}", labels)
        probe(f"collection {version}", several)


def bioio():
    import bioio_ome_zarr

    versions("bioio", "bioio-ome-zarr", "zarr")
    for version in ("0.5", "0.4"):

        def single(version=version):
            image = bioio_ome_zarr.Reader(f"{FOLDER}/image_{version}.ome.zarr")
            same(int(np.asarray(image.data).astype("u8").sum()), T["sum"])
            same(list(image.channel_names), ["DAPI", "GFP"])
            sizes = image.physical_pixel_sizes
            equal([sizes.Z, sizes.Y, sizes.X], T["scale"])

        def several(version=version):
            bioio_ome_zarr.Reader(f"{FOLDER}/images_{version}.ome.zarr")

        def members(version=version):
            sums = []
            for n in range(3):
                image = bioio_ome_zarr.Reader(f"{FOLDER}/images_{version}.ome.zarr/{n}")
                sums.append(int(np.asarray(image.data).astype("u8").sum()))
            same(sums, T["sums"])

        probe(f"image {version}", single)
        probe(f"collection {version}", several)
        probe(f"members of a collection {version}", members)


def ngio():
    import ngio as library

    versions("ngio", "zarr")
    for version in ("0.5", "0.4"):

        def single(version=version):
            container = library.open_ome_zarr_container(f"{FOLDER}/image_{version}.ome.zarr")
            image = container.get_image()
            same(int(np.asarray(image.get_array()).astype("u8").sum()), T["sum"])
            equal([image.pixel_size.z, image.pixel_size.y, image.pixel_size.x], T["scale"])

        probe(f"image {version}", single)


def iohub():
    from iohub import open_ome_zarr

    versions("iohub", "zarr")
    for version in ("0.5", "0.4"):

        def single(version=version):
            with open_ome_zarr(f"{FOLDER}/image_{version}.ome.zarr", mode="r") as position:
                same(int(np.asarray(position["0"]).astype("u8").sum()), T["sum"])

        probe(f"image {version}", single)


def ngff_zarr():
    from ngff_zarr import from_ngff_zarr

    versions("ngff-zarr", "zarr")
    for name in ("image_0.5.ome.zarr", "image_0.4.ome.zarr"):

        def single(name=name):
            image = from_ngff_zarr(f"{FOLDER}/{name}").images[0]
            same(int(np.asarray(image.data).astype("u8").sum()), T["sum"])

        probe(name, single)


globals()[WHICH]()
