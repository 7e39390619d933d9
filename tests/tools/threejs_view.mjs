// Open a .glb in three.js in headless Chromium, stop its animation at a time, take a picture, and print what
// three.js made of it as one line of JSON.
//
//   node threejs_view.mjs NODE_MODULES CHROMIUM FILE.glb SECONDS PICTURE.png [left|right]
//
// NODE_MODULES holds three and playwright-core. With a hand named, also tries three.js's XRHandMeshModel on the
// file. No network: every address is answered from the disk.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [modules, chromiumPath, file, seconds, picture, hand] = process.argv.slice(2);
const { chromium } = createRequire(join(resolve(modules), 'x.js'))('playwright-core');
const here = dirname(fileURLToPath(import.meta.url));
const kinds = { html: 'text/html', js: 'text/javascript', glb: 'model/gltf-binary' };

function onDisk(path) {
  if (path === '/') return join(here, 'threejs_view.html');
  if (path === '/motion.glb') return resolve(file);
  return join(resolve(modules), path);
}

async function answer(route) {
  const path = onDisk(new URL(route.request().url()).pathname);
  try {
    await route.fulfill({ body: await readFile(path), contentType: kinds[path.split('.').pop()] });
  } catch {
    await route.fulfill({ status: 404, body: '' });
  }
}

const args = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];
const browser = await chromium.launch({ executablePath: chromiumPath, args });
try {
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } });
  const complaints = [];
  page.on('console', (message) => {
    const about = message.text();
    // The browser's own remarks on rendering without a GPU, and the icon it always asks for, are not about us.
    const own = /GPU stall|software WebGL|SwiftShader|favicon/i.test(about + message.location().url);
    if (['error', 'warning'].includes(message.type()) && !own) complaints.push(about);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.route('**/*', answer);
  await page.goto('http://clutch.test/');
  await page.waitForFunction(() => window.clutch, null, { timeout: 30000 });
  const report = await page.evaluate(([at]) => window.clutch.show('/motion.glb', at), [Number(seconds)]);
  await page.screenshot({ path: picture });
  if (hand) report.handModel = await page.evaluate(([side]) => window.clutch.handModel('/motion.glb', side), [hand]);
  console.log(JSON.stringify({ ...report, complaints }));
} finally {
  await browser.close();
}
