/** A plugin around a made-up applet, and a call of it with streams that are only variables. */
import { validatorCode } from "../../src/_tools/validator.ts";
import type { Applet } from "../../src/cni/applet.ts";
import { type ConfigSchema, configSchema } from "../../src/cni/config.ts";
import type { Namespaces } from "../../src/cni/namespaces.ts";
import type { Io, Plugin } from "../../src/cni/outside.ts";
import { emptyResult } from "../../src/cni/result.ts";
import { plugin } from "../../src/cni/skel.ts";
import type { Validate } from "../../src/cni/validate.ts";

/** The validator that the build makes of a schema. */
export async function validatorOf(schema: ConfigSchema): Promise<Validate> {
  const code = Buffer.from(validatorCode(schema)).toString("base64");
  const { validate } = await import(`data:text/javascript;base64,${code}`);
  return (config) => (validate(config) ? undefined : validate.errors[0]);
}

/** A plugin named `fake`; its verbs do nothing unless they are given. */
export async function fakePlugin(
  verbs: Partial<Applet> = {},
  namespaces?: Namespaces,
): Promise<Plugin> {
  const applet: Applet = {
    name: "fake",
    summary: "Does what the test says",
    schema: configSchema({}),
    add: () => emptyResult(),
    del: () => {},
    ...verbs,
  };
  return plugin(applet, await validatorOf(applet.schema), namespaces);
}

/** Namespaces that are only names, with a list of what is done to them. */
export function fakeNamespaces(problem?: Error) {
  const log: string[] = [];
  const make = (name: string) => {
    log.push(`open ${name}`);
    return { name, close: () => log.push(`close ${name}`) };
  };
  const namespaces = {
    own: () => make("host"),
    open: (path: string) => {
      if (problem) throw problem;
      return make(path);
    },
  } as unknown as Namespaces;
  return { log, namespaces };
}

export interface CallOptions {
  environ?: Record<string, string>;
  /** An object is sent as JSON; an Error is what reading fails with. */
  stdin?: object | string | Error;
  /** What writing to stdout fails with. */
  stdoutError?: Error;
  load?: Io["load"];
}

export interface Called {
  status: number;
  stdout: string;
  stderr: string;
  /** How often stdin was read. */
  reads: number;
}

export const environ: Readonly<Record<string, string>> = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "some-container-id",
  CNI_NETNS: "/some/netns/path",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/some/cni/path",
};

export const config = { cniVersion: "1.1.0", name: "net1", type: "fake" };

/** Calls the plugin: by default ADD with a complete environment and a minimal config. */
export function call(made: Plugin, options: CallOptions = {}): Called {
  const done: Called = { status: -1, stdout: "", stderr: "", reads: 0 };
  const { stdin = config, stdoutError } = options;
  done.status = made.run({
    environ: { ...environ, ...options.environ },
    readStdin: () => {
      done.reads++;
      if (stdin instanceof Error) throw stdin;
      return new TextEncoder().encode(typeof stdin === "string" ? stdin : JSON.stringify(stdin));
    },
    writeStdout: (text) => {
      if (stdoutError) throw stdoutError;
      done.stdout += text;
    },
    writeStderr: (data) => {
      done.stderr += typeof data === "string" ? data : new TextDecoder().decode(data);
    },
    load: options.load ?? (() => undefined),
  });
  return done;
}

/** The error object that a failed call printed. */
export function errorOf({ status, stdout }: Called): {
  code: number;
  msg: string;
  details?: string;
} {
  if (status !== 1) throw new Error(`exit status ${status}, stdout: ${stdout}`);
  return JSON.parse(stdout);
}
