// Where the time of a client goes: V8's sampling profiler, its samples grouped by whose code was running.
import { Session } from "node:inspector/promises";

/** The first that holds names the group of a sample. */
const GROUPS = [
  ["waiting for the server", ({ functionName }) => functionName === "(idle)"],
  ["the write system call", ({ functionName, url }) => url === "" && /^write(Buffer|v|.*String)$/.test(functionName)],
  ["collecting garbage", ({ functionName }) => functionName === "(garbage collector)"],
  [
    "Node: streams, sockets, microtasks",
    ({ url, functionName }) => url.startsWith("node:") || /icrotask|^\(program\)/.test(functionName),
  ],
  ["net-smtp: values and bytes (src/protocol)", ({ url }) => url.includes("/dist/src/protocol/")],
  [
    "net-smtp: the ledger (dialogue, cork, owed, deadlines)",
    ({ url }) => /\/dist\/src\/(dialogue|cork|owed|deadlines|alarms)/.test(url),
  ],
  ["net-smtp: the transaction and its turn", ({ url }) => url.includes("/dist/src/")],
];

const REST = "the runtime's built-ins, and the bench";

/** The share of each group, of what was sampled while `work` ran. */
export async function profiled(work) {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 200 });
  await session.post("Profiler.start");
  await work();
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  return shares(profile);
}

function shares({ nodes, samples, timeDeltas }) {
  const groups = new Map(
    nodes.map(({ id, callFrame }) => [id, GROUPS.find(([, holds]) => holds(callFrame))?.[0] ?? REST]),
  );
  const sums = Object.fromEntries([...GROUPS.map(([name]) => [name, 0]), [REST, 0]]);
  let all = 0;
  for (const [at, id] of samples.entries()) {
    sums[groups.get(id)] += timeDeltas[at];
    all += timeDeltas[at];
  }
  return Object.entries(sums).map(([name, sum]) => ({ name, share: sum / all }));
}
