import t from "tap";
import { utf8 } from "../../src/addr/bytes.ts";
import { parseArgs, parseOption, selectOptions } from "../../src/dhcp/selection.ts";

t.test("options by name and by number", async (t) => {
  for (const [text, code] of [
    ["host-name", 12],
    ["12", 12],
    ["012", 12],
    ["0", 0],
    ["255", 255],
    ["user-class", 77],
    ["domain-search", 119],
  ] as const) {
    t.equal(parseOption(text), code);
  }
  for (const text of ["", "doesn't_exist", "256", "-1", "1.5", " 12", "0x0c", "9".repeat(40)]) {
    const message = `Cannot parse option "${text}": it is neither a name nor a number up to 255`;
    t.throws(() => parseOption(text), new Error(message));
  }
});

t.test("CNI_ARGS: split at the first =, pieces without one skipped", async (t) => {
  t.strictSame(
    [...parseArgs("A=b=c;D;E=;;=f;A=g")],
    [
      ["A", "g"],
      ["E", ""],
      ["", "f"],
    ],
  );
});

t.test("provide: fromArg wins, the last of two entries counts, empty is not sent", async (t) => {
  const send = (provide: Parameters<typeof selectOptions>[0]) => [
    ...selectOptions(provide, [], "K8S_POD_NAME=web;EMPTY=;X=a=b").send,
  ];
  t.strictSame(send([{ option: "host-name", value: "box" }]), [[12, utf8("box")]]);
  t.strictSame(send([{ option: "12", value: "box", fromArg: "K8S_POD_NAME" }]), [
    [12, utf8("web")],
  ]);
  t.strictSame(send([{ option: "12", value: "box", fromArg: "NONE" }]), [[12, utf8("box")]]);
  t.strictSame(send([{ option: "12", value: "box", fromArg: "EMPTY" }]), [[12, utf8("box")]]);
  t.strictSame(send([{ option: "12", fromArg: "X" }]), [[12, utf8("a=b")]]);
  t.strictSame(send([{ option: "12", fromArg: "NONE" }]), []);
  t.strictSame(send([{ option: "12", value: "" }]), []);
  t.strictSame(
    send([
      { option: "host-name", value: "a" },
      { option: "60", value: "ä" },
      { option: "12", value: "b" },
    ]),
    [
      [12, utf8("b")],
      [60, utf8("ä")],
    ],
  );
});

t.test("provide: a value has 255 bytes at most", async (t) => {
  const provide = (value: string) => selectOptions([{ option: "host-name", value }], [], "");
  t.equal(provide("x".repeat(255)).send.get(12)?.length, 255);
  const message = 'Cannot provide option "host-name": its value has 256 bytes, and 255 are allowed';
  t.throws(() => provide("ä".repeat(128)), new Error(message));
  const args = `A=${"x".repeat(256)}`;
  t.throws(
    () => selectOptions([{ option: "host-name", fromArg: "A" }], [], args),
    new Error(message),
  );
  t.throws(() => selectOptions([{ option: "junk", value: "x" }], [], ""), /Cannot parse option/);
});

t.test("request: entries in order, then routers and mask unless they are skipped", async (t) => {
  const list = (request: Parameters<typeof selectOptions>[1], more?: number[]) => [
    ...selectOptions([], request, "", more).requestList,
  ];
  t.strictSame(list([]), [3, 1]);
  t.strictSame(list([{ option: "121" }, { option: "domain-name-servers" }]), [121, 6, 3, 1]);
  t.strictSame(list([{ option: "1" }, { option: "121" }, { option: "1" }]), [1, 121, 3]);
  t.strictSame(list([{ option: "121" }, { skipDefault: true }]), [121]);
  t.strictSame(list([{ option: "121", skipDefault: true }, { option: "3" }]), [121, 3]);
  t.strictSame(
    list([{ skipDefault: true }]),
    [1, 3, 15, 6],
    "the default of the reference's library",
  );
  t.strictSame(list([{ option: "" }]), [3, 1]);
  t.strictSame(list([{ option: "6" }], [6, 119]), [6, 119, 3, 1], "more by other keys");
  t.throws(() => list([{ option: "junk" }]), /Cannot parse option/);
});
