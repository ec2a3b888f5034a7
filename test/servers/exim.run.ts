import { EXIM } from "./subjects.ts";
import { suite } from "./suite.ts";

suite(EXIM);
