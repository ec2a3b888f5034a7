/**
 * Puts every export of the API reference under a heading, by the file that declares it: what belongs together stands
 * together in src/ already, so no docstring has to say it again. A file that no rule names is a warning, and so an error.
 *
 * @module
 */

import { relative } from "node:path";
import { CommentTag, Converter, ReflectionKind } from "typedoc";

/** The first that fits holds; paths are of src/. */
const CATEGORIES = [
  [/^(client|smtp|session|settings|commands|options|version)\.ts$/, "Sessions"],
  [/^pool\//, "Pool"],
  [/^(delivery|fate|recipients|message|writer)\.ts$|^protocol\/verdict\.ts$/, "Messages and fates"],
  [/^(extensions)\.ts$|^protocol\/(address|dsn|parameters)\.ts$/, "Addresses and extensions"],
  [/^errors\.ts$/, "Errors"],
  [/^protocol\/(reply|response|capabilities)\.ts$/, "Replies"],
  [/^sasl\//, "Logins"],
  [/^(events|stats|delivery_log|transcript)\.ts$|^opentelemetry\//, "What happened"],
  [/^net\/|^mx\.ts$/, "Network"],
  [/^workers\//, "Workers"],
  [/^nodemailer\//, "Nodemailer"],
];

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const entry of project.getReflectionsByKind(ReflectionKind.Module)) {
      // The name that is imported, in place of the file's: mod -> net-smtp, src/nodemailer/mod -> net-smtp/nodemailer.
      entry.name = ["net-smtp", ...entry.name.split("/").slice(1, -1)].join("/");
      for (const exported of entry.children ?? []) {
        if (!exported.kindOf(ReflectionKind.Reference)) categorize(app, exported);
      }
    }
  });
}

function categorize(app, reflection) {
  const path = relative("src", reflection.sources?.[0]?.fullFileName ?? "").replaceAll("\\", "/");
  const [, name] = CATEGORIES.find(([pattern]) => pattern.test(path)) ?? [];
  if (name === undefined) {
    app.logger.warn(`docs/categories.mjs has no category for ${reflection.name} of ${path}`);
    return;
  }
  const comments = reflection.signatures?.map(({ comment }) => comment) ?? [reflection.comment];
  for (const comment of comments) comment?.blockTags.push(new CommentTag("@category", [{ kind: "text", text: name }]));
}
