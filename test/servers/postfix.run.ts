import { POSTFIX } from "./subjects.ts";
import { suite } from "./suite.ts";

suite(POSTFIX);
