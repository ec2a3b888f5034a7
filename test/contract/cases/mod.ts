/** Every case of the contract, by what it is about. */

import type { Case } from "../harness.ts";
import { errors } from "./errors.ts";
import { experiments } from "./experiments.ts";
import { info } from "./info.ts";
import { lmtp } from "./lmtp.ts";
import { logins } from "./logins.ts";
import { options } from "./options.ts";
import { poolCases } from "./pool.ts";
import { tls } from "./tls.ts";
import { transport } from "./transport.ts";

export const cases: Readonly<Record<string, readonly Case[]>> = {
  options,
  tls,
  logins,
  info,
  errors,
  experiments,
  transport,
  lmtp,
  pool: poolCases,
};
