"""A software rasteriser in numpy: triangles to pictures with a z-buffer, no GPU and no graphics library.

All triangles of a mesh are spread over the pixels of their bounding boxes at once; barycentric
coordinates keep the pixels inside, the z-buffer keeps the nearest. Pixels are addressed as ``y * width + x``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_NEAR: Final = 0.01  # metres: nothing closer to the eye than this is drawn
_FRAMING_STEPS: Final = 12


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. Space is that of the points, right-handed, metres.

    Attributes:
        position: ``(3,)``.
        axes: ``(3, 3)`` rows right, up, backwards.
        focal: pixels per unit of slope.
        width, height: of the picture, pixels.
    """

    position: Array
    axes: Array
    focal: float
    width: int
    height: int

    def project(self, points: Array) -> Array:
        """``(..., 3)`` points to ``(..., 3)``: x rightwards and y downwards in pixels, then distance."""
        local = (points - self.position) @ self.axes.T
        distance = -local[..., 2]
        scale = self.focal / np.maximum(distance, _NEAR)
        x = 0.5 * self.width + local[..., 0] * scale
        y = 0.5 * self.height - local[..., 1] * scale
        return np.stack([x, y, distance], axis=-1)

    def scaled(self, factor: float) -> Camera:
        """The same view in a picture ``factor`` times as wide and high."""
        width, height = round(self.width * factor), round(self.height * factor)
        return Camera(self.position, self.axes, self.focal * factor, width, height)

    def rays(self) -> Array:
        """Direction ``(height, width, 3)`` through the middle of each pixel, not normalised."""
        x = (np.arange(self.width) + 0.5 - 0.5 * self.width) / self.focal
        y = (0.5 * self.height - np.arange(self.height) - 0.5) / self.focal
        right, up, back = self.axes
        return x[None, :, None] * right + y[:, None, None] * up - back


def framing_camera(
    points: Array, width: int, height: int, direction: Array, view: float, margin: float
) -> Camera:
    """The camera that looks from a direction and has all points just inside its picture.

    Args:
        points: ``(N, 3)`` metres.
        width, height: of the picture, pixels.
        direction: ``(3,)`` from the scene towards the camera; must not be vertical.
        view: vertical opening angle, radians.
        margin: metres around each point that must be inside as well.
    """
    back = direction / np.linalg.norm(direction)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(back, right), back])
    slope = np.array([np.tan(0.5 * view) * width / height, np.tan(0.5 * view)])
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0)).astype(np.float64)
    distance = 1.0
    for _ in range(_FRAMING_STEPS):
        local = (points - middle) @ axes.T
        distance = float(np.max((np.abs(local[:, :2]) + margin) / slope + local[:, 2:]))
        seen = local[:, :2] / (distance - local[:, 2:])
        # Perspective makes near points weigh more: shift until the picture is centred, not the box.
        middle = middle + 0.5 * (seen.min(axis=0) + seen.max(axis=0)) * distance @ axes[:2]
    local = (points - middle) @ axes.T
    distance = float(np.max((np.abs(local[:, :2]) + margin) / slope + local[:, 2:]))
    focal = 0.5 * height / float(slope[1])
    return Camera(middle + distance * back, axes, focal, width, height)


@dataclass(frozen=True)
class Fragments:
    """The visible surface, one entry per covered pixel.

    Attributes:
        pixels: ``(P,)`` int64, each once, in no promised order.
        faces: ``(P,)`` int64, the face that is seen.
        weights: ``(P, 3)`` barycentric weights of the face's corners.
        depth: ``(height * width,)`` one over the distance, 0 where nothing is.
    """

    pixels: Array
    faces: Array
    weights: Array
    depth: Array

    def interpolate(self, values: Array, faces: Array) -> Array:
        """Per-vertex values ``(V, C)`` at the covered pixels, ``(P, C)``."""
        corners = faces[self.faces]
        return np.einsum("pc,pcd->pd", self.weights, values[corners])


