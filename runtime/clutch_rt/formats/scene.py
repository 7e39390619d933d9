"""What a preview shows: two hands in two tones (left blue, right orange) over a floor with a shadow.

The camera stands still for the whole clip and frames everything that happens in it. Two views: ``viewer``,
from behind and above as the hands' owner sees them, and ``front``, as someone opposite sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clutch_rt.errors import InputError
from clutch_rt.formats.raster import (
    Camera,
    blur,
    framing_camera,
    is_closed,
    rasterize,
    shrink,
    vertex_normals,
)
from clutch_rt.hand import Hand, skin, two_hand_joints

if TYPE_CHECKING:
    from clutch_rt.motion import Motion

Array = NDArray[Any]

# Told after each picture how many are drawn, and of how many.
Progress: TypeAlias = Callable[[int, int], object]

# From the scene towards the camera. Both stand a little to the right, so that no finger hides behind another.
VIEWS: Final = {"viewer": (0.20, 1.00, 0.62), "front": (0.32, 0.55, -0.85)}
# Of moments that tell: what the whole of a motion's time counts for, of its largest change of posture.
_TIME_COUNTS: Final = 0.3
_STILL: Final = 1e-3  # metres, over all joints, below which hands do not move
_VIEW_ANGLE: Final = np.radians(26.0)
_MARGIN: Final = 0.032  # metres of flesh around a joint
_FLOOR_GAP: Final = 0.035  # metres between the lowest joint of the clip and the floor

_SKIN: Final = np.array([[0.36, 0.60, 0.93], [0.96, 0.60, 0.38]])  # left bluish, right warm
_KEY_LIGHT: Final = np.array([-0.35, 0.85, 0.40]) / np.linalg.norm([-0.35, 0.85, 0.40])
_BACKGROUND: Final = np.array([0.955, 0.96, 0.968])
_FLOOR: Final = np.array([0.905, 0.915, 0.93])
_GRID: Final = 0.05  # metres between the lines of the floor
_OUTLINE: Final = 0.05  # relative jump in depth that is drawn as an outline
_MAX_SIDE: Final = 4096
_BATCH: Final = 64


@dataclass(frozen=True)
class _Mesh:
    """Both hands as one mesh: ``faces (F, 3)``, colours ``(V, 3)``, whether it has no holes."""

    faces: Array
    colors: Array
    closed: bool


def render(
    motion: Motion,
    width: int = 480,
    height: int = 360,
    frames: int | Sequence[int] | None = None,
    view: str = "viewer",
    progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Pictures of a motion.

    Args:
        motion: what to draw.
        width, height: of each picture, pixels, 16 to 4096.
        frames: how many pictures, evenly over the motion with its first and last frame; or which frames;
            all of them by default.
        view: ``"viewer"`` or ``"front"``.
        progress: called after each picture with how many are drawn, and of how many.

    Returns:
        ``(N, height, width, 3)`` uint8 RGB.

    Raises:
        InputError: a size out of range, a frame the motion does not have, an unknown view, or hands
            without a skin.
    """
    chosen = choose_frames(len(motion), frames)
    drawn = watched(pictures_of(motion, width, height, chosen, view), len(chosen), progress)
    pictures = np.empty((len(chosen), height, width, 3), np.uint8)
    for index, picture in enumerate(drawn):
        pictures[index] = picture
    return pictures


def choose_frames(count: int, frames: int | Sequence[int] | None) -> NDArray[np.int64]:
    """Frame numbers meant by ``render``'s ``frames`` for a motion of ``count`` frames."""
    if frames is None:
        return np.arange(count)
    if isinstance(frames, (int, np.integer)):
        if frames < 1:
            raise InputError(f"{frames} pictures were asked for. Wanted at least 1.")
        return np.round(np.linspace(0, count - 1, min(int(frames), count))).astype(np.int64)
    chosen = np.asarray(frames, dtype=np.int64)
    if chosen.ndim != 1 or len(chosen) == 0 or chosen.min() < -count or chosen.max() >= count:
        raise InputError(f"frames {list(frames)} are not all in this motion. Wanted numbers below {count}.")
    return chosen % count


