/** Source maps, as far as a stack trace needs them: which line of which file a line comes from. */

interface SourceMap {
  sources: string[];
  mappings: string;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Reads a source map (version 3).
 * @param code the generated file
 * @returns `file:line` for each line of the generated file, or "" for a line from nowhere. Where a
 *   line has parts from several lines, that counts which its first word is from.
 */
export function originsOf({ sources, mappings }: SourceMap, code: string): string[] {
  const lines = code.split("\n");
  let source = 0;
  let line = 0;
  return mappings.split(";").map((segments, i) => {
    const start = lines[i]?.search(/\S/) ?? 0;
    let column = 0;
    let origin = "";
    for (const segment of segments.split(",")) {
      const [columnStep = 0, sourceStep, lineStep] = decodeVlq(segment);
      column += columnStep;
      if (sourceStep === undefined || lineStep === undefined) continue;
      source += sourceStep;
      line += lineStep;
      if (column <= start || !origin) origin = `${sources[source]}:${line + 1}`;
    }
    return origin;
  });
}

/** Base64 VLQ: five bits a digit, low ones first; the lowest bit of a number is its sign. */
function decodeVlq(text: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of text) {
    const digit = digits.indexOf(character);
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return numbers;
}
