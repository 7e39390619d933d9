"""Import a .glb or .bvh into Blender and report what it made of it, as one line of JSON.

Run by Blender: ``blender --background --factory-startup --python blender_import.py -- FILE FPS [PICTURE]``.
Positions are given in the file's own axes (+Y up) and metres, so a test can compare them with the motion's.
With PICTURE, the middle frame is rendered on the CPU as seen from behind and above.

Blender's glTF importer needs numpy, which some Linux packages of Blender leave out: the folder named by
CLUTCH_NUMPY is searched then. Without it the line is ``SKIP`` and the reason.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector


def numpy_is_here() -> bool:
    """Whether numpy can be imported, from Blender's own folders or from CLUTCH_NUMPY."""
    for folder in (None, os.environ.get("CLUTCH_NUMPY")):
        if folder:
            sys.path.append(folder)
        try:
            importlib.import_module("numpy")
        except ImportError:
            continue
        return True
    return False


def y_up(point: Vector) -> list[float]:
    """Blender's +Z up, -Y forward back to the file's +Y up, -Z forward."""
    return [point.x, point.z, -point.y]


def import_file(path: Path) -> None:
    """Import by the file's ending, keeping time in frames at the scene's rate."""
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
        return
    # Blender 3.4's BVH importer opens files with mode "rU", which Python 3.11 no longer knows.
    plain_open = builtins.open
    builtins.open = lambda name, mode="r", *rest, **more: plain_open(
        name, mode.replace("U", ""), *rest, **more
    )
    bpy.ops.import_anim.bvh(filepath=str(path), global_scale=0.01, frame_start=0)


def heads(armature: Any) -> dict[str, list[float]]:
    """World position of every bone's head at the current frame."""
    return {bone.name: y_up(armature.matrix_world @ bone.head) for bone in armature.pose.bones}


def skins() -> dict[str, list[list[float]]]:
    """World positions of every mesh's vertices at the current frame."""
    graph = bpy.context.evaluated_depsgraph_get()
    found = {}
    for item in bpy.data.objects:
        if item.type == "MESH" and item.find_armature():
            posed = item.evaluated_get(graph)
            found[item.name] = [y_up(posed.matrix_world @ v.co) for v in posed.to_mesh().vertices]
    return found


def report(frames: list[int]) -> dict[str, Any]:
    """What a test wants to know."""
    armatures = [item for item in bpy.data.objects if item.type == "ARMATURE"]
    meshes = [item for item in bpy.data.objects if item.type == "MESH" and item.find_armature()]
    moments = {}
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        moments[frame] = {"heads": heads(armatures[0]), "skins": skins()}
    return {
        "version": bpy.app.version_string,
        "armatures": [{"name": a.name, "bones": [b.name for b in a.data.bones]} for a in armatures],
        "parents": {b.name: b.parent.name if b.parent else None for b in armatures[0].data.bones},
        "meshes": {m.name: len(m.data.vertices) for m in meshes},
        "actions": {action.name: list(action.frame_range) for action in bpy.data.actions},
        "moments": moments,
    }


def render(picture: Path, frame: int) -> None:
    """Draw one frame with Cycles on the CPU, the one renderer that needs no display."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    for item in [
        item for item in bpy.data.objects if item.type in {"CAMERA", "LIGHT"} or item.name == "Cube"
    ]:
        bpy.data.objects.remove(item)
    middle = Vector((0.0, 0.45, -0.30))
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location = middle + Vector((0.12, -0.45, 0.62))
    camera.rotation_euler = (middle - camera.location).to_track_quat("-Z", "Y").to_euler()
    lamp = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    lamp.data.energy, lamp.rotation_euler = 3.0, (0.5, 0.3, 0.0)
    for item in (camera, lamp):
        scene.collection.objects.link(item)
    scene.camera = camera
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.85, 0.87, 0.9, 1.0)
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 12, "CPU"
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 480, 360
    scene.render.filepath = str(picture)
    bpy.ops.render.render(write_still=True)


def main() -> None:
    """Read the arguments after ``--``, import, report, perhaps render."""
    if not numpy_is_here():
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"SKIP this Blender's Python {version} has no numpy, which its glTF importer needs")
        return
    arguments = sys.argv[sys.argv.index("--") + 1 :]
    path, fps = Path(arguments[0]), float(arguments[1])
    # Frames are what Blender counts; its default of 24 per second would put keys between frames.
    bpy.context.scene.render.fps = round(fps)
    import_file(path)
    first, last = (round(value) for value in bpy.data.actions[0].frame_range)
    middle = (first + last) // 2
    print("REPORT " + json.dumps(report([first, middle, last])))
    if len(arguments) > 2:
        render(Path(arguments[2]), middle)


main()
