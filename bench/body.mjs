// How fast is the body encoder? Asked of bodies of 16 MiB in chunks of 64 KiB, against Nodemailer's DataStream and against counting
// the line ends with `indexOf(10)`: the ratios of each interleaved round, their median and quartiles. By itself: node bench/body.mjs
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { BodyEncoder } from "../dist/src/protocol/body.js";
import { column, interleaved, median, PAIRS, ratios } from "./measure.mjs";

const SIZE = 16 * 1024 * 1024;
const CHUNK = 64 * 1024;
const DATA_STREAM = "../node_modules/nodemailer/dist/esm/smtp-connection/data-stream.js";
const { default: DataStream } = await import(DATA_STREAM);

const letters = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0".slice(0, 76);
const bodies = [
  { name: "CRLF base64", line: `${letters}\r\n`, target: 5 },
  { name: "LF text", line: `${letters}\n`, target: 4 },
  { name: "CRLF, every line a dot", line: `.${letters.slice(1)}\r\n`, target: 4 },
  { name: "LF, every line a dot", line: `.${letters.slice(1)}\n` },
  { name: "UTF-8 prose", line: "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich\r\n\r\n" },
  { name: "short lines", line: "one\r\n\ttwo\r\n" },
];

function chunksOf(line) {
  const whole = Buffer.alloc(SIZE, line);
  return Array.from({ length: SIZE / CHUNK }, (_, index) => whole.subarray(index * CHUNK, (index + 1) * CHUNK));
}

function encode(chunks) {
  const encoder = new BodyEncoder();
  let octets = 0;
  let out = [];
  for (const chunk of chunks) {
    encoder.push(chunk, out);
    for (const piece of out) octets += piece.length;
    out = [];
  }
  encoder.end(out);
  for (const piece of out) octets += piece.length;
  if (octets !== encoder.size) throw new Error(`Encoder says ${encoder.size} octets, put out ${octets}`);
}

async function nodemailer(chunks) {
  const stream = new DataStream();
  let octets = 0;
  stream.on("data", (piece) => {
    octets += piece.length;
  });
  const ended = new Promise((resolve) => stream.on("end", resolve));
  for (const chunk of chunks) {
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  stream.end();
  await ended;
  if (octets < SIZE) throw new Error("Output is too short");
}

function scan(chunks) {
  let lines = 0;
  for (const chunk of chunks) {
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
  }
  return lines;
}

/** The MB/s of a pass over all chunks. */
async function pass(subject, chunks) {
  const begun = performance.now();
  await subject(chunks);
  return { speed: SIZE / (performance.now() - begun) / 1000 };
}

/** MB/s of each body; times DataStream; times the scan. */
export async function encoder() {
  const rows = [];
  for (const { name, line, target } of bodies) {
    const chunks = chunksOf(line);
    const subjects = Object.fromEntries([encode, nodemailer, scan].map((one) => [one.name, () => pass(one, chunks)]));
    await interleaved(subjects, 2);
    const figures = await interleaved(subjects, PAIRS);
    const speed = (subject) => column(figures[subject.name], "speed");
    const against = (peer) => ratios(speed(encode), speed(peer));
    rows.push({ name, target, speed: median(speed(encode)), stream: against(nodemailer), scan: against(scan) });
  }
  return rows;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await encoder());
