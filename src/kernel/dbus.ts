/**
 * A connection to the system's message bus, for method calls. The wire protocol is spoken directly.
 *
 * Source: the D-Bus specification, "Authentication Protocol", "Server Addresses" and "Message Bus".
 */
import { concat, utf8 } from "../addr/bytes.ts";
import { constants, sys } from "../sys/sys.ts";
import { systemBusAddress } from "./bus-address.ts";
import { decodeMessage, encodeCall, type Message, type MethodCall } from "./dbus-message.ts";

/** Milliseconds; as libdbus has it. */
const answerTimeout = 25_000;

/** An error that a method answered with. */
export class BusError extends Error {
  override name = "BusError";
  /** E.g. `org.freedesktop.DBus.Error.ServiceUnknown`. */
  readonly errorName: string;

  constructor(errorName: string, text: string) {
    super(text === "" ? errorName : text);
    this.errorName = errorName;
  }
}

export class Bus {
  readonly #fd: number;
  #received = new Uint8Array(0);
  #serial = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Connects, and says hello. Throws SystemError if nobody listens, Error if the bus refuses us.
   * Where DBUS_SYSTEM_BUS_ADDRESS has several addresses the first that works is taken.
   */
  static connect(): Bus {
    const addresses = systemBusAddress().split(";");
    let failure: unknown = new Error("Cannot find the system bus: DBUS_SYSTEM_BUS_ADDRESS");
    for (const address of addresses) {
      const socketAddress = readAddress(address);
      if (!socketAddress) continue;
      const { AF_UNIX, SOCK_STREAM } = constants;
      const fd = sys.socket(AF_UNIX, SOCK_STREAM, 0);
      try {
        sys.connect(fd, socketAddress);
        const bus = new Bus(fd);
        bus.#introduce();
        return bus;
      } catch (error) {
        sys.close(fd);
        failure = error;
      }
    }
    throw failure;
  }

  close(): void {
    sys.close(this.#fd);
  }

  /** The kernel tells the bus who we are, so our words for it may be empty. */
  #introduce(): void {
    this.#send(utf8("\0AUTH EXTERNAL\r\nDATA\r\n"));
    for (;;) {
      const line = this.#line();
      if (line.startsWith("OK ")) break;
      if (!line.startsWith("DATA")) throw new Error(`Cannot enter the system bus: it says ${line}`);
    }
    this.#send(utf8("BEGIN\r\n"));
    this.call({ ...messageBus, member: "Hello", args: [] });
  }

  /**
   * Calls a method and waits for the answer.
   * @throws BusError
   */
  call(call: MethodCall): Message {
    const serial = ++this.#serial;
    this.#send(encodeCall(call, serial));
    for (;;) {
      const message = this.#message();
      if (message.answers !== serial) continue;
      if (message.kind === "return") return message;
      if (message.kind !== "error") continue;
      const text = message.signature.startsWith("s") ? message.body.string() : "";
      throw new BusError(message.errorName ?? "", text);
    }
  }

  /** Whether somebody has this name. */
  hasName(name: string): boolean {
    try {
      this.call({ ...messageBus, member: "GetNameOwner", args: [name] });
      return true;
    } catch (error) {
      if (error instanceof BusError && error.errorName === noOwner) return false;
      throw error;
    }
  }

  #send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      at += sys.send(this.#fd, bytes.subarray(at), constants.MSG_NOSIGNAL);
    }
  }

  #line(): string {
    for (;;) {
      const end = this.#received.indexOf(0x0a);
      if (end >= 0) return String.fromCharCode(...this.#take(end + 1)).trim();
      this.#receive();
    }
  }

  #message(): Message {
    for (;;) {
      const decoded = decodeMessage(this.#received);
      if (decoded) {
        this.#take(decoded.length);
        return decoded.message;
      }
      this.#receive();
    }
  }

  #take(length: number): Uint8Array {
    const taken = this.#received.subarray(0, length);
    // A copy, as a message's numbers are aligned from its start on.
    this.#received = this.#received.slice(length);
    return taken;
  }

  #receive(): void {
    const [events] = sys.poll([this.#fd, constants.POLLIN], answerTimeout);
    if (!events) throw new Error("Cannot use the system bus: it does not answer");
    const { data } = sys.recv(this.#fd, 0);
    if (data.length === 0) throw new Error("Cannot use the system bus: it hung up");
    this.#received = new Uint8Array(concat(this.#received, data));
  }
}

const messageBus = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
} as const;
const noOwner = "org.freedesktop.DBus.Error.NameHasNoOwner";

/** A struct sockaddr_un of `unix:path=...` or `unix:abstract=...`; undefined for other transports. */
function readAddress(address: string): Uint8Array | undefined {
  const [, options = ""] = /^unix:(.*)$/.exec(address.trim()) ?? [];
  for (const option of options.split(",")) {
    const [, key, value = ""] = /^(path|abstract)=(.*)$/.exec(option) ?? [];
    if (!key) continue;
    const path = readEscapes(value);
    const family = new Uint8Array(new Uint16Array([constants.AF_UNIX]).buffer);
    const zero = Uint8Array.of(0);
    return key === "path" ? concat(family, path, zero) : concat(family, zero, path);
  }
  return undefined;
}

/** `%2f` stands for a byte. */
function readEscapes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const [part, hex] of text.matchAll(/%([0-9a-fA-F]{2})|[^%]+|%/g)) {
    if (hex) bytes.push(Number.parseInt(hex, 16));
    else bytes.push(...utf8(part));
  }
  return Uint8Array.from(bytes);
}