def rasterize(screen: Array, faces: Array, width: int, height: int, cull: bool) -> Fragments:
    """Which face each pixel sees.

    Args:
        screen: ``(V, 3)`` projected vertices, see ``Camera.project``.
        faces: ``(F, 3)`` vertex numbers, counter-clockwise seen from outside.
        width, height: of the picture, pixels.
        cull: leave out faces seen from behind; right for closed meshes only.
    """
    corners = screen[faces].astype(np.float32)
    x, y, inverse = corners[..., 0], corners[..., 1], 1.0 / np.maximum(corners[..., 2], _NEAR)
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    # y points down, so the outside of a face has negative area.
    seen = (area < -1e-6) if cull else (np.abs(area) > 1e-6)
    seen &= (corners[..., 2] > _NEAR).all(axis=1)
    low = np.maximum(np.floor(np.stack([x.min(axis=1), y.min(axis=1)], axis=1) - 0.5), 0)
    high = np.minimum(
        np.ceil(np.stack([x.max(axis=1), y.max(axis=1)], axis=1) - 0.5), [width - 1, height - 1]
    )
    seen &= (high >= low).all(axis=1)
    chosen = np.flatnonzero(seen)
    x, y, inverse, area = x[chosen], y[chosen], inverse[chosen], area[chosen]
    low, size = low[chosen].astype(np.int64), (high - low)[chosen].astype(np.int64) + 1

    # Every pixel of every bounding box, as one long list: its triangle, and its place within the box.
    count = size[:, 0] * size[:, 1]
    triangle = np.repeat(np.arange(len(chosen)), count)
    place = np.arange(len(triangle)) - np.repeat(np.cumsum(count) - count, count)
    row = place // size[triangle, 0]
    pixel_x = low[triangle, 0] + place - row * size[triangle, 0]
    pixel_y = low[triangle, 1] + row

    # Barycentric weights are linear in the pixel: weight = a * x + b * y + c, per triangle.
    a0, b0 = (y[:, 1] - y[:, 2]) / area, (x[:, 2] - x[:, 1]) / area
    a1, b1 = (y[:, 2] - y[:, 0]) / area, (x[:, 0] - x[:, 2]) / area
    dx = pixel_x.astype(np.float32) + np.float32(0.5) - x[triangle, 2]
    dy = pixel_y.astype(np.float32) + np.float32(0.5) - y[triangle, 2]
    weight0 = a0[triangle] * dx + b0[triangle] * dy
    weight1 = a1[triangle] * dx + b1[triangle] * dy
    inside = np.flatnonzero((weight0 >= 0) & (weight1 >= 0) & (weight0 + weight1 <= 1))
    triangle = triangle[inside]
    weights = np.stack([weight0[inside], weight1[inside], 1 - weight0[inside] - weight1[inside]], axis=1)
    pixels = pixel_y[inside] * width + pixel_x[inside]

    near = (weights * inverse[triangle]).sum(axis=1, dtype=np.float32)
    depth = np.zeros(width * height, np.float32)
    np.maximum.at(depth, pixels, near)
    winner = np.full(width * height, -1, np.int64)
    nearest = np.flatnonzero(near == depth[pixels])
    winner[pixels[nearest]] = nearest
    index = winner[winner >= 0]
    return Fragments(pixels[index], chosen[triangle[index]], weights[index], depth)


def vertex_normals(vertices: Array, faces: Array) -> Array:
    """Unit normals ``(V, 3)``, the area-weighted mean over a vertex's faces; +Y where there is none."""
    corners = vertices[faces]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros((len(vertices), 3))
    for axis in range(3):
        total[:, axis] = np.bincount(faces.ravel(), np.repeat(face[:, axis], 3), minlength=len(vertices))
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-20, total / np.maximum(length, 1e-20), [0.0, 1.0, 0.0])


def is_closed(faces: Array) -> bool:
    """Whether every edge belongs to two faces, so that no back of a face can be seen from outside."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    return bool((counts == 2).all())


def blur(picture: Array, radius: int, passes: int = 3) -> Array:
    """Smooth ``(H, W)`` with a box of ``2 * radius + 1`` pixels, several times, which is nearly Gaussian."""
    if radius < 1:
        return picture
    for _ in range(passes):
        for axis in (0, 1):
            picture = _box(picture, radius, axis)
    return picture


def _box(picture: Array, radius: int, axis: int) -> Array:
    pad = [(0, 0), (0, 0)]
    pad[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(picture, pad, mode="edge"), axis=axis, dtype=np.float64)
    size = picture.shape[axis]
    wide = 2 * radius + 1
    upper = np.take(total, range(wide, wide + size), axis=axis)
    lower = np.take(total, range(size), axis=axis)
    return (upper - lower) / wide


def shrink(picture: Array, factor: int) -> Array:
    """Average blocks of ``factor`` x ``factor`` pixels of ``(H, W, C)``; sides must be multiples of it."""
    total = sum(picture[row::factor, column::factor] for row in range(factor) for column in range(factor))
    return np.asarray(total / factor**2, dtype=picture.dtype)
