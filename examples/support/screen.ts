/**
 * What the demo puts on a screen: colours where they are wanted, a dialogue with its times, tables that are aligned.
 *
 * @module
 */

/** Colours, or none. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** Where lines go. */
export interface Screen {
  readonly paint: Paint;
  /** Columns. */
  readonly width: number;
  line(text?: string): void;
}

/** A part of a stream such as `process.stdout`. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** NO_COLOR goes before FORCE_COLOR, which goes before what the output is (https://no-color.org). */
export function wantsColour(isTerminal: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  const { NO_COLOR = "", FORCE_COLOR = "" } = environment;
  if (NO_COLOR !== "") return false;
  if (FORCE_COLOR !== "") return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return isTerminal;
}

/** A screen on a stream. */
export function screenOn(output: Terminal, environment: Readonly<Record<string, string | undefined>>): Screen {
  const colours = wantsColour(output.isTTY === true, environment);
  const code =
    (start: number, end: number) =>
    (text: string): string =>
      colours && text !== "" ? `\u001b[${start}m${text}\u001b[${end}m` : text;
  return {
    paint: {
      bold: code(1, 22),
      dim: code(2, 22),
      red: code(31, 39),
      green: code(32, 39),
      yellow: code(33, 39),
      cyan: code(36, 39),
    },
    width: Math.min(Math.max(output.columns ?? 100, 40), 120),
    line: (text = "") => output.write(`${text}\n`),
  };
}

/** The text in at most so many columns; what is cut off leaves an ellipsis. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0)).trimEnd()}…`;
}

/** Rows with aligned columns under a header; the last column is cut to what the screen has left. */
export function table(
  screen: Screen,
  header: readonly string[],
  rows: readonly (readonly string[])[],
  colour: (row: readonly string[], column: number) => (text: string) => string,
): void {
  const widths = header.map((title, column) =>
    Math.max(...[header, ...rows].map((row) => (row[column] ?? title).length)),
  );
  const last = header.length - 1;
  const left = screen.width - 2 - widths.slice(0, last).reduce((sum, width) => sum + width + 2, 0);
  const shape = (row: readonly string[], paint: (column: number) => (text: string) => string): string =>
    row
      .map((cell, at) => paint(at)(at === last ? cut(cell, left) : cell.padEnd((widths[at] ?? 0) + 2)))
      .join("")
      .trimEnd();
  screen.line(`  ${shape(header, () => screen.paint.dim)}`);
  for (const row of rows) screen.line(`  ${shape(row, (column) => colour(row, column))}`);
}

/**
 * A dialogue as it goes on: milliseconds, who, what. The lines of a long reply share one below its first; a time is shown when it is
 * another than that of the line above.
 */
export class DialogueView {
  readonly #screen: Screen;
  readonly #begun = performance.now();
  #shownTime: string | undefined;
  #reply: string[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** A line of the client. */
  client(text: string): void {
    const { cyan } = this.#screen.paint;
    this.#line("C:", text, cyan);
  }

  /** A line of the server. */
  server(text: string): void {
    this.#reply.push(text);
    if (text[3] === "-") return;
    const [first = "", ...rest] = this.#reply;
    this.#reply = [];
    const { red, yellow, green, dim } = this.#screen.paint;
    const colour = { 4: yellow, 5: red }[Number(text[0])] ?? green;
    this.#line("S:", first.replace("-", " "), (shown) => `${colour(shown.slice(0, 3))}${shown.slice(3)}`);
    if (rest.length > 0) this.#line("", rest.map((line) => line.slice(4)).join(" · "), (shown) => dim(`    ${shown}`));
  }

  /** A remark of the engine. */
  note(text: string): void {
    const { dim } = this.#screen.paint;
    this.#line("--", text, dim);
  }

  #line(who: string, text: string, colour: (text: string) => string): void {
    const { dim, bold } = this.#screen.paint;
    const time = `${Math.round(performance.now() - this.#begun)} ms`;
    const shownTime = time === this.#shownTime ? "" : time;
    if (this.#shownTime === undefined) this.#screen.line();
    this.#shownTime = time;
    const room = this.#screen.width - (who === "" ? 19 : 15);
    this.#screen.line(`  ${dim(shownTime.padStart(8))}  ${bold(who.padEnd(2))} ${colour(cut(text, room))}`);
  }
}
