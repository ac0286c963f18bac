/** The daemon's command line: what Go's flag package takes and what it refuses. */
import t from "tap";
import { FlagError, parseDuration, parseFlags } from "../../src/dhcp/daemon/flags.ts";

const standard = {
  pidFile: "",
  hostPrefix: "",
  socketPath: "/run/cni/dhcp.sock",
  broadcast: false,
  detach: false,
  releaseOnExit: false,
  timing: { timeout: 4, resendMax: 64, resendTimeout: 208 },
};

t.test("without flags", async (t) => {
  t.same(parseFlags([]), standard);
  t.same(parseFlags(["-socketpath", ""]), standard, "an empty path is the default");
  t.same(parseFlags(["--"]), standard);
});

t.test("every flag, in each way to write it", async (t) => {
  const words = [
    ...["-pidfile", "/run/x.pid", "--hostprefix=/host", "-socketpath=/run/a=b.sock", "-broadcast"],
    ...["--timeout", "500ms", "-resendmax=1m30s", "-resendtimeout", "2h", "-release-on-exit=T"],
    "-detach=1",
  ];
  t.same(parseFlags(words), {
    pidFile: "/run/x.pid",
    hostPrefix: "/host",
    socketPath: "/run/a=b.sock",
    broadcast: true,
    detach: true,
    releaseOnExit: true,
    timing: { timeout: 0.5, resendMax: 90, resendTimeout: 7200 },
  });
  t.same(parseFlags(["-broadcast", "-broadcast=false"]), standard, "the last one counts");
});

const refused: [words: string, message: string][] = [
  ["-pidfile x.pid", "-pidfile must be absolute: x.pid"],
  ["-pidfile", "flag needs an argument: -pidfile"],
  ["-nope", "flag provided but not defined: -nope"],
  ["--nope=1", "flag provided but not defined: -nope"],
  ["-broadcast=maybe", 'invalid boolean value "maybe" for -broadcast'],
  ["-broadcast false", 'unexpected argument "false"'],
  ["-timeout 10", 'invalid value "10" for flag -timeout: it must be as 10s or 1m30s'],
  ["-timeout 0", 'invalid value "0" for flag -timeout: it must be as 10s or 1m30s'],
  ["-timeout -1s", 'invalid value "-1s" for flag -timeout: it must be as 10s or 1m30s'],
  ["-resendmax 1w", 'invalid value "1w" for flag -resendmax: it must be as 10s or 1m30s'],
  ["daemon", 'unexpected argument "daemon"'],
  ["-", 'unexpected argument "-"'],
  ["-h", ""],
  ["--help", ""],
];

for (const [words, message] of refused) {
  t.test(`refused: ${words}`, async (t) => {
    t.throws(() => parseFlags(words.split(" ")), new FlagError(message));
  });
}

t.test("durations", async (t) => {
  const pairs: [string, number | undefined][] = [
    ["0", 0],
    ["1.5h", 5400],
    ["+.5s", 0.5],
    ["1m1ms", 60.001],
    ["3us2ns", 3.002e-6],
    ["7µs", 7e-6],
    ["s", undefined],
    [".s", undefined],
    ["1 s", undefined],
    ["", undefined],
    ["1e3s", undefined],
  ];
  for (const [text, seconds] of pairs) {
    const given = parseDuration(text);
    if (seconds === undefined) t.equal(given, undefined, text);
    else t.ok(Math.abs((given ?? Number.NaN) - seconds) < 1e-12, text);
  }
});
