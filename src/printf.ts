/**
 * Ruby's printf, as far as a message needs it. The law here: a directive that is unknown, or without a value, is an error,
 * never a guess.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "./errors.ts";

/** Width and precision have two digits at most: more is a mistake in text, and would be paid in memory. */
const DIRECTIVE = /%([-+ 0#]*)(\d{1,2})?(?:\.(\d{1,2}))?(.?)/gsu;

/** The text of a format and its values. Throws `SmtpArgumentError`. */
export function sprintf(format: string, values: readonly unknown[]): string {
  if (typeof format !== "string")
    throw new SmtpArgumentError(`Parameter "format" is ${shown(format)}, expected a string`);
  let next = 0;
  return format.replace(
    DIRECTIVE,
    (directive, flags: string, width: string | undefined, precision: string | undefined, kind: string) => {
      if (kind === "%") return "%";
      const convert = CONVERSIONS[kind];
      if (!convert)
        throw new SmtpArgumentError(
          `Parameter "format" holds ${shown(directive)}, expected one of %s %d %i %u %f %e %g %x %X %o %b %c %%`,
        );
      if (next >= values.length)
        throw new SmtpArgumentError(`Parameter "format" asks for more than the ${values.length} values given`);
      const digits = precision === undefined ? undefined : Number(precision);
      return padded(convert(values[next++], digits, flags), flags, Number(width ?? 0), kind);
    },
  );
}

type Conversion = (value: unknown, precision: number | undefined, flags: string) => string;

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  s: (value, precision) => String(value).slice(0, precision),
  c: character,
  d: integer(10),
  i: integer(10),
  u: integer(10),
  x: integer(16, "0x"),
  X: (value, precision, flags) => integer(16, "0x")(value, precision, flags).toUpperCase(),
  o: integer(8, "0"),
  b: integer(2, "0b"),
  f: (value, precision, flags) => signed(number(value), flags, (positive) => fixed(positive, precision ?? 6)),
  e: (value, precision, flags) =>
    signed(number(value), flags, (positive) => exponent(positive.toExponential(precision ?? 6))),
  g: (value, precision, flags) => signed(number(value), flags, (positive) => general(positive, precision ?? 6)),
};

function integer(base: number, prefix: string = ""): Conversion {
  return (value, precision, flags) =>
    signed(whole(value), flags, (positive) => {
      const digits = positive.toString(base).padStart(precision ?? 0, "0");
      return flags.includes("#") ? prefix + digits : digits;
    });
}

function signed<T extends number | bigint>(value: T, flags: string, format: (positive: T) => string): string {
  if (value < 0) return `-${format(-value as T)}`;
  return `${flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""}${format(value)}`;
}

function number(value: unknown): number {
  const result = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
  if (Number.isFinite(result)) return result;
  throw new SmtpArgumentError(`Value for a number in printf is ${shown(value)}, expected a finite number`);
}

function whole(value: unknown): number | bigint {
  return typeof value === "bigint" ? value : Math.floor(number(value));
}

/** A code point's character, or the first of a text. */
function character(value: unknown): string {
  if (typeof value !== "number") return Array.from(String(value))[0] ?? "";
  if (Number.isInteger(value) && value >= 0 && value <= 0x10ffff) return String.fromCodePoint(value);
  throw new SmtpArgumentError(`Value for %c in printf is ${shown(value)}, expected a code point or a text`);
}

/** From 1e21 on `toFixed` would change to an exponent; such a number has no fraction. */
function fixed(value: number, precision: number): string {
  if (value < 1e21) return value.toFixed(precision);
  return precision > 0 ? `${BigInt(value)}.${"0".repeat(precision)}` : String(BigInt(value));
}

/** C writes at least two digits of an exponent. */
function exponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

function general(value: number, precision: number): string {
  const digits = precision || 1;
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(value));
  if (magnitude < -4 || magnitude >= digits) return exponent(value.toExponential(digits - 1).replace(/\.?0+e/, "e"));
  const fixed = value.toFixed(Math.max(0, digits - 1 - magnitude));
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
}

function padded(text: string, flags: string, width: number, kind: string): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || kind === "s" || kind === "c") return text.padStart(width);
  const sign = /^[-+ ]?(?:0[xXb])?/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}
