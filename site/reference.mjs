// Writes site/pages/api: one page an entry of deno.json, made from the doc comments.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Application, Converter, PageEvent } from "typedoc";
import { root } from "../scripts/run.mjs";

export async function writeReference(here) {
  const { name, exports } = JSON.parse(
    readFileSync(join(root, "deno.json"), "utf8"),
  );
  const entries = Object.entries(exports);
  const app = await Application.bootstrapWithPlugins({
    entryPoints: entries.map(([, path]) => join(root, path)),
    basePath: root,
    tsconfig: join(root, "tsconfig.published.json"),
    plugin: ["typedoc-plugin-markdown", "typedoc-vitepress-theme"],
    out: join(here, "pages/api"),
    docsRoot: join(here, "pages"),
    router: "module",
    entryFileName: "index",
    name,
    readme: "none",
    disableSources: true,
    excludeExternals: true,
    excludePrivate: true,
    hideBreadcrumbs: true,
    hidePageHeader: true,
    useCodeBlocks: true,
    expandObjects: true,
    parametersFormat: "table",
    skipErrorChecking: true, // the step "types" checks them
    logLevel: "Error",
  });
  // A module is called as it is imported, not as its file.
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const [entry, path] of entries) {
      const module = project.children.find(({ sources, name }) =>
        sources?.[0]?.fileName === path.slice(2) ||
        `${name}.ts` === path.slice(2)
      );
      if (module) module.name = entry === "." ? "edge" : entry.slice(2);
    }
  });
  app.renderer.on(PageEvent.END, (page) => {
    page.contents = page.contents?.replace(
      /^# (.+)$/m,
      (title, module) =>
        title.endsWith(name)
          ? title
          : `# ${module === "edge" ? name : `${name}/${module}`}`,
    );
  });
  const project = await app.convert();
  if (!project) {
    throw new Error("Cannot read the doc comments: TypeDoc failed, see above");
  }
  await app.generateOutputs(project);
}
