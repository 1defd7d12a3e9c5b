"""Small films made on the spot, and a network that is none, so that they are colored at once."""

import zlib
from fractions import Fraction

import av
import cv2
import numpy as np
import skimage.data

from deepkoal import Colorizer

RATE = Fraction(25)


class PlainBackend:
    """Colors by lightness: a = 0.4 · l_norm, b = 0.3; with flicker, each picture has a tint."""

    kind, name, outputs = "plain", "lite", ("ab_norm", "features")

    def __init__(self, flicker=0.0):
        self.flicker = flicker

    def predict(self, l_norm):
        small = np.stack(
            [cv2.resize(l, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for l in l_norm]
        )
        draws = [np.random.default_rng(zlib.crc32(l.tobytes(), 2)).normal(size=2) for l in l_norm]
        tint = self.flicker * np.stack(draws)[:, None, None]
        ab = np.stack([0.4 * small, np.full_like(small, 0.3)], axis=-1) + tint
        features = np.repeat(small[..., None], 4, axis=-1)
        return {"ab_norm": ab.astype(np.float32), "features": features.astype(np.float32)}


def open_plain(flicker=0.0):
    """Return a colorizer of no network; a name, so that other processes can load it."""
    return Colorizer(PlainBackend(flicker), working_size=64)


def pan(photo, count=12, step=3, height=72, width=96):
    """A camera that moves to the right over a photo, in color."""
    large = cv2.resize(photo, (width + step * count, height), interpolation=cv2.INTER_AREA)
    return [
        np.ascontiguousarray(large[:, step * index : step * index + width])
        for index in range(count)
    ]


def write_film(path, frames, *, codec="ffv1", pixel_format="yuv444p", times=None, **settings):
    """Write frames (H, W, 3) of 8 or 16 bits as a film; returns its path."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = Fraction(1, 1000)
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        kind = "rgb48le" if frames[0].dtype == np.uint16 else "rgb24"
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, kind).reformat(format=pixel_format)
            picture.pts = 40 * index if times is None else times[index]
            picture.time_base = Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def grey(frames):
    return [np.repeat(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2) for f in frames]


def coffee_pan(count=12, **settings):
    return pan(skimage.data.coffee(), count, **settings)


def read_all(path):
    """Return the frames of a film, uint8 (H, W, 3), and their times in seconds."""
    with av.open(str(path)) as container:
        decoded = [(f.to_ndarray(format="rgb24"), f.time) for f in container.decode(video=0)]
    return [rgb for rgb, _ in decoded], [time for _, time in decoded]


def add_sound(path, source):
    """Write the film again with sound, a subtitle, chapters and names; returns its path."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        sound = new.add_stream("aac", rate=8000, layout="mono")
        sound.metadata["language"] = "deu"
        new.metadata["title"] = "Im Garten"
        new.set_chapters(
            [
                {
                    "id": 1,
                    "start": 0,
                    "end": 200,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": "Anfang"},
                }
            ]
        )
        for packet in old.demux(old.streams.video[0]):
            if packet.size:
                packet.stream = video
                new.mux(packet)
        wave = np.sin(np.arange(4096) / 5).astype(np.float32)[None]
        tone = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
        tone.sample_rate = 8000
        new.mux(sound.encode(tone))
        new.mux(sound.encode(None))
    return path


def list_packets(path, kind):
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]
