/** What a plugin says about itself: to the operator, and to VERSION. */
import { release } from "./release.ts";
import { all, current } from "./version-list.ts";

/** The release of the reference plugins whose keys and behaviour ours have. */
const equivalent = "v1.9.1";

/**
 * Printed where CNI_COMMAND is not set. nerdctl takes the version in the first line for the one of
 * the reference's plugin, to learn which keys it may use; ours stands behind it as build metadata.
 */
export function about(name: string): string {
  return `CNI ${name} plugin ${equivalent}+cnibox.${release}
CNI protocol versions supported: ${all.join(", ")}
`;
}

/** The answer to VERSION. It depends on nothing: neither stdin nor the applet is looked at. */
export function versionReply(): string {
  const versions = all.map((version) => `"${version}"`).join(",");
  return `{"cniVersion":"${current}","supportedVersions":[${versions}]}\n`;
}
