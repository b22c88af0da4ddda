import { defineConfig } from "vitest/config";
import { words } from "./build/words";

export default defineConfig({
  base: "/",
  plugins: [words()],
  // The gateway serves dist; in development the API comes from the address in KIZASHI_API.
  server: { proxy: { "/api": { target: process.env["KIZASHI_API"] ?? "http://127.0.0.1:8080", ws: true } } },
  build: {
    // Small files that every page shares travel together: one request, and better compressed.
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            {
              name: "shared",
              test: /src\/(parts\/(?!save|BandGauge|SignStrip)|units\/|time\/(?!Absolute)|api\/live\.ts|state\/resource|charts\/(columns|useColumns|notes))/,
            },
            {
              name: "base",
              test: /(node_modules\/(preact|@preact)|src\/(i18n\/index|api\/http|state\/(prefs|location)))/,
            },
            {
              name: "board",
              test: /src\/pages\/dashboards\/(Board|Frame|Variables|registry|store|model|useSeries|panels\/NoSeries)/,
            },
            {
              name: "panels",
              test: /src\/pages\/dashboards\/panels\/(Numbers|Findings|Season|Heatmap|Circles|Map|Forecast|arc|cells)/,
            },
            {
              name: "editing",
              test: /src\/pages\/dashboards\/(List|shelf|ready|grid|edit\/)/,
            },
            // Whoever looks at one of these looks at the others next: what happened, in what, why.
            { name: "found", test: /src\/(map|pages\/(overview|episodes|incidents|forecast|explore))\/.*\.tsx?$/ },
            // Seldom opened: how the house is set up, and how it fares.
            // Their styles come along: a page with a sheet of its own needs a file of its own that leads here.
            { name: "house", test: /src\/pages\/(health|queries|connect|alerts\/setup)\// },
            // What waits for somebody to ask: the palette, what is taken along, what is shown to others.
            {
              name: "later",
              test: /src\/(shell\/(Palette|palette|Toasts|shortcuts|badgeFeed)|take\/|time\/Absolute|parts\/save|pages\/(shared|dashboards\/Share))/,
            },
            {
              name: "charts",
              test: /src\/charts\/(TimeChart|LinesChart|lines|paint|scale|shown|Surface|Marks|crosshair|words|ink|chart|profile)|src\/pages\/dashboards\/panels\/Lines/,
            },
          ],
        },
      },
    },
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    manifest: true,
  },
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.ts", "test/**/*.test.tsx"],
    sequence: { shuffle: true },
    // The painter reads the colours from it; every other sheet is left empty.
    css: { include: [/tokens\.css/] },
  },
});
