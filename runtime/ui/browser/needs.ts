// What the walks run: named here, so that their absence is told before they begin.
//
// ONWARD_BIN       the program; else target/debug/onward
// ONWARD_CHROMIUM  the browser; else /usr/bin/chromium
// ONWARD_BROWSER=1 fails where one of them is missing, rather than skipping the walks
import { resolve } from "node:path";

export const PROGRAM = resolve(process.env["ONWARD_BIN"] ?? "../../target/debug/onward");
export const CHROMIUM = process.env["ONWARD_CHROMIUM"] ?? "/usr/bin/chromium";
