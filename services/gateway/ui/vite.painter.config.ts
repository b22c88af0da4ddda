// The client's drawing code once more, for the gateway's painter: a program for Node with the canvas library beside it.
import { defineConfig } from "vite";

export default defineConfig({
  publicDir: false,
  define: { __WORDS__: '""' },
  build: {
    ssr: "src/painter/main.ts",
    outDir: "dist/painter",
    emptyOutDir: true,
    target: "node22",
    rolldownOptions: { output: { entryFileNames: "main.mjs", codeSplitting: false } },
  },
  ssr: { noExternal: true, external: ["@napi-rs/canvas"] },
});
