/** What is made of a schema: a validator without dependencies, and a schema for editors. */
import Ajv from "ajv";
import standaloneCode from "ajv/dist/standalone/index.js";
import { transformSync } from "esbuild";
import type { Property } from "../cni/config.ts";

/** What the validator must check: unknown keys are tolerated, and words are for people. */
function forValidator(property: Property): Property {
  const { description: _, examples: __, emptyIsAbsent: ___, ...rest } = property;
  return descend(
    { ...rest, ...(rest.additionalProperties === false ? { additionalProperties: true } : {}) },
    forValidator,
  );
}

/** The published schema: our own keyword means nothing to editors. */
export function forEditors(property: Property): Property {
  const { emptyIsAbsent, ...rest } = property;
  return descend(rest, forEditors);
}

function descend(property: Property, change: (inner: Property) => Property): Property {
  const { properties, items, additionalProperties } = property;
  return {
    ...property,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, inner]) => [key, change(inner)]),
      ),
    }),
    ...(items && { items: change(items) }),
    ...(typeof additionalProperties === "object" && {
      additionalProperties: change(additionalProperties),
    }),
  };
}

/**
 * ES module code that exports `validate`: ajv's function for the schema, which fills in defaults and
 * leaves the first mistake in `validate.errors`.
 */
export function validatorCode(schema: Property): string {
  const ajv = new Ajv({
    strict: true,
    allowUnionTypes: true,
    messages: false,
    // Lengths in UTF-16 units need no helper at run time; no limit of ours tells the difference.
    unicode: false,
    logger: false,
    useDefaults: true,
    code: { source: true, esm: true, optimize: 2 },
  });
  const code = standaloneCode(ajv, ajv.compile(forValidator(schema)));
  if (code.includes("require(")) throw new Error("Cannot make a validator: it needs ajv's runtime");
  // Nobody looks at where in the schema the mistake is: the path and keyword say it.
  const lean = code.replace(/schemaPath:"[^"]*",|"use strict";|export default \w+;/g, "");
  return transformSync(lean, {
    minify: true,
    format: "esm",
    treeShaking: true,
  }).code;
}
