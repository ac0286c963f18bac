/** The help of an applet comes from its schema. */
import t from "tap";
import type { Applet } from "../../src/cni/applet.ts";
import { configSchema, object } from "../../src/cni/config.ts";
import { help } from "../../src/cni/help.ts";
import { emptyResult } from "../../src/cni/result.ts";

const schema = configSchema(
  {
    master: { type: "string", description: "Parent; default: the one with the default route" },
    mode: { enum: ["l2", "l3"], default: "l2", description: "Where packets are switched" },
    mtu: { type: "integer", minimum: 1, maximum: 9000 },
    trunk: {
      type: "array",
      description: `Several words that ${"go on ".repeat(14)}and end`,
      items: object({ minID: { type: "integer", minimum: 1 } }, { required: ["minID"] }),
    },
    sysctl: { type: "object", additionalProperties: { type: "string" } },
    runtimeConfig: object({ mac: { type: "string", description: "MAC address to take" } }),
  },
  ["master"],
);

const applet: Applet = {
  name: "fake",
  summary: "Makes something up",
  schema,
  cniArgs: { MAC: "The same, as the runtime's argument" },
  add: () => emptyResult(),
  del: () => {},
};

t.equal(
  help(applet),
  `fake: Makes something up

Config keys:
  master (string, required)
      Parent; default: the one with the default route.
  mode ("l2" | "l3", default "l2")
      Where packets are switched.
  mtu (integer 1-9000)
  trunk (list of object)
      Several words that go on go on go on go on go on go on go on go on go on
      go on go on go on go on go on and end.
    minID (integer >= 1, required)
  sysctl (map to string)

Capabilities (runtimeConfig keys):
  mac (string)
      MAC address to take.

Keys of CNI_ARGS:
  MAC (string)
      The same, as the runtime's argument.

Keys of every plugin: cniVersion, name, type, disableCheck, disableGC,
capabilities, ipam, dns, args, prevResult.
`,
);

const bare = { name: "fake", summary: "", add: applet.add, del: applet.del };
t.equal(help({ ...bare, schema: configSchema({}) }).split("\n\n").length, 2, "no empty sections");
