/** Every case of the contract, by what it is about. */

import type { Case } from "../harness.ts";
import { info } from "./info.ts";
import { logins } from "./logins.ts";
import { options } from "./options.ts";
import { tls } from "./tls.ts";

export const cases: Readonly<Record<string, readonly Case[]>> = { options, tls, logins, info };
