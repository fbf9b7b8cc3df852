// The same chart as PNG, for places that show no SVG: resvg draws it, with a font of its own, so that the machine needs none.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(new URL('../peers/package.json', import.meta.url));
const WEIGHTS = /^Inter_(400Regular|600SemiBold)\.ttf$/;
const SCALE = 2; // for screens of twice the usual density

function fonts() {
  const folder = dirname(require.resolve('@expo-google-fonts/inter/package.json'));
  return readdirSync(folder, { recursive: true }).filter((file) => WEIGHTS.test(file.split(/[\\/]/).at(-1))).map((file) => join(folder, file));
}

export function toPng(svg) {
  const { Resvg } = require('@resvg/resvg-js');
  const font = { loadSystemFonts: false, fontFiles: fonts(), defaultFontFamily: 'Inter', sansSerifFamily: 'Inter' };
  return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: SCALE } }).render().asPng();
}
