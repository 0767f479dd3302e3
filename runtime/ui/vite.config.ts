// How the UI is built: into `built/`, which is checked in and embedded into the server.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The server that `npm run dev` asks; its cookie counts for whatever port it comes from.
const server = process.env.ONWARD_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // The page names its files from the root, to which the server adds its path; all else names them from where it is.
  experimental: { renderBuiltUrl: (_, { hostType }) => (hostType === "html" ? undefined : { relative: true }) },
  build: {
    outDir: "built",
    emptyOutDir: true,
    // Names follow from contents, so that a file may be kept by browsers for ever.
    assetsDir: "assets",
    // Small files stay files: the Content-Security-Policy allows no `data:` scripts or fonts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": { target: server, headers: { origin: server } } } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
