// Draws groups of horizontal bars as SVG: linear from zero, with a line where bare mqtt.js is. Nothing is loaded from elsewhere, fonts are
// the reader's own, and colours follow a light or a dark page.

const WIDTH = 860;
const MARGIN = 24;
const LEFT = 150;          // where bars begin
const RIGHT = WIDTH - 150; // and where the longest ends; its text goes on
const BAR = 16, STEP = 20;
const HEADING = 30, GAP = 14;
const NEAR = 44;
const TOP = 98, BOTTOM = 42;

// Told twice: what does not know of dark pages, as the converter to PNG, takes the first.
const STYLE = `
  text { font-family: Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-size: 12px; fill: #1f2328; }
  .page { fill: #ffffff; } .title { font-size: 19px; font-weight: 600; } .quiet { fill: #59636e; } .group { font-size: 13px; font-weight: 600; }
  .value { stroke: #ffffff; stroke-width: 4; stroke-linejoin: round; paint-order: stroke; }
  .grid { stroke: #d1d9e0; stroke-width: 1; } .one { stroke: #cf222e; stroke-width: 1.5; } .onetext { fill: #cf222e; font-weight: 600; }
  .native { fill: #0969da; } .js { fill: #54aeff; } .crt { fill: #d4a72c; } .rust { fill: #bc4c00; } .core { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .page { fill: #0d1117; } .quiet { fill: #9198a1; } .grid { stroke: #30363d; }
    .value { stroke: #0d1117; } .one { stroke: #ff7b72; } .onetext { fill: #ff7b72; } .native { fill: #4493f8; } .js { fill: #a5d6ff; } .crt { fill: #e3b341; }
    .rust { fill: #f0883e; } .core { fill: #6e7681; }
  }
`;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const place = (value) => String(Math.round(value * 10) / 10);
const text = (x, y, words, look = '', anchor = 'start') =>
  `<text x="${place(x)}" y="${place(y)}" class="${look}" text-anchor="${anchor}">${escape(words)}</text>`;

/** A step of 1, 2 or 5 times a power of ten, so that there are at most eight. */
export function chooseStep(most) {
  const power = 10 ** Math.floor(Math.log10(most / 8));
  const step = [1, 2, 5, 10].find((times) => most / (times * power) <= 8) * power;
  return Number(step.toPrecision(1));
}

/**
 * @param {object} chart
 * @param {string} chart.title
 * @param {string} chart.subtitle
 * @param {string} chart.footnote
 * @param {(value: number) => string} chart.unit Text of a mark of the scale.
 * @param {{ title: string, about: string, bars: { title: string, look: string, value: number, text: string }[] }[]} chart.groups
 */
export function drawBars({ title, subtitle, footnote, unit, groups }) {
  const most = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const step = chooseStep(most), at = (value) => LEFT + value / most * (RIGHT - LEFT);
  const marks = Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
  // Next to the line of mqtt.js there is no room.
  const scale = marks.filter((mark) => Math.abs(at(mark) - at(1)) > NEAR).map((mark) => text(at(mark), TOP - 8, unit(mark), 'quiet', 'middle'));
  const body = [];
  let y = TOP;
  for (const { title: heading, about, bars } of groups) {
    body.push(text(MARGIN, y + 18, heading, 'group'), text(WIDTH - MARGIN, y + 18, about, 'quiet', 'end'));
    y += HEADING;
    const upright = (value, look) =>
      `<line x1="${place(at(value))}" y1="${y - 4}" x2="${place(at(value))}" y2="${y + bars.length * STEP}" class="${look}"/>`;
    body.push(...marks.map((mark) => upright(mark, 'grid')));
    const rows = bars.map((bar, i) => ({ ...bar, top: y + i * STEP, width: Math.max(1.5, at(bar.value) - LEFT) }));
    for (const { title: name, look, top, width } of rows) {
      body.push(text(LEFT - 8, top + 12, name, '', 'end'),
        `<rect x="${LEFT}" y="${top}" width="${place(width)}" height="${BAR}" rx="2" class="${look}"/>`);
    }
    body.push(upright(1, 'one'), ...rows.map((row) => text(LEFT + row.width + 8, row.top + 12, row.text, 'value')));
    y += bars.length * STEP + GAP;
  }
  const height = y + BOTTOM;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escape(title)}</title>
<style>${STYLE}</style>
<rect width="${WIDTH}" height="${height}" class="page"/>
${[text(MARGIN, 36, title, 'title'), text(MARGIN, 58, subtitle, 'quiet'), ...scale, ...body,
    text(at(1), TOP - 8, 'mqtt.js', 'onetext', 'middle'), text(MARGIN, height - 20, footnote, 'quiet')].join('\n')}
</svg>
`;
}
