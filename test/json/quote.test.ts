import t from "tap";
import { quote, quoteByte, quoteList } from "../../src/json/quote.ts";

t.test("quote is Go's %q", async (t) => {
  const cases: Record<string, string> = {
    "": '""',
    "plain /.,'!": '"plain /.,\'!"',
    '"\\': '"\\"\\\\"',
    "\x07\b\f\n\r\t\v": '"\\a\\b\\f\\n\\r\\t\\v"',
    "\0\x1b\x7f": '"\\x00\\x1b\\x7f"',
    "\x80\x9f": '"\\u0080\\u009f"',
    "é中😀": '"é中😀"',
    "\u00a0": '"\\u00a0"', // a space, but not the space
    "\u00ad": '"\\u00ad"',
    "\u200b\u2028\ufeff": '"\\u200b\\u2028\\ufeff"',
    "\ue000": '"\\ue000"',
    "\u{e0001}": '"\\U000e0001"',
    "\u0301": '"\u0301"',
    "\ufffd": '"\ufffd"',
    "a\ud800b": '"a\\ufffdb"',
  };
  for (const [text, quoted] of Object.entries(cases)) t.equal(quote(text), quoted);
});

t.test("quoteList", async (t) => {
  t.equal(quoteList([]), "[]");
  t.equal(quoteList(["0.1.0", 'a"b']), '["0.1.0" "a\\"b"]');
});

t.test("quoteByte shows Latin-1 in single quotes", async (t) => {
  const cases: [number, string][] = [
    [0x61, "'a'"],
    [0x27, "'\\''"],
    [0x22, "'\"'"],
    [0x5c, "'\\\\'"],
    [0x09, "'\\t'"],
    [0x00, "'\\x00'"],
    [0x80, "'\\u0080'"],
    [0xef, "'ï'"],
  ];
  for (const [byte, quoted] of cases) t.equal(quoteByte(byte), quoted);
});
