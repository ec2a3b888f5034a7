// A proxy that delays each direction by N ms, in a process of its own. Usage: node bench/delay.mjs TARGET_PORT MS; prints its port.
// Asked anything, it tells the round trips: how often a client spoke after the server had.
import { connect, createServer } from "node:net";

const [target, delay] = process.argv.slice(2).map(Number);
let turns = 0;

function relay(from, to, onChunk) {
  from.on("data", (chunk) => {
    onChunk();
    setTimeout(() => to.writable && to.write(chunk), delay);
  });
  from.on("end", () => setTimeout(() => to.end(), delay));
  from.on("error", () => to.destroy());
}

const server = createServer((client) => {
  const upstream = connect(target, "127.0.0.1");
  for (const socket of [client, upstream]) socket.setNoDelay(true);
  let serverSpoke = false;
  relay(client, upstream, () => {
    if (serverSpoke) turns++;
    serverSpoke = false;
  });
  relay(upstream, client, () => {
    serverSpoke = true;
  });
}).listen(0, "127.0.0.1", () => console.log(server.address().port));

process.on("message", () => process.send({ turns }));
process.on("disconnect", () => process.exit());
