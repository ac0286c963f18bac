/** Source maps, as far as a stack trace needs them: which line of which file a line comes from. */

interface SourceMap {
  sources: string[];
  mappings: string;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Reads a source map (version 3).
 * @returns `file:line` for each line of the generated file, or "" for a line from nowhere. Where a
 *   line has parts from several lines, the first counts.
 */
export function originsOf({ sources, mappings }: SourceMap): string[] {
  let source = 0;
  let line = 0;
  return mappings.split(";").map((segments) => {
    let origin = "";
    for (const segment of segments.split(",")) {
      const [, sourceStep, lineStep] = decodeVlq(segment);
      if (sourceStep === undefined || lineStep === undefined) continue;
      source += sourceStep;
      line += lineStep;
      origin ||= `${sources[source]}:${line + 1}`;
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
