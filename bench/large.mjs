// 1 GB from a source of 64 KB chunks, in a process of its own each time: MB/s, and how much the process grew.
import { alone, column, helper, interleaved, median, ratios, some, spread } from "./measure.mjs";

const CHUNK = 64 * 1024;
const CHUNKS = some(2 ** 30 / CHUNK);

export const LARGE = CHUNKS * CHUNK;

/** MB/s against Nodemailer, and the growth of memory, by DATA and by BDAT. */
export async function large() {
  const [plain, chunking] = [await helper("./sink.mjs"), await helper("./sink.mjs", "--chunking")];
  const stream = (client, { port }) => alone({ client, port, act: "stream", count: CHUNKS, watch: "memory" });
  const figures = await interleaved({
    "Nodemailer SMTPConnection": () => stream("smtpConnection", plain),
    "net-smtp, DATA": () => stream("netSmtp", plain),
    "net-smtp, BDAT": () => stream("netSmtp", chunking),
  });
  plain.close();
  chunking.close();
  const [[, peer]] = Object.entries(figures);
  return Object.entries(figures).map(([name, each]) => ({
    name,
    ours: name.startsWith("net-smtp"),
    speed: (median(column(each, "perSecond")) * CHUNK) / 1e6,
    ratio: ratios(column(each, "perSecond"), column(peer, "perSecond")),
    growth: spread(column(each, "growth")),
    cpu: (median(column(each, "cpu")) * CHUNKS) / 1e3,
  }));
}