def telling_frames(motion: Motion, count: int) -> NDArray[np.int64]:
    """Frame numbers of ``count`` moments that show most of a motion, in order; all, where it has no more.

    The first and the last frame, then again and again that moment of rest or turning back that is least like
    any taken so far, by the distance of its joints and a little by time: at even times a strip of claps may
    show no meeting.
    """
    if count < 3 or count >= len(motion):
        return choose_frames(len(motion), count)
    points = two_hand_joints(motion.frames.astype(np.float64), motion.hands).reshape(len(motion), -1)
    span = max(float(np.linalg.norm(points - points[0], axis=1).max()), _STILL)
    times = np.linspace(0.0, _TIME_COUNTS * span, len(motion))

    def unlike(frame: int) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(points - points[frame], axis=1) + np.abs(times - times[frame]))

    chosen = [0, len(motion) - 1]
    nearest = np.minimum(*map(unlike, chosen))
    slow = _slow(points)
    while len(chosen) < count:
        likely = np.where(slow, nearest, 0.0)
        chosen.append(int((likely if likely.any() else nearest).argmax()))
        nearest = np.minimum(nearest, unlike(chosen[-1]))
    return np.sort(np.asarray(chosen))


def _slow(points: Array) -> NDArray[np.bool_]:
    """Frames ``(T,)`` at which ``points (T, n)`` move no faster than just before and just after."""
    paths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    speed = np.convolve(np.pad(paths, 1, mode="edge"), [0.5, 0.5], mode="valid")
    around = np.lib.stride_tricks.sliding_window_view(np.pad(speed, 2, mode="edge"), 5)
    return np.asarray(speed <= around.min(axis=1))


def pictures_of(
    motion: Motion, width: int, height: int, chosen: NDArray[np.int64], view: str
) -> Iterator[NDArray[np.uint8]]:
    """Pictures ``(height, width, 3)`` of the chosen frames, one after the other; the camera is the clip's."""
    for side in (width, height):
        if not isinstance(side, (int, np.integer)) or not 16 <= side <= _MAX_SIDE:
            raise InputError(
                f"a picture of {width} x {height} pixels was asked for. "
                f"Wanted 16 to {_MAX_SIDE}, whole numbers."
            )
    if view not in VIEWS:
        raise InputError(f"unknown view {view!r}. Wanted one of {', '.join(VIEWS)}.")
    mesh = _mesh(motion.hands)
    points = two_hand_joints(motion.frames.astype(np.float64), motion.hands).reshape(-1, 3)
    camera = framing_camera(points, width, height, np.asarray(VIEWS[view]), _VIEW_ANGLE, _MARGIN)
    return _draw_all(motion.hands, motion.frames[chosen], mesh, camera, points)


