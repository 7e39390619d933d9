"use strict";

// ---- previews: bones on canvases, one clock for all of them ----------------------------------

(() => {
  const source = document.getElementById("motions");
  if (!source) return;
  const { fps, unit, bones, rows } = JSON.parse(source.textContent);
  const JOINTS = 21, NUMBERS = 2 * JOINTS * 3, PAUSE = 15;
  // From the scene towards the eye: x right, y up, z towards the hands' owner.
  const VIEWS = { viewer: [0.2, 1, 0.62], front: [0.32, 0.55, -0.85], side: [1, 0.25, 0.15], top: [0, 1, 0.02] };
  const get = (id) => document.getElementById(id);
  const play = get("play"), time = get("time"), clock = get("clock"), speed = get("speed"), view = get("view");

  const decode = (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) * unit);
  };

  const unitOf = (v) => { const n = Math.hypot(...v); return v.map((x) => x / n); };
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const bounds = (points, size) => {
    const low = Array(size).fill(Infinity), high = Array(size).fill(-Infinity);
    for (const p of points)
      for (let k = 0; k < size; k++) { low[k] = Math.min(low[k], p[k]); high[k] = Math.max(high[k], p[k]); }
    return { low, high, middle: low.map((v, k) => (v + high[k]) / 2) };
  };

  // What a row's camera must hold: everything that happens in any of its motions.
  const sceneOf = (tracks) => {
    const points = [];
    for (const track of Object.values(tracks))
      for (let i = 0; i < track.length; i += 3) points.push([track[i], track[i + 1], track[i + 2]]);
    const { low, high, middle } = bounds(points, 3);
    const far = 3 * Math.hypot(...high.map((v, k) => v - low[k])) + 0.1;
    const longest = Math.max(...Object.values(tracks).map((t) => t.length / NUMBERS), 1);
    const floor = low[1] - 0.03;
    const corners = [low, high].flatMap(([x]) => [low, high].map(([, , z]) => [x, floor, z]));
    return { tracks, points, corners, middle, far, floor, period: longest + PAUSE, fits: {} };
  };

  // A camera of the chosen view: a point to its place in metres on the picture, its depth and magnification.
  const lens = (scene) => {
    const eye = unitOf(VIEWS[view.value]), right = unitOf(cross([0, 1, 0], eye)), up = cross(eye, right);
    return (point) => {
      const p = point.map((v, k) => v - scene.middle[k]), near = scene.far / (scene.far - dot(p, eye));
      return [dot(p, right) * near, -dot(p, up) * near, dot(p, eye), near];
    };
  };
  const camera = (scene, wide, high) => {
    const see = lens(scene);
    const fit = scene.fits[view.value] ??= bounds([...scene.points, ...scene.corners].map(see), 2);
    const spans = [0, 1].map((k) => fit.high[k] - fit.low[k] + 0.06);
    const scale = Math.min(wide / spans[0], high / spans[1]);
    return (point) => {
      const [x, y, depth, near] = see(point);
      return {
        x: wide / 2 + (x - fit.middle[0]) * scale, y: high / 2 + (y - fit.middle[1]) * scale, depth, scale: near * scale,
      };
    };
  };

  const scenes = rows.map((row) =>
    sceneOf(Object.fromEntries(Object.entries(row).map(([name, text]) => [name, decode(text)]))));
  const last = Math.max(...scenes.map((s) => s.period), 1);
  time.max = String(Math.round(last) - 1);

  const cells = [...document.querySelectorAll("canvas[data-row]")].map((canvas) => ({
    canvas, pen: canvas.getContext("2d"), scene: scenes[canvas.dataset.row],
    track: scenes[canvas.dataset.row].tracks[canvas.dataset.stage], seen: true,
  }));

  let colours = {};
  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(["left", "right", "shadow"].map((n) => [n, style.getPropertyValue(`--${n}`).trim()]));
  };

  const draw = (cell, frame) => {
    const { canvas, pen, scene, track } = cell;
    const [wide, high] = [canvas.clientWidth, canvas.clientHeight].map((n) => Math.round(n * devicePixelRatio));
    if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
    pen.clearRect(0, 0, wide, high);
    const frames = track.length / NUMBERS, at = Math.min(Math.floor(frame), frames - 1) * NUMBERS;
    const see = camera(scene, wide, high), lines = [], shadows = [];
    for (let hand = 0; hand < 2; hand++) {
      const point = (j) => [0, 1, 2].map((k) => track[at + (hand * JOINTS + j) * 3 + k]);
      for (const [from, to] of bones) {
        const a = point(from), b = point(to), p = see(a), q = see(b);
        lines.push({ p, q, colour: hand ? colours.right : colours.left, depth: p.depth + q.depth, thick: 0.009 });
        const flat = ([x, , z]) => see([x, scene.floor, z]);
        shadows.push({ p: flat(a), q: flat(b), colour: colours.shadow, thick: 0.01 });
      }
    }
    lines.sort((a, b) => a.depth - b.depth);
    pen.lineCap = "round";
    for (const { p, q, colour, thick } of [...shadows, ...lines]) {
      pen.globalAlpha = frame > frames && colour !== colours.shadow ? 0.45 : 1;
      pen.strokeStyle = colour;
      pen.lineWidth = Math.max(1.2 * devicePixelRatio, thick * (p.scale + q.scale) / 2);
      pen.beginPath();
      pen.moveTo(p.x, p.y);
      pen.lineTo(q.x, q.y);
      pen.stroke();
    }
  };

  let now = 0, shown = -1, playing = false, before = null;
  const show = () => {
    shown = Math.floor(now);
    for (const cell of cells) if (cell.seen) draw(cell, now % cell.scene.period);
    time.value = String(Math.floor(now % last));
    clock.textContent = `${((now % last) / fps).toFixed(1)} s`;
  };
  const tick = (stamp) => {
    if (!playing) return;
    if (before !== null) now += Math.min(stamp - before, 200) / 1000 * fps * Number(speed.value);
    before = stamp;
    if (Math.floor(now) !== shown) show();
    requestAnimationFrame(tick);
  };
  const set = (on) => {
    playing = on;
    before = null;
    play.textContent = on ? "Pause" : "Play";
    if (on) requestAnimationFrame(tick);
  };
  play.addEventListener("click", () => set(!playing));
  time.addEventListener("input", () => { set(false); now = Number(time.value); show(); });
  view.addEventListener("change", show);
  addEventListener("resize", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); show(); });
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) cells.find((c) => c.canvas === entry.target).seen = entry.isIntersecting;
    show();
  }, { rootMargin: "100px" });
  for (const cell of cells) watcher.observe(cell.canvas);
  readColours();
  show();
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) set(true);
})();

// ---- curves: the numbers under the pointer --------------------------------------------------

for (const plot of document.querySelectorAll("svg.plot")) {
  const series = [...plot.querySelectorAll(".series")].map((g) => ({
    name: g.dataset.name, steps: g.dataset.steps.split(" ").map(Number), values: g.dataset.values.split(" "),
  }));
  if (!series.length) continue;
  const readout = document.createElement("output");
  readout.className = "readout";
  plot.after(readout);
  const steps = [...new Set(series.flatMap((s) => s.steps))].sort((a, b) => a - b);
  plot.addEventListener("pointermove", (event) => {
    const area = plot.getBoundingClientRect(), left = Number(plot.dataset.from), right = Number(plot.dataset.to);
    const share = ((event.clientX - area.left) / area.width - left) / (right - left);
    const wanted = steps[0] + share * (steps[steps.length - 1] - steps[0]);
    const step = steps.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a));
    const said = series.filter((s) => s.steps.includes(step)).map((s) => `${s.name} ${s.values[s.steps.indexOf(step)]}`);
    readout.textContent = `step ${step}: ${said.join(", ")}`;
  });
  plot.addEventListener("pointerleave", () => { readout.textContent = ""; });
}
