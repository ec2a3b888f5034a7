// A server that takes every message and keeps none, in a process of its own: what is measured is the client.
// It answers all that a chunk holds in one write. Usage: node bench/sink.mjs [--chunking]; prints its port.
import { createServer } from "node:net";

const chunking = process.argv.includes("--chunking");
const HELLO = ["250-sink", "250-PIPELINING", ...(chunking ? ["250-CHUNKING"] : []), "250 8BITMIME"].join("\r\n");
const END = Buffer.from("\r\n.\r\n");
const REPLIES = { EHLO: HELLO, HELO: "250 sink", DATA: "354 go", QUIT: "221 bye" };
let messages = 0;

function serve(socket) {
  let rest = Buffer.alloc(0);
  let inData = false;
  let skip = 0;
  let atLineStart = false;
  let last = false;
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.write("220 sink\r\n");
  socket.on("data", (chunk) => {
    let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const replies = [];
    for (;;) {
      if (skip > 0) {
        const taken = Math.min(skip, bytes.length);
        skip -= taken;
        bytes = bytes.subarray(taken);
        if (skip > 0) break;
        if (last) messages++;
        replies.push("250 taken");
      }
      if (inData) {
        if (atLineStart && bytes.length >= 3 && bytes.indexOf(".\r\n") === 0) {
          bytes = bytes.subarray(3);
        } else {
          const end = bytes.indexOf(END);
          if (end < 0) {
            if (bytes.length > 4) atLineStart = false;
            bytes = bytes.subarray(Math.max(0, bytes.length - 4));
            break;
          }
          bytes = bytes.subarray(end + 5);
        }
        inData = false;
        messages++;
        replies.push("250 taken");
        continue;
      }
      const end = bytes.indexOf(10);
      if (end < 0) break;
      const line = bytes.latin1Slice(0, end - 1);
      bytes = bytes.subarray(end + 1);
      if (line.startsWith("BDAT")) {
        const [, size, tag] = line.split(" ");
        skip = Number(size);
        last = tag === "LAST";
        if (skip === 0) replies.push("250 taken");
        continue;
      }
      inData = line === "DATA";
      atLineStart = inData;
      replies.push(REPLIES[line.slice(0, 4)] ?? "250 ok");
      if (line === "QUIT") socket.end();
    }
    rest = bytes;
    if (replies.length > 0) socket.write(`${replies.join("\r\n")}\r\n`);
  });
}

const server = createServer(serve).listen(0, "127.0.0.1", () => console.log(server.address().port));
process.on("message", (question) => question === "messages" && process.send(messages));
process.on("disconnect", () => process.exit());
