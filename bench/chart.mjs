// The chart of docs/benchmark.md, by hand: times Nodemailer on a logarithmic axis, a bar for the median, a whisker for the quartiles,
// a red mark for the target.
const WIDTH = 860;
const LEFT = 250;
const RIGHT = 90;
const ROW = 26;
const TOP = 56;

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function text(x, y, content, more = "") {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(content)}</text>`;
}

function line(x1, y1, x2, y2, colour, width = 1) {
  const [a, b, c, d] = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${colour}" stroke-width="${width}"/>`;
}

/** A logarithmic axis from `min` to `max`. */
function axis({ min, max }) {
  const width = WIDTH - LEFT - RIGHT;
  return (value) => LEFT + (width * Math.log(Math.max(value, min) / min)) / Math.log(max / min);
}

function bar({ name, ratio, target }, at, y, colour) {
  const from = Math.min(at(1), at(ratio.median));
  const to = Math.max(at(1), at(ratio.median));
  const middle = y + ROW / 2;
  const width = (to - from).toFixed(1);
  const shown = `${ratio.median.toFixed(2)} ×`;
  return [
    text(LEFT - 10, middle + 4, name, 'text-anchor="end"'),
    `<rect x="${from.toFixed(1)}" y="${y + 5}" width="${width}" height="${ROW - 10}" fill="${colour}"/>`,
    line(at(ratio.low), middle, at(ratio.high), middle, "#222"),
    target === undefined ? "" : line(at(target), y + 2, at(target), y + ROW - 2, "#d22", 2),
    text(Math.max(to, at(ratio.high), target ? at(target) : 0) + 6, middle + 4, shown),
  ].join("\n");
}

function panel({ title, ticks, bars, colour }, top) {
  const at = axis({ min: ticks[0], max: ticks.at(-1) });
  const bottom = top + TOP + bars.length * ROW;
  const grid = ticks.map((tick) => [
    line(at(tick), top + TOP - 4, at(tick), bottom, tick === 1 ? "#555" : "#ddd"),
    text(at(tick), top + TOP - 10, String(tick), 'text-anchor="middle" fill="#666"'),
  ]);
  const rows = bars.map((one, index) => bar(one, at, top + TOP + index * ROW, colour));
  return { svg: [text(12, top + 24, title, 'font-weight="bold"'), ...grid.flat(), ...rows].join("\n"), bottom };
}

/** An SVG of panels { title, ticks, bars: [{ name, ratio, target }], colour }, one below the other. */
export function chart(panels) {
  const parts = [];
  let top = 0;
  for (const one of panels) {
    const { svg, bottom } = panel(one, top);
    parts.push(svg);
    top = bottom + 8;
  }
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 8}" font-family="sans-serif" font-size="12"><title>Times as fast as Nodemailer</title>`;
  return [open, `<rect width="${WIDTH}" height="${top + 8}" fill="#fff"/>`, ...parts, "</svg>", ""].join("\n");
}
