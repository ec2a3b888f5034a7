/** For mutants: properties that do not say how often they are tried are tried as often as PROPERTY_RUNS says. */

import fc from "fast-check";
import { runs } from "./runs.ts";

fc.configureGlobal({ numRuns: runs(100) });
