// The walks in a real browser, against a real server: `npm run browser`. See `support.ts` for what they need.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["browser/**/*.test.ts"],
    environment: "node",
    // Each file has a server and a browser of its own; two cores carry one at a time.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
