/** The same question for the terminal: options without a value are left out. */
export function command(name: string, options: Record<string, string | string[] | boolean | undefined>) {
  const parts = Object.entries(options).flatMap(([option, value]) => {
    if (!value) return [];
    if (value === true) return [`--${option}`];
    return [value].flat().map((one) => `--${option} ${quoted(one)}`);
  });
  return ["hubwire", name, ...parts].join(" ");
}

/** As shells of POSIX take it. */
const quoted = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
