/**
 * The daemon: one process, one thread, one poll(2) for the plugins that call, the links that wait for
 * replies, and signals.
 */
import { record } from "../../json/decode.ts";
import { parse } from "../../json/parse.ts";
import { remove, writeAtomic } from "../../kernel/files.ts";
import { constants, isSystemError, sys } from "../../sys/sys.ts";
import { attachmentName } from "../client-id.ts";
import type { CallArgs, IncomingCall } from "../rpc.ts";
import { now } from "./clock.ts";
import { Connection } from "./connection.ts";
import { type DaemonFlags, FlagError, parseFlags, usage } from "./flags.ts";
import type { Outcome } from "./keeper.ts";
import { LeaseKeepers } from "./lease-keepers.ts";
import { reasonOf } from "./link.ts";
import { type Listener, openListener } from "./listener.ts";
import { leaseDirectory } from "./places.ts";
import { readAttachment, readRequest } from "./request.ts";

/** What the daemon needs of the process. */
export interface DaemonIo {
  readonly environ: Readonly<Record<string, string>>;
  writeStdout(text: string): void;
  writeStderr(text: string): void;
}

/** How long servers may take to confirm releases at the end, in seconds. */
const farewell = 3;

/** `dhcp daemon FLAGS`: runs until SIGTERM or SIGINT. @returns the exit status */
export function runDaemon(args: readonly string[], io: DaemonIo): number {
  let flags: DaemonFlags;
  try {
    flags = parseFlags(args);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    io.writeStderr(`${error.message === "" ? "" : `${error.message}\n`}${usage}`);
    return error.message === "" ? 0 : 2;
  }
  const log = (text: string) => io.writeStderr(`dhcp: ${text}\n`);
  try {
    new Daemon(flags, io.environ, log).run();
    return 0;
  } catch (error) {
    log(reasonOf(error));
    return 1;
  }
}

class Daemon {
  readonly #flags: DaemonFlags;
  readonly #log: (text: string) => void;
  readonly #listener: Listener;
  readonly #signals: number;
  readonly #keepers: LeaseKeepers;
  readonly #connections = new Set<Connection>();
  /** No descriptor was left for another connection: until one is closed nobody is let in. */
  #isFull = false;
  #isEnding = false;

  constructor(flags: DaemonFlags, environ: DaemonIo["environ"], log: (text: string) => void) {
    this.#flags = flags;
    this.#log = log;
    if (flags.detach) sys.setsid();
    this.#signals = sys.catchSignals([constants.SIGTERM, constants.SIGINT]);
    const path = flags.hostPrefix + flags.socketPath;
    this.#listener = openListener(path, environ);
    if (flags.pidFile !== "") {
      writeAtomic(flags.pidFile, String(sys.getpid()), { mode: 0o644, sync: false });
    }
    this.#keepers = new LeaseKeepers(leaseDirectory(path), flags, log);
  }

