/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { viewMeta } from "./view_meta.ts";

// Output obeys `default-src 'self'`: nothing inline (no data: fonts, no inline module preload), relative addresses.
export default defineConfig({
  base: "./",
  plugins: [viewMeta(), react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    chunkSizeWarningLimit: 700,
  },
  test: { css: true }, // the contrast test reads the real colours
  server: { proxy: { "/api": process.env.LUYTRE_API ?? "http://127.0.0.1:8443" } },
});
