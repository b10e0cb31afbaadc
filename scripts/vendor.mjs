#!/usr/bin/env node
// Copies the browser libraries from node_modules into static/vendor and writes manifest.json there.
// Only a person who changes a version runs this: npm ci --ignore-scripts && npm run vendor
// The copies are committed, so a machine that runs the workbench needs no npm.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import postcss from "postcss";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const vendor = join(root, "static", "vendor");

// Every library: its package, its licence file there, and the files that are served.
const LIBRARIES = [
  { folder: "tabler", package: "@tabler/core", licence: "MIT", files: { "dist/css/tabler.min.css": trimTabler } },
  { folder: "inter", package: "@fontsource-variable/inter", licence: "OFL-1.1", licenceFile: "LICENSE", files: {
    "files/inter-latin-wght-normal.woff2": null, "files/inter-latin-ext-wght-normal.woff2": null } },
  { folder: "htmx", package: "htmx.org", licence: "0BSD", licenceFile: "LICENSE", files: { "dist/htmx.min.js": null } },
  { folder: "plotly", package: "plotly.js-cartesian-dist-min", licence: "MIT", licenceFile: "LICENSE", files: {
    "plotly-cartesian.min.js": null } },
  { folder: "tus", package: "tus-js-client", licence: "MIT", licenceFile: "LICENSE", files: { "dist/tus.min.js": dropSourceMap } },
  { folder: "icons", package: "@tabler/icons", licence: "MIT", licenceFile: "LICENSE", files: {} },
];

// Tabler's package has its licence only as a comment in the file and a field in package.json.
const MIT = (holder) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

// Components no page of ours uses. A list of what goes, not of what stays: a page builder may use any other class
// of Tabler without running this script again.
const UNUSED = new RegExp(
  String.raw`\.(navbar|offcanvas|carousel|ribbon|otp|popover|calendar|litepicker|ts|signature|signal|chat|timeline|strength|` +
  String.raw`mention|fc|noUi|jvm|dropzone|plyr|fslightbox|star|gl|page-(?:wrapper|center|cover)|payment|flag|social|layout-|` +
  String.raw`app-brand|brand|theme-(?!dark|light)|form-colorinput|form-imagecheck|form-selectgroup|form-file|tracking|avatar|` +
  String.raw`sparkline|loader|dimmer|accordion|toast|tooltip|sticky-|countup|map|wizard|cookie|lightbox|color-input|nav-segmented|` +
  String.raw`pricing|steps|step-|legend|tag|tags|chip|switch-icon|demo-|prose|markdown|divide|object-|float-|order-|offset-)[\w-]*|` +
  String.raw`-(?:facebook|twitter|linkedin|google|youtube|vimeo|dribbble|github|instagram|pinterest|vk|rss|flickr|bitbucket|` +
  String.raw`tabler|azure|indigo|purple|pink|lime|cyan|teal|muted-lt|gray-\d+)(?![\w])|\[data-vc|\[data-bs-popper|\[data-bs-navbar`,
);

function trimTabler(source) {
  const sheet = postcss.parse(source);
  sheet.walkRules((rule) => {
    if (rule.parent.type === "atrule" && /keyframes/.test(rule.parent.name)) return;
    const kept = rule.selectors.filter((selector) => !UNUSED.test(selector.replace(/:not\([^)]*\)/g, "")));
    if (kept.length === 0) rule.remove();
    else if (kept.length < rule.selectors.length) rule.selectors = kept;
  });
  const text = sheet.toString();
  sheet.walkAtRules(/keyframes$/, (rule) => {
    const name = rule.params;
    if (!new RegExp(`animation[^;}]*${name}`).test(text)) rule.remove();
  });
  sheet.walkAtRules("media", (rule) => { if (rule.nodes?.length === 0) rule.remove(); });
  sheet.walkComments((comment) => { if (/sourceMappingURL/.test(comment.text)) comment.remove(); });
  return sheet.toString();
}

function dropSourceMap(source) {
  return source.replace(/\/\/# sourceMappingURL=.*\n?/, "");
}

function sprite() {
  const wanted = JSON.parse(readFileSync(join(root, "scripts", "icons.json"), "utf8"));
  const symbols = Object.entries(wanted).map(([name, source]) => {
    const svg = readFileSync(join(modules, "@tabler/icons/icons/outline", `${source}.svg`), "utf8");
    const body = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "")
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "").replace(/\s+/g, " ").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" ` +
      `stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

const manifest = { note: "Written by scripts/vendor.mjs; change versions in package.json.", libraries: [] };
rmSync(vendor, { recursive: true, force: true });
for (const library of LIBRARIES) {
  const from = join(modules, library.package);
  const to = join(vendor, library.folder);
  mkdirSync(to, { recursive: true });
  const about = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
  const entry = { name: library.package, version: about.version, licence: library.licence,
    licence_file: `${library.folder}/LICENSE`, files: [] };
  if (library.licenceFile && existsSync(join(from, library.licenceFile))) {
    copyFileSync(join(from, library.licenceFile), join(to, "LICENSE"));
  } else {
    writeFileSync(join(to, "LICENSE"), MIT("2018-2026 The Tabler Authors"));
  }
  for (const [path, change] of Object.entries(library.files)) {
    const source = readFileSync(join(from, path));
    const content = change ? Buffer.from(change(source.toString("utf8"))) : source;
    writeFileSync(join(to, basename(path)), content);
    entry.files.push({ path: `${library.folder}/${basename(path)}`, bytes: content.length, changed: Boolean(change),
      sha256: createHash("sha256").update(content).digest("hex") });
  }
  if (library.folder === "icons") {
    const content = Buffer.from(sprite());
    writeFileSync(join(root, "static", "icons.svg"), content);
    entry.files.push({ path: "../icons.svg", bytes: content.length, changed: true,
      sha256: createHash("sha256").update(content).digest("hex") });
  }
  manifest.libraries.push(entry);
}
writeFileSync(join(vendor, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
const total = manifest.libraries.flatMap((l) => l.files).reduce((sum, file) => sum + file.bytes, 0);
console.log(`${manifest.libraries.length} libraries, ${(total / 1e6).toFixed(2)} MB`);