  run(): void {
    this.#keepers.load();
    this.#log(`serving ${this.#flags.socketPath}; ${this.#keepers.size} leases go on`);
    while (!this.#isEnding) this.#turn(Infinity);
    this.#end();
  }

  /** One turn of the loop, not longer than `until`. While ending, only servers are listened to. */
  #turn(until: number): void {
    const { POLLIN } = constants;
    const fds: number[] = [];
    const acts: (() => void)[] = [];
    const watch = (fd: number, events: number, act: () => void) => {
      fds.push(fd, events);
      acts.push(act);
    };
    if (!this.#isEnding) {
      watch(this.#signals, POLLIN, () => {
        this.#isEnding = true;
      });
      if (!this.#isFull) watch(this.#listener.fd, POLLIN, () => this.#accept());
      for (const one of this.#connections) watch(one.fd, one.events, () => this.#serve(one));
    }
    for (const client of this.#keepers.waiting()) {
      watch(client.fd as number, POLLIN, () => client.onReadable());
    }
    const events = sys.poll(fds, millisecondsUntil(Math.min(until, this.#keepers.wakeAt)));
    events.forEach((event, i) => {
      if (event) acts[i]?.();
    });
    if (!events.some(Boolean)) this.#keepers.idle();
    this.#keepers.tick();
  }

  #accept(): void {
    try {
      this.#connections.add(new Connection(sys.accept(this.#listener.fd)));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const { code, message } = error;
      if (code === "EMFILE" || code === "ENFILE") this.#isFull = true;
      if (code !== "EAGAIN" && code !== "ECONNABORTED") this.#log(message);
    }
  }

  #serve(connection: Connection): void {
    connection.flush();
    const calls = connection.isOpen ? connection.read(this.#log) : [];
    for (const call of calls) this.#answer(connection, call);
    if (!connection.isOpen) {
      this.#connections.delete(connection);
      this.#isFull = false;
    }
  }

  /** What is wrong with one call is that call's problem. */
  #answer(connection: Connection, call: IncomingCall): void {
    try {
      switch (call.method) {
        case "DHCP.Allocate":
          this.#allocate(connection, call);
          break;
        case "DHCP.Release":
          this.#release(call.args);
          connection.reply(call);
          break;
        case "DHCP.Check":
          connection.reply(call, this.#check(call.args));
          break;
        case "DHCP.Collect":
          this.#collect(call.args);
          connection.reply(call);
          break;
        default:
          connection.fail(call, `rpc: can't find method ${call.method}`);
      }
    } catch (error) {
      connection.fail(call, reasonOf(error));
    }
  }

  #allocate(connection: Connection, call: IncomingCall): void {
    const request = readRequest(call.args);
    const { ipv4, ipv6 } = request.choices;
    if (!ipv4 && !ipv6) throw new Error('neither "ipv4" nor "ipv6" is wanted');
    const keeper = this.#keepers.acquire(request, this.#flags.hostPrefix + call.args.netns);
    const tell = (outcome: Outcome) => {
      if (outcome.kind === "got") connection.reply(call, outcome.result);
      else connection.fail(call, outcome.why, outcome.detail);
    };
    connection.abandoned.set(call.seq, () => {
      if (!keeper.forget(tell)) return;
      this.#log(`${attachmentName(keeper.attachment)}: the plugin went away, so nobody waits`);
      this.#keepers.release(keeper);
    });
    keeper.whenBound(tell);
  }

  #release(args: CallArgs): void {
    const keeper = this.#keepers.find(readAttachment(args));
    if (keeper) this.#keepers.release(keeper);
  }

  #check(args: CallArgs) {
    const keeper = this.#keepers.find(readAttachment(args));
    if (!keeper) throw new Error("there is no lease");
    if (!keeper.isBound) throw new Error("there is no lease at the moment; a new one is asked for");
    return keeper.result();
  }

  /** Releases the leases of a network that are not in the list. */
  #collect(args: CallArgs): void {
    const config = record(parse(sys.decodeUtf8(args.stdin)), "types.NetConf");
    const network = config.string("name");
    const key = "cni.dev/valid-attachments";
    const valid = config.list(key, "[]types.GCAttachment", (item, place) => {
      const fields = record(item, "types.GCAttachment", place);
      return `${fields.string("containerID")}/${network}/${fields.string("ifname")}`;
    });
    if (!valid) throw new Error(`the config has no ${key}`);
    for (const keeper of this.#keepers.all()) {
      const { attachment } = keeper;
      if (attachment.network !== network || valid.includes(attachmentName(attachment))) continue;
      this.#log(`${attachmentName(attachment)}: collected`);
      this.#keepers.release(keeper);
    }
  }

  #end(): void {
    if (this.#flags.releaseOnExit) {
      for (const keeper of this.#keepers.all()) this.#keepers.release(keeper);
      const end = now() + farewell;
      while (now() < end && this.#keepers.waiting().length > 0) this.#turn(end);
    }
    const { ownPath } = this.#listener;
    if (ownPath !== undefined) remove(ownPath);
    if (this.#flags.pidFile !== "") remove(this.#flags.pidFile);
    this.#log(`ending; ${this.#keepers.size} leases stay`);
  }
}

/** What poll(2) is to wait; it takes no more than 31 bits. */
function millisecondsUntil(time: number): number {
  if (time === Infinity) return -1;
  return Math.ceil(Math.max(0, Math.min(24 * 3600, time - now())) * 1000);
}
