/**
 * The layers, as a rule that `npm run check` enforces.
 *
 * A file imports from its own folder or from a lower layer, never up and never sideways. Types count
 * too, except where a comment below says otherwise.
 */
const layers = [
  ["addr", "json"],
  ["netlink", "sys"],
  ["kernel"],
  ["cni"],
  ["net", "pool", "dhcp", "libcni"],
  ["applets", "cnitool", "doctor"],
  ["library"],
];

/** A rule for each folder: what it must not import. */
const downOnly = layers.flatMap((folders, layer) =>
  folders.map((folder) => {
    const siblings = folders.filter((other) => other !== folder);
    const forbidden = [...siblings, ...layers.slice(layer + 1).flat()];
    return {
      name: `${folder}-imports-down`,
      comment: "A file imports from its own folder or from a lower layer.",
      severity: "error",
      from: { path: `^src/${folder}/` },
      to: {
        path: [
          "^src/main\\.ts$",
          "^src/_tools/",
          "^test/",
          ...forbidden.map((other) => `^src/${other}/`),
        ],
      },
    };
  }),
);

export default {
  forbidden: [
    ...downOnly,
    {
      name: "no-cycles",
      comment:
        "Two files that need each other to run are one file, or three. A handle may still know its owner by type.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "sys-is-the-only-door",
      comment:
        "The system is reached through kernel/ (objects), cni/ (the process and its files), libcni/ (configs and cached results), pool/store (leases) and the DHCP daemon; main and the installer of links are the program itself; the library makes bytes of texts.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [
          "^src/(sys|kernel|cni|libcni|_tools)/",
          "^src/pool/store",
          "^src/dhcp/daemon",
          "^src/(main|node-main|install)\\.ts$",
          "^src/library/",
        ],
      },
      to: { path: "^src/sys/" },
    },
    {
      name: "applets-compose",
      comment: "An applet speaks of links and routes, not of messages and descriptors.",
      severity: "error",
      from: { path: "^src/(applets|cnitool)/" },
      to: { path: "^src/(sys|netlink)/" },
    },
    {
      name: "applets-are-strangers",
      comment: "What two applets share stands in net/, pool/ or dhcp/.",
      severity: "error",
      // The registry names them all; that is what it is for.
      from: { path: "^src/applets/", pathNot: "^src/applets/(mod|load-engine)\\.ts$" },
      to: { path: "^src/applets/" },
    },
    {
      name: "tools-are-not-shipped",
      comment: "Nothing that is shipped imports a build tool or a test.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/_tools/" },
      to: { path: "^(src/_tools|test)/" },
    },
    {
      name: "shipped-code-has-no-packages",
      comment: "The executable is made of src/ alone; Node's own modules are for the Node host and the library.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(_tools/|library/|sys/(node|packaged)\\.ts$)" },
      to: { dependencyTypes: ["npm", "npm-dev", "core", "npm-no-pkg", "unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "library-has-no-packages",
      comment: "Who installs the library installs nothing else; Node's own modules are there.",
      severity: "error",
      from: { path: "^src/library/" },
      to: { dependencyTypes: ["npm", "npm-dev", "npm-no-pkg", "unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-unresolved",
      comment: "An import that leads nowhere escapes every other rule.",
      severity: "error",
      from: { path: "^src/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^build/" },
    tsPreCompilationDeps: true, // types are dependencies too
    enhancedResolveOptions: { conditionNames: ["engine", "import", "default"], extensions: [".ts", ".mjs", ".js"] },
  },
};
