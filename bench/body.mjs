/**
 * How fast is the body encoder? Asked of four bodies of 16 MiB in chunks of 64 KiB, against Nodemailer's DataStream and
 * against counting the line ends with `indexOf(10)`; and of one message of 1 KiB. Build first (`npx tsc -p tsconfig.build.json`),
 * then `node bench/body.mjs [path to body.js]`. The best of several interleaved rounds counts: the machine may be shared.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { pathToFileURL } from "node:url";

const path = process.argv[2] ?? new URL("../dist/src/protocol/body.js", import.meta.url).pathname;
const { BodyEncoder } = await import(pathToFileURL(path).href);

const SIZE = 16 * 1024 * 1024;
const CHUNK = 64 * 1024;
const ROUNDS = 9;

const letters = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0".slice(0, 76);
const bodies = {
  "CRLF base64": `${letters}\r\n`,
  "bare LF text": `${letters}\n`,
  "dots, CRLF": `.${letters.slice(1)}\r\n`,
  "dots, bare LF": `.${letters.slice(1)}\n`,
  "UTF-8 prose": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich\r\n\r\n",
  "short lines": "one\r\n\ttwo\r\n",
  "empty lines": "\n",
  "one line": letters,
};

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

async function nodemailerStream() {
  const file = new URL("../node_modules/nodemailer/dist/esm/smtp-connection/data-stream.js", import.meta.url);
  const { default: DataStream } = await import(file.href).catch(() => ({}));
  if (!DataStream) return undefined;
  return async (chunks) => {
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
  };
}

function count(chunks) {
  let lines = 0;
  for (const chunk of chunks) {
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
  }
  return lines;
}

async function best(subjects, chunks) {
  const times = new Map();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, subject] of Object.entries(subjects)) {
      const begin = performance.now();
      await subject(chunks);
      times.set(name, Math.min(times.get(name) ?? Infinity, performance.now() - begin));
    }
  }
  return (name) => SIZE / (times.get(name) ?? NaN) / 1000;
}

function small() {
  const message = Buffer.alloc(1024, bodies["CRLF base64"]);
  let fastest = Infinity;
  for (let round = 0; round < 20; round++) {
    const begin = performance.now();
    for (let index = 0; index < 20_000; index++) {
      const encoder = new BodyEncoder();
      const out = [];
      encoder.push(message, out);
      encoder.end(out);
    }
    fastest = Math.min(fastest, (performance.now() - begin) / 20_000);
  }
  return fastest * 1e6;
}

const nodemailer = await nodemailerStream();
const subjects = { encode, ...(nodemailer && { nodemailer }), count };
for (const [name, line] of Object.entries(bodies)) {
  const speed = await best(subjects, chunksOf(line));
  const ratio = (other) => (speed("encode") / speed(other)).toFixed(2).padStart(6);
  const figures = `${speed("encode").toFixed(0).padStart(6)} MB/s`;
  console.log(`${name.padEnd(14)} ${figures}   ${ratio("nodemailer")} x DataStream   ${ratio("count")} x indexOf(10)`);
}
console.log(`1 KiB message: ${small().toFixed(0)} ns`);
