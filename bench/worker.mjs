// One client in a process of its own, so that its CPU, its memory and its compiled code are its own.
// It is sent jobs: { client, port, options, act, count, warm }; `act` is a method of the client (clients.mjs). It answers with figures.
import { Socket } from "node:net";
import { clients } from "./clients.mjs";
import { profiled } from "./profile.mjs";

const { _writeGeneric } = Socket.prototype;
let writes = 0;
let peak = 0;

function watchMemory() {
  peak = process.memoryUsage.rss();
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, 10);
  return () => {
    look();
    clearInterval(timer);
  };
}

/** Each is one system call: a list of buffers goes out by one writev. */
function countWrites() {
  writes = 0;
  Socket.prototype._writeGeneric = function (...args) {
    writes++;
    return _writeGeneric.apply(this, args);
  };
}

async function figures({ act, count, watch }, opened) {
  globalThis.gc();
  if (watch === "writes") countWrites();
  const before = process.memoryUsage.rss();
  const watched = watch === "memory" ? watchMemory() : undefined;
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  const work = () => opened[act](count);
  const shares = watch === "profile" ? await profiled(work) : await work();
  const elapsed = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpuBefore);
  watched?.();
  Socket.prototype._writeGeneric = _writeGeneric;
  return {
    perSecond: (count / elapsed) * 1000,
    elapsed,
    cpu: (user + system) / count,
    growth: (peak - before) / 1e6,
    rss: peak / 1e6,
    writes: writes / count,
    ...(watch === "profile" && { shares }),
  };
}

async function run(job) {
  const opened = await clients[job.client](job.port, job.options);
  if (job.warm) await opened[job.act](job.warm);
  const answer = await figures(job, opened);
  await opened.close();
  return answer;
}

process.on("message", (job) => {
  run(job).then(
    (answer) => process.send(answer),
    (error) => process.send({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
console.log("0");
