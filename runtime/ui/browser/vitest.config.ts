// The walks in a real browser, against a real server: `npm run browser`. See `support.ts` for what they need.
import { existsSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { CHROMIUM, PROGRAM } from "./needs";

const missing = [CHROMIUM, PROGRAM].filter((file) => !existsSync(file));
if (missing.length > 0) {
  const said = `the walks in a browser need ${missing.join(" and ")} (see browser/needs.ts)`;
  // In CI they must run.
  if (process.env["ONWARD_BROWSER"] === "1") throw new Error(said);
  console.warn(`SKIPPED: ${said}`);
}

export default defineConfig({
  test: {
    include: missing.length > 0 ? [] : ["browser/**/*.test.ts"],
    passWithNoTests: missing.length > 0,
    environment: "node",
    // Each file has a server and a browser of its own, and mostly waits for them: two cores carry two at a time.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
