import t from "tap";
import { formatMac, parseMac } from "../../src/addr/mac.ts";

t.test("the forms of a MAC address", async (t) => {
  const eight = "02:00:5e:10:00:00:00:01";
  const twenty = "00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01";
  const cases = {
    "C2:11:22:33:44:55": "c2:11:22:33:44:55",
    "c2-11-22-33-44-55": "c2:11:22:33:44:55",
    "c211.2233.4455": "c2:11:22:33:44:55",
    [eight]: eight,
    "02-00-5e-10-00-00-00-01": eight,
    "0200.5e10.0000.0001": eight,
    [twenty]: twenty,
    "0000.0000.fe80.0000.0000.0000.0200.5e10.0000.0001": twenty,
  };
  for (const [text, written] of Object.entries(cases)) t.equal(formatMac(parseMac(text)), written);
});

t.test("text that is no MAC address", async (t) => {
  const texts = [
    "",
    "c2:11:22:33:44",
    "c2:11:22:33:44:55:66",
    "c2:11:22:33:44-55",
    "c2:11:22:33:44:5",
    "c2:11:22:33:44:5g",
    "c2:11:22:33:44:55 ",
    "c2:11:22:33:44:55:",
    ":c2:11:22:33:44:55",
    "c21122334455",
    "c2.11.22.33.44.55",
    "c211:2233:4455",
    "c211.2233",
    "c211.2233.4455.",
    "c2:11:22:33:44:55\n",
  ];
  for (const text of texts) {
    t.throws(() => parseMac(text), new Error(`address ${text}: invalid MAC address`));
  }
});
