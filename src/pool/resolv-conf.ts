/** The part of resolv.conf(5) that results have room for. */

export interface ResolvConf {
  nameservers: string[];
  domain: string;
  search: string[];
  options: string[];
}

/**
 * Reads the text of a resolv.conf. The last `domain` wins; all other lines add up. Unknown keywords
 * are skipped. Reference: plugins/ipam/host-local/dns.go.
 */
export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { nameservers: [], domain: "", search: [], options: [] };
  for (const line of text.split("\n")) {
    const [keyword = "", first, ...others] = line.trim().split(/\s+/);
    if (first === undefined || keyword.startsWith("#") || keyword.startsWith(";")) continue;
    if (keyword === "nameserver") conf.nameservers.push(first);
    else if (keyword === "domain") conf.domain = first;
    else if (keyword === "search") conf.search.push(first, ...others);
    else if (keyword === "options") conf.options.push(first, ...others);
  }
  return conf;
}
