import { type Anything, addon } from "./check.ts";

/** The host's loader of modules. */
declare function __cniboxLoad(name: string): Anything;

function deeper(n: number): number {
  return 1 + deeper(n + 1);
}

function deeperThroughNative(): number {
  return 1 + addon.through(deeperThroughNative);
}

function allocate(size: number): never {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(size).fill(kept.length));
}

/** Ways to end badly, by name. */
export const ends: Record<string, () => unknown> = {
  error: () => {
    throw new Error('Cannot <be> "quoted" & \\ \n\u0001 \u2028 é \ud800');
  },
  typeError: () => (undefined as Anything).property,
  text: () => {
    throw "only text";
  },
  number: () => {
    throw 5;
  },
  undefined: () => {
    throw undefined;
  },
  object: () => {
    throw { code: 1 };
  },
  unprintable: () => {
    throw {
      toString() {
        throw new Error("inner");
      },
    };
  },
  job: () => Promise.resolve().then(() => deeper(Number.NaN)),
  rejection: () => {
    Promise.reject(new RangeError("nobody listens"));
  },
  handledLater: () => {
    const rejected = Promise.reject(new Error("somebody listens"));
    Promise.resolve().then(() => rejected.catch(() => addon.print("handled")));
  },
  overflow: () => deeper(0),
  overflowThroughNative: deeperThroughNative,
  overflowCaught: () => {
    try {
      deeper(0);
    } catch (error) {
      addon.print(`caught ${error}`);
    }
  },
  memory: () => allocate(1000),
  memoryAtOnce: () => allocate(50_000_000),
  memoryInNative: () => addon.cppAllocation(),
  trigonometry: () => Math.sin(1),
  fatal: () => addon.fatalError(),
  cppException: () => addon.cppException(),
  native: () => addon.throwError("TypeError", "from native code"),
  load: () => {
    const { label, loads } = __cniboxLoad("applet/loaded.js");
    const again = __cniboxLoad("applet/loaded.js");
    addon.print(`${label} ${loads()} ${again.loads()} ${__cniboxLoad("applet/../main.js")}`);
  },
  loadFailing: () => {
    for (let i = 0; i < 2; i++) {
      try {
        __cniboxLoad("applet/failing.js");
      } catch (error) {
        addon.print(`caught ${error}`);
      }
    }
    addon.collect();
    addon.print(`${__cniboxLoad("applet/loaded.js").label} all the same`);
  },
};
