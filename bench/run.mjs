// The whole comparison in one run: prints its tables, and writes docs/benchmark.md with its chart. `npm run bench` builds first.
// BENCH_QUICK=1 npm run bench: a quick look, which writes nothing.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, platform } from "node:os";
import { encoder } from "./body.mjs";
import { chart } from "./chart.mjs";
import { messages, recipients } from "./growth.mjs";
import { LARGE, large } from "./large.mjs";
import { PAIRS, QUICK } from "./measure.mjs";
import { markdown, plainText, sections } from "./report.mjs";
import { throughput } from "./throughput.mjs";
import { coldTrips, warmTrips } from "./trips.mjs";

const root = new URL("../", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("node_modules/nodemailer/package.json", root), "utf8"));

async function figures() {
  const encoded = await encoder();
  const streamed = await large();
  const sent = await throughput();
  return {
    encoder: encoded,
    large: streamed,
    largeOctets: LARGE,
    throughput: sent,
    warm: await warmTrips(),
    cold: await coldTrips(),
    recipients: await recipients(),
    messages: await messages(),
  };
}

function panels({ throughput, encoder, large }) {
  const sent = [...throughput.without, ...throughput.withChunking].filter(
    ({ name }) => !name.endsWith("SMTPConnection"),
  );
  const speeds = sent.map(({ name, speed, targets }) => ({ name, ratio: speed, target: targets?.speed }));
  const streamed = large
    .filter(({ ours }) => ours)
    .map(({ name, ratio }) => ({ name: `1 GB, ${name}`, ratio, target: 2 }));
  const encoded = encoder.map(({ name, stream, target }) => ({ name: `encoder, ${name}`, ratio: stream, target }));
  const costs = sent.map(({ name, cpu, targets }) => ({ name, ratio: cpu, target: targets?.cpu }));
  const plain = (bars) => bars.map((bar) => ({ ...bar, name: bar.name.replaceAll("`", "") }));
  return [
    {
      title: "Times as fast as Nodemailer (more is better; red: the target)",
      ticks: [0.25, 0.5, 1, 2, 4, 8, 16, 32],
      bars: plain([...speeds, ...streamed, ...encoded]),
      colour: "#4a90d9",
    },
    {
      title: "CPU a message, as a share of Nodemailer SMTPConnection's (less is better)",
      ticks: [0.03125, 0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8],
      bars: plain(costs),
      colour: "#5aa469",
    },
  ];
}

const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${platform()} ${arch()}, Node ${process.versions.node}`;

function opening(date, minutes) {
  return `# How fast

\`npm run bench\` wrote this (bench/run.mjs, ${date}, in ${minutes} minutes) on ${machine}, against Nodemailer ${version}.

Each client runs in a process of its own, and so does the server, which takes every message, keeps none, and answers all that it read at once in one write.
Ratios are medians of ${PAIRS} interleaved pairs, quartiles in brackets; what grows (recipients, messages) is the median of 3 runs, its round trips one run. The machine is shared, so
**only ratios within one run count**: the absolute figures go up and down with whoever else is at work. A target that is missed is shown as missed.

![Times Nodemailer](benchmark.svg)

`;
}

const begun = performance.now();
console.log(`${machine}; Nodemailer ${version}; ${PAIRS} interleaved pairs\n`);
const all = await figures();
const parts = sections(all);
for (const part of parts) console.log(plainText(part));
const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
console.log(`${minutes} minutes`);
if (!QUICK) {
  mkdirSync(new URL("docs/", root), { recursive: true });
  const text = opening(new Date().toISOString().slice(0, 10), minutes) + parts.map(markdown).join("\n");
  writeFileSync(new URL("docs/benchmark.md", root), text);
  writeFileSync(new URL("docs/benchmark.svg", root), chart(panels(all)));
}
