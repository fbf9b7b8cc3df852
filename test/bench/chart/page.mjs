// The generated part of docs/performance.md: every cell's table as it was printed, and with what it was measured. The rest of the page is
// written by hand and stays.
import { basename } from 'node:path';
import { LEGEND } from '../report.mjs';
import { LIBRARIES } from '../sample.mjs';
import * as clients from '../suites/clients.mjs';
import * as depths from '../suites/depths.mjs';
import * as idle from '../suites/idle.mjs';
import * as latency from '../suites/latency.mjs';
import * as memory from '../suites/memory.mjs';
import * as rates from '../suites/rates.mjs';
import * as sizes from '../suites/sizes.mjs';

const BEGIN = '<!-- generated: npm run bench:chart writes what is between this mark and the next -->';
const END = '<!-- end of generated -->';

const CHAPTERS = [
  ['Rates', rates], ['Payload sizes', sizes], ['Depth', depths], ['Clients', clients], ['Latency and the event loop', latency],
  ['Idle and start', idle], ['Memory', memory],
];

/** As it is given to npm, without the folders of the machine it ran on. */
const cleanCommand = (command) => command.replace(/(--json[ =])(\S+)/, (_, option, file) => option + basename(file));
const day = (date) => `${new Date(date).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
// Of a system's release the version is told, not who built it.
const machineOf = ({ cpu, cores, memory, system, architecture, node }) =>
  `${cores} cores of ${cpu} (${architecture}), ${(memory / 2 ** 30).toFixed(1)} GiB, ${/^\S+ [\d.]+/.exec(system)?.[0] ?? system}, Node.js ${node}`;
const conditionsOf = ({ rounds, seconds, size }) =>
  `${rounds} round${rounds === 1 ? '' : 's'} of ${seconds} s and payloads of ${size} bytes where a cell does not say otherwise`;

/**
 * Puts results together; of a cell that is in several the last is taken, where the first stood.
 * @param {{ file: string, result: object }[]} results What run.mjs wrote.
 */
export function merge(results) {
  const cells = new Map(), versions = {};
  const sources = results.map(({ file, result }) => {
    if (!Array.isArray(result?.cells)) throw new Error(`${basename(file)} is not what npm run bench -- --json writes`);
    Object.assign(versions, result.versions);
    const { command, date, machine, options } = result;
    return { command: cleanCommand(command), date, machine, options, cells: result.cells };
  });
  for (const source of sources) for (const cell of source.cells) cells.set(cell.cell, { ...cell, source });
  const all = [...cells.values()], used = sources.filter((source) => all.some((cell) => cell.source === source));
  const failed = all.flatMap(({ cell, runs }) => runs.filter(({ summary }) => summary.problems.length > 0).map(({ library }) => `${cell}, ${library}`));
  const machines = used.map(({ machine }) => `${machine.cores} cores of ${machine.cpu}, Node.js ${machine.node}`);
  const sizes = used.map(({ options }) => `${options.size}-byte payloads`), days = used.map(({ date }) => date.slice(0, 10));
  const commits = used.map(({ machine }) => `commit ${machine.commit ?? 'unknown'}`);
  const footnote = [machines, sizes, commits, days].map((each) => [...new Set(each)].join(' and ')).join(', ');
  return { cells: all, sources: used, versions, failed, footnote };
}

const fence = (text) => `\`\`\`text\n${text}\n\`\`\``;

function describeSources({ sources, versions }) {
  const parts = sources.map(({ command, date, machine, options, cells }, i) => {
    const loads = cells.map(({ load }) => load).filter(Number.isFinite);
    const load = loads.length === 0 ? '' : `; load average before a cell ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
    return `${i + 1}. \`${command}\`\n   ${day(date)}, commit ${machine.commit ?? 'unknown'}, ${machineOf(machine)}; ${conditionsOf(options)}${load}`;
  });
  const list = Object.entries(versions).map(([library, version]) => `- ${LIBRARIES[library]?.title ?? library}: ${version}`);
  return `Runs:\n\n${parts.join('\n')}\n\nVersions:\n\n${list.join('\n')}`;
}

function chapter(title, cells, sources) {
  const parts = cells.map(({ cell, title: about, text, source }) => {
    const run = sources.length === 1 ? '' : `, run ${sources.indexOf(source) + 1}`;
    return `**${about[0].toUpperCase()}${about.slice(1)}** (\`${cell}\`${run})\n\n${fence(text ?? '(measured before tables were kept)')}`;
  });
  return [`### ${title}`, ...(title === 'Rates' ? [fence(LEGEND)] : []), ...parts].join('\n\n');
}

/**
 * The generated part.
 * @param {ReturnType<typeof merge>} merged
 * @param {{ name: string, alt: string }[]} charts Those that were drawn.
 */
export function writeResults(merged, charts) {
  const own = ({ CELLS }) => merged.cells.filter(({ cell }) => Object.hasOwn(CELLS, cell));
  const known = new Set(CHAPTERS.flatMap(([, suite]) => Object.keys(suite.CELLS)));
  const rest = merged.cells.filter(({ cell }) => !known.has(cell));
  const chapters = [...CHAPTERS.map(([title, suite]) => [title, own(suite)]), ['Other cells', rest]].filter(([, cells]) => cells.length > 0);
  const failed = merged.failed.length === 0 ? 'No cell failed its checks: nothing was lost, repeated, out of order or different at the far end, unless a row of another library says so.'
    : `**Failed, and not to be relied on:** ${merged.failed.join('; ')}. The tables say what was wrong.`;
  return [
    ...charts.map(({ name, alt }) => `![${alt}](performance/${name}.svg)\n\n([as PNG](performance/${name}.png))`),
    describeSources(merged), failed, ...chapters.map(([title, cells]) => chapter(title, cells, merged.sources)),
  ].join('\n\n');
}

/** The page with its generated part replaced. */
export function replaceGenerated(page, results) {
  const begin = page.indexOf(BEGIN), end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no place for the results, which is between ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${results}\n\n${page.slice(end)}`;
}