def watched(
    pictures: Iterator[NDArray[np.uint8]], total: int, progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    """The same pictures, each reported to ``progress`` once it is drawn."""
    for done, picture in enumerate(pictures, start=1):
        if progress is not None:
            progress(done, total)
        yield picture


def _draw_all(
    hands: tuple[Hand, Hand], frames: Array, mesh: _Mesh, camera: Camera, points: Array
) -> Iterator[NDArray[np.uint8]]:
    """Draw ``frames (N, 2, 99)`` one by one; ``points (P, 3)`` are the joints of the whole clip."""
    floor = float(points[:, 1].min()) - _FLOOR_GAP
    # Twice the size, averaged down, smooths the edges; a large picture is smooth enough without.
    fine = camera.scaled(2 if camera.width * camera.height <= 2_000_000 else 1)
    background = _background(camera, floor, points)
    for start in range(0, len(frames), _BATCH):
        part = frames[start : start + _BATCH]
        skins = [skin(hand, part[:, side]) for side, hand in enumerate(hands)]
        for vertices in np.concatenate(skins, axis=1):
            yield _draw(vertices, mesh, fine, background, floor)


def _mesh(hands: tuple[Hand, Hand]) -> _Mesh:
    left, right = hands
    for hand in hands:
        if len(hand.faces) == 0:
            raise InputError(
                f"the {hand.side} hand {hand.name!r} has no skin. Wanted one to draw; use another hand."
            )
    faces = np.concatenate([left.faces, right.faces + len(left.vertices)])
    colors = np.repeat(_SKIN, [len(left.vertices), len(right.vertices)], axis=0)
    return _Mesh(faces, colors, is_closed(faces))


def _draw(vertices: Array, mesh: _Mesh, fine: Camera, background: Array, floor: float) -> NDArray[np.uint8]:
    """One picture: background, shadow, hands. ``vertices`` is ``(V, 3)`` of both hands."""
    height, width = background.shape[:2]
    factor = fine.width // width
    shadow = _shadow(vertices, mesh.faces, fine.scaled(0.5 / factor), floor, (height, width))
    picture = background * shadow[..., None]
    screen = fine.project(vertices)
    top, bottom, left, right = _window(screen, factor, width, height)
    if bottom > top and right > left:
        # Only the window around the hands is drawn at the finer size.
        screen[:, :2] -= np.array([left, top]) * factor
        wide, high = (right - left) * factor, (bottom - top) * factor
        fragments = rasterize(screen, mesh.faces, wide, high, cull=mesh.closed)
        window = picture[top:bottom, left:right].repeat(factor, axis=0).repeat(factor, axis=1)
        flat = window.reshape(-1, 3)
        flat[fragments.pixels] = fragments.interpolate(_light(vertices, mesh, fine.position), mesh.faces)
        _outline(flat, fragments.depth.reshape(high, wide))
        picture[top:bottom, left:right] = shrink(window, factor)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def _window(screen: Array, factor: int, width: int, height: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the pixels that the hands may touch, with a pixel to spare."""
    low = np.clip(np.floor(screen[:, :2].min(axis=0) / factor) - 1, 0, [width, height]).astype(int)
    high = np.clip(np.ceil(screen[:, :2].max(axis=0) / factor) + 1, 0, [width, height]).astype(int)
    return int(low[1]), int(high[1]), int(low[0]), int(high[0])


def _light(vertices: Array, mesh: _Mesh, eye: Array) -> NDArray[np.float32]:
    """Colour ``(V, 3)`` of each vertex: sky, two lamps, a highlight, darker where skin turns away."""
    normals = vertex_normals(vertices, mesh.faces)
    towards = eye - vertices
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    facing = (normals * towards).sum(axis=1)
    if not mesh.closed:  # the inside of a hand is seen through its open wrist
        normals = np.where(facing[:, None] < 0, -normals, normals)
        facing = np.abs(facing)
    key = np.maximum(normals @ _KEY_LIGHT, 0.0)
    half = _KEY_LIGHT + towards
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    shine = 0.12 * np.maximum((normals * half).sum(axis=1), 0.0) ** 24
    strength = 0.36 + 0.08 * normals[:, 1] + 0.46 * key + 0.22 * np.maximum(facing, 0.0)
    strength *= 0.62 + 0.38 * np.clip(2.2 * facing, 0.0, 1.0)
    return (mesh.colors * strength[:, None] + shine[:, None]).astype(np.float32)


def _outline(flat: Array, depth: Array) -> None:
    """Darken, in place, the nearer pixel where depth jumps: fingers stand out from what is behind them."""
    edge = np.zeros(depth.shape, bool)
    limit = depth * (1 - _OUTLINE)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        edge |= np.roll(depth, step, axis) < limit
    flat[np.flatnonzero(edge.ravel())] *= 0.55


def _shadow(vertices: Array, faces: Array, small: Camera, floor: float, shape: tuple[int, int]) -> Array:
    """Brightness ``shape`` of the floor under the hands, 1 where no shadow falls; drawn small."""
    fallen = vertices - ((vertices[:, 1] - floor) / _KEY_LIGHT[1])[:, None] * _KEY_LIGHT
    mask = rasterize(small.project(fallen), faces, small.width, small.height, cull=False).depth > 0
    soft = blur(mask.reshape(small.height, small.width).astype(np.float64), max(1, small.height // 60))
    rows = np.minimum(np.arange(shape[0]) // 2, small.height - 1)
    columns = np.minimum(np.arange(shape[1]) // 2, small.width - 1)
    return (1 - 0.28 * blur(soft[rows][:, columns], 1, 1)).astype(np.float32)


def _background(camera: Camera, floor: float, points: Array) -> NDArray[np.float32]:
    """The empty scene ``(height, width, 3)``: a floor with 5 cm squares that fades into the background."""
    fine = camera.scaled(2)
    rays = fine.rays()
    down = rays[..., 1] < -1e-3
    reach = np.where(down, (floor - fine.position[1]) / np.where(down, rays[..., 1], -1.0), 0.0)
    hit = fine.position + rays * reach[..., None]
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    size = 0.5 * float(np.linalg.norm(points.max(axis=0) - points.min(axis=0))) + 0.15
    away = np.linalg.norm((hit - middle)[..., [0, 2]], axis=-1) / size
    fade = np.where(down, np.clip(1.35 - 0.8 * away, 0.0, 1.0), 0.0)
    # A line about a pixel wide, at any distance.
    width = np.maximum(reach / fine.focal, 1e-6)
    lines = np.zeros(fade.shape)
    for axis in (0, 2):
        off = np.abs((hit[..., axis] / _GRID + 0.5) % 1.0 - 0.5) * _GRID
        lines = np.maximum(lines, np.clip(1.5 - off / width, 0.0, 1.0))
    color = _BACKGROUND + fade[..., None] * (_FLOOR - _BACKGROUND)
    color = color * (1 - 0.07 * (fade * lines)[..., None])
    return shrink(color, 2).astype(np.float32)
