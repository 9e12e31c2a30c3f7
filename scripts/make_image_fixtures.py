#!/usr/bin/env python3
"""Reference pictures for the tests of decoding and resizing: what Pillow makes of the same input.

Needs Pillow and numpy. Usage: scripts/make_image_fixtures.py tests/data/images
"""
import pathlib
import sys

import numpy as np
from PIL import Image

# (source size, crop before resizing or None, output size): shrinking, enlarging, mixed, single pixels.
RESIZES = [
    ((37, 29), None, (16, 16)),
    ((37, 29), None, (64, 50)),
    ((37, 29), None, (9, 70)),
    ((37, 29), (5, 3, 30, 28), (12, 13)),
    ((37, 29), (4, 2, 31, 21), (11, 17)),
    ((120, 90), None, (7, 5)),
    ((120, 90), (10, 0, 110, 90), (97, 33)),
    ((120, 90), None, (1, 1)),
    ((3, 2), None, (8, 9)),
    ((1, 1), None, (4, 4)),
]


def picture(size, rng, noise):
    """Smooth colours plus noise, with hard edges: what shows errors of a filter."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 120 * np.sin(x / (3.0 + c) + y / (7.0 - c) + c) for c in range(3)]
    image = np.stack(planes, axis=-1) + rng.normal(0, noise, (height, width, 3))
    image[(x // 6 + y // 5) % 4 == 0] = 255
    image[(x // 4 + y // 7) % 5 == 0] = 0
    return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)

    lines = []
    for size in sorted({r[0] for r in RESIZES}):
        picture(size, rng, 25).save(out / f"source_{size[0]}x{size[1]}.png")
    for i, (size, box, target) in enumerate(RESIZES):
        source = Image.open(out / f"source_{size[0]}x{size[1]}.png")
        x0, y0, x1, y1 = box or (0, 0, *size)
        source.crop((x0, y0, x1, y1)).resize(target, Image.Resampling.BILINEAR).save(out / f"resized_{i}.png")
        lines.append(f"source_{size[0]}x{size[1]}.png resized_{i}.png {x0} {y0} {x1 - x0} {y1 - y0} {target[0]} {target[1]}")
    (out / "resizes.txt").write_text("\n".join(lines) + "\n")

    photo = picture((83, 61), rng, 4)
    photo.save(out / "colour_420.jpg", quality=90, subsampling=2)
    photo.save(out / "colour_444.jpg", quality=90, subsampling=0)
    photo.save(out / "progressive.jpg", quality=80, progressive=True)
    photo.convert("L").save(out / "grey.jpg", quality=90)
    photo.convert("CMYK").save(out / "cmyk.jpg", quality=95)
    photo.save(out / "png_named.jpg", format="PNG")
    photo.convert("L").save(out / "grey.png")
    photo.quantize(16).save(out / "palette.png")
    photo.convert("1").save(out / "one_bit.png")
    rgba = photo.copy()
    rgba.putalpha(Image.fromarray(rng.integers(0, 256, (61, 83), dtype=np.uint8)))
    rgba.save(out / "alpha.png")
    photo.save(out / "colour.ppm")
    photo.convert("L").save(out / "grey.pgm")
    for path in sorted(out.iterdir()):
        if path.suffix in (".jpg", ".ppm", ".pgm") or path.name in ("grey.png", "palette.png", "one_bit.png", "alpha.png"):
            Image.open(path).convert("RGB").save(out / f"expected_{path.name}.png")


if __name__ == "__main__":
    main()
