// A server that takes every message and keeps none, in a process of its own: what is measured is the client.
// It answers all that a chunk holds in one write. Usage: node bench/sink.mjs [--chunking]; prints its port.
import { createServer } from "node:net";

const chunking = process.argv.includes("--chunking");
const HELLO = ["250-sink", "250-PIPELINING", ...(chunking ? ["250-CHUNKING"] : []), "250 8BITMIME"].join("\r\n");
/** By the first letter of the command: the sink is to cost as little as it can, since it runs beside what is measured. */
const REPLIES = { E: HELLO, H: "250 sink", D: "354 go", Q: "221 bye" };
const [B, D, Q] = ["B", "D", "Q"].map((letter) => letter.charCodeAt(0));
const TAKEN = "250 taken";
const END = Buffer.from("\r\n.\r\n");
const NOTHING = Buffer.alloc(0);

/** One connection. Each of `line`, `content` and `chunk` takes what it can from the front of the bytes and gives the rest, or undefined if it needs more. */
class Talk {
  replies = [];
  over = false;
  #rest = NOTHING;
  #skip = 0;
  #take = this.line;

  /** All that a chunk holds. */
  push(chunk) {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = NOTHING;
    while (bytes !== undefined && bytes.length > 0) bytes = this.#take(bytes);
  }

  line(bytes) {
    const end = bytes.indexOf(10);
    if (end < 0) return this.#keep(bytes);
    const first = bytes[0];
    if (first === B) this.#beginChunk(bytes.latin1Slice(5, end));
    else this.replies.push(REPLIES[String.fromCharCode(first)] ?? "250 ok");
    if (first === Q) this.over = true;
    // The line end before the dot may be that of DATA itself.
    if (first !== D) return bytes.subarray(end + 1);
    this.#take = this.content;
    return bytes.subarray(end - 1);
  }

  content(bytes) {
    const end = bytes.indexOf(END);
    if (end < 0) return this.#keep(bytes.subarray(Math.max(0, bytes.length - END.length + 1)));
    this.replies.push(TAKEN);
    this.#take = this.line;
    return bytes.subarray(end + END.length);
  }

  chunk(bytes) {
    const taken = Math.min(this.#skip, bytes.length);
    this.#skip -= taken;
    if (this.#skip === 0) this.#endChunk();
    return bytes.subarray(taken);
  }

  #beginChunk(size) {
    this.#skip = Number.parseInt(size, 10);
    if (this.#skip === 0) this.#endChunk();
    else this.#take = this.chunk;
  }

  #endChunk() {
    this.replies.push(TAKEN);
    this.#take = this.line;
  }

  #keep(bytes) {
    this.#rest = bytes;
  }
}

function serve(socket) {
  const talk = new Talk();
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.write("220 sink\r\n");
  socket.on("data", (chunk) => {
    talk.push(chunk);
    if (talk.replies.length > 0) socket.write(`${talk.replies.join("\r\n")}\r\n`);
    talk.replies = [];
    if (talk.over) socket.end();
  });
}

const server = createServer(serve).listen(0, "127.0.0.1", () => console.log(server.address().port));
process.on("disconnect", () => process.exit());
