"""A pydicom decoder plug-in: compressed frames decoded by imagecodecs.

pydicom decodes native and run-length frames itself; its other plug-ins need GPL or large packages, or
reduce 12-bit JPEG and 16-bit colour. pydicom calls `decode_frame` and then corrects signs, unused bits
and colour spaces as the header says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.pixels.decoders.base import get_decoder

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

_JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
_LOSSLESS_JPEG = (uid.JPEGLossless, uid.JPEGLosslessSV1)
_JPEG_LS = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
_JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000)
_HTJ2K = (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)

#: pydicom asks for this table: what each transfer syntax needs.
DECODER_DEPENDENCIES = dict.fromkeys(
    (*_JPEG, *_LOSSLESS_JPEG, *_JPEG_LS, *_JPEG_2000, *_HTJ2K), ("numpy", "imagecodecs")
)
_NAME = "sparc-fuse imagecodecs"


def is_available(syntax: str) -> bool:
    """Tell pydicom whether frames of a transfer syntax can be decoded."""
    return syntax in DECODER_DEPENDENCIES


def decode_frame(src: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame to little-endian, pixel-interleaved bytes; pydicom calls this."""
    syntax = runner.transfer_syntax
    if syntax in _JPEG:
        # the colour space stays as stored: pydicom converts YBR itself
        if runner.samples_per_pixel == 3:
            pixels = imagecodecs.jpeg8_decode(src, colorspace="RGB", outcolorspace="RGB")
        else:
            pixels = imagecodecs.jpeg_decode(src)
    elif syntax in _LOSSLESS_JPEG:
        pixels = imagecodecs.ljpeg_decode(src)
    elif syntax in _JPEG_LS:
        if not src.rstrip(b"\0").endswith(b"\xff\xd9"):
            # the decoder works on for many seconds behind the end of a cut frame
            message = "a JPEG-LS frame without its end"
            raise ValueError(message)
        pixels = imagecodecs.jpegls_decode(src)
    elif syntax in _HTJ2K:
        pixels = imagecodecs.htj2k_decode(src)
    else:
        pixels = imagecodecs.jpeg2k_decode(src)
    if runner.photometric_interpretation in (
        PhotometricInterpretation.YBR_ICT,
        PhotometricInterpretation.YBR_RCT,
    ):
        # these transforms are part of the code stream, undone by the decoder
        runner.set_option("photometric_interpretation", PhotometricInterpretation.RGB)
    runner.set_option("planar_configuration", 0)
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    return np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()


def install() -> str:
    """Add the plug-in to pydicom's decoders, once, and return its name."""
    for syntax in DECODER_DEPENDENCIES:
        decoder = get_decoder(syntax)
        if _NAME not in decoder.available_plugins:
            decoder.add_plugin(_NAME, (__name__, "decode_frame"))
    return _NAME
