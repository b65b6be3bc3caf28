import { describe, expect, it } from "vitest";
import { isAddress, isPrivateAddress, refuseTarget } from "../../core/private-address.ts";

const strict = { allowsPrivate: false };
const open = { allowsPrivate: true };

describe("a URL that somebody gave", () => {
  it.each([
    "https://example.com/hook",
    "https://hooks.example.org:8443/a?b=c",
    "https://example.com:443/",
    "https://example.com:80/",
    "https://example.com./",
    "https://bücher.example.com/",
    "https://8.8.8.8/",
    "https://172.15.255.255/",
    "https://172.32.0.1/",
    "https://100.63.255.255/",
    "https://100.128.0.1/",
    "https://169.253.1.1/",
    "https://223.255.255.254/",
    "https://[2606:4700:4700::1111]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[2002:808:808::1]/",
    "https://localhost.example.com/",
    "https://internal.example.com/",
  ])("may be called: %s", (url) => {
    expect(refuseTarget(url, strict)).toBeUndefined();
  });

  it.each([
    ["loopback", "https://127.0.0.1/"],
    ["loopback, all of it", "https://127.255.255.254/"],
    ["this network", "https://0.0.0.0/"],
    ["this network, all of it", "https://0.1.2.3/"],
    ["private, class A", "https://10.0.0.1/"],
    ["private, class B, first", "https://172.16.0.1/"],
    ["private, class B, last", "https://172.31.255.255/"],
    ["private, class C", "https://192.168.1.1/"],
    ["CGNAT", "https://100.64.0.1/"],
    ["CGNAT, last", "https://100.127.255.255/"],
    ["link-local: a cloud's metadata", "https://169.254.169.254/latest/meta-data/"],
    ["protocol assignments", "https://192.0.0.1/"],
    ["documentation", "https://192.0.2.1/"],
    ["documentation 2", "https://198.51.100.7/"],
    ["documentation 3", "https://203.0.113.7/"],
    ["6to4 relays", "https://192.88.99.1/"],
    ["benchmarks", "https://198.18.0.1/"],
    ["benchmarks, last", "https://198.19.255.255/"],
    ["multicast", "https://224.0.0.1/"],
    ["reserved", "https://240.0.0.1/"],
    ["broadcast", "https://255.255.255.255/"],
    ["decimal", "https://2130706433/"],
    ["octal", "https://0177.0.0.1/"],
    ["octal, one number", "https://017700000001/"],
    ["hexadecimal", "https://0x7f.0.0.1/"],
    ["hexadecimal, one number", "https://0x7f000001/"],
    ["short", "https://127.1/"],
    ["short, mixed", "https://0xa.0x1/"],
    ["percent-encoded", "https://%31%32%37.0.0.1/"],
    ["full-width digits", "https://１２７.0.0.1/"],
    ["circled digits", "https://①②⑦.⓪.⓪.①/"],
    ["an ideographic full stop", "https://127。0。0。1/"],
    ["with a dot at the end", "https://127.0.0.1./"],
    ["IPv6 loopback", "https://[::1]/"],
    ["IPv6 unspecified", "https://[::]/"],
    ["IPv6 unique local", "https://[fd00::1]/"],
    ["IPv6 link-local", "https://[fe80::1]/"],
    ["IPv6 site-local", "https://[fec0::1]/"],
    ["IPv6 multicast", "https://[ff02::1]/"],
    ["IPv6 documentation", "https://[2001:db8::1]/"],
    ["IPv6 documentation 2", "https://[3fff::1]/"],
    ["Teredo", "https://[2001::1]/"],
    ["NAT64", "https://[64:ff9b::a00:1]/"],
    ["IPv6 discard", "https://[100::1]/"],
    ["IPv4-mapped loopback", "https://[::ffff:127.0.0.1]/"],
    ["IPv4-mapped in hexadecimal", "https://[::ffff:a9fe:a9fe]/"],
    ["IPv4-compatible", "https://[::127.0.0.1]/"],
    ["IPv4-translated", "https://[::ffff:0:127.0.0.1]/"],
    ["6to4 of a private address", "https://[2002:a00:1::1]/"],
    ["localhost", "https://localhost/"],
    ["localhost in capitals", "https://LOCALHOST/"],
    ["below localhost", "https://a.localhost/"],
    ["localhost, in full", "https://localhost./"],
    ["mDNS", "https://printer.local/"],
    ["internal", "https://metadata.google.internal/"],
    ["a home network", "https://router.home.arpa/"],
    ["a LAN", "https://nas.lan/"],
    ["one label", "https://intranet/"],
    ["a reverse name", "https://1.0.0.127.in-addr.arpa/"],
    ["in clear", "http://example.com/"],
    ["with credentials", "https://user:secret@example.com/"],
    ["with a user", "https://user@example.com/"],
    ["SSH's port", "https://example.com:22/"],
    ["SMTP's port", "https://example.com:25/"],
    ["IRC's port", "https://example.com:6667/"],
    ["another scheme", "ftp://example.com/"],
    ["a file", "file:///etc/passwd"],
    ["data", "data:text/plain,a"],
    ["code", "javascript:alert(1)"],
    ["no URL", "example.com"],
    ["nothing", ""],
    ["an address out of range", "https://256.0.0.1/"],
    ["too long", `https://example.com/${"x".repeat(2048)}`],
  ])("is refused: %s", (_name, url) => {
    expect(refuseTarget(url, strict)).toEqual(expect.any(String));
  });

  it.each(["http://127.0.0.1:9/", "http://localhost:3000/hook", "https://10.0.0.1/", "http://[::1]/"])(
    "may be private where the operator says so: %s",
    (url) => {
      expect(refuseTarget(url, open)).toBeUndefined();
    },
  );

  it.each(["ftp://127.0.0.1/", "http://user:secret@127.0.0.1/", "nonsense"])(
    "is refused all the same where the operator says so: %s",
    (url) => {
      expect(refuseTarget(url, open)).toEqual(expect.any(String));
    },
  );
});

describe("an address that DNS gave", () => {
  it.each(["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2a00:1450:4001:81b::200e"])(
    "may be called: %s",
    (address) => {
      expect(isPrivateAddress(address)).toBe(false);
    },
  );

  it.each([
    "127.0.0.1",
    "::1",
    "::ffff:10.0.0.1",
    "fe80::1%eth0",
    "",
    "nonsense",
    "1.2.3",
    "1.2.3.4.5",
    ":::",
    "1::2::3",
  ])("is refused: %j", (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });

  it("is told from a name", () => {
    expect(isAddress("127.0.0.1")).toBe(true);
    expect(isAddress("[::1]")).toBe(true);
    expect(isAddress("example.com")).toBe(false);
  });
});
