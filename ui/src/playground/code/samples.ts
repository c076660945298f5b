import { csharp } from "./csharp.ts";
import { java } from "./java.ts";
import { javascript } from "./javascript.ts";
import { python } from "./python.ts";
import { rust } from "./rust.ts";

export type Language = "javascript" | "python" | "csharp" | "java" | "rust";
export type Part = "client" | "server";

export const LANGUAGES: readonly (readonly [Language, string])[] = [
  ["javascript", "JavaScript"],
  ["python", "Python"],
  ["csharp", "C#"],
  ["java", "Java"],
  ["rust", "Rust"],
];

/** What the code is about. */
export interface Facts {
  connectionString: string;
  /** The endpoint speaks plain http, which some SDKs want to be told. */
  isInsecure: boolean;
  url: string;
  hub: string;
  /** Empty: anonymous. */
  user: string;
  roles: string[];
  groups: string[];
  minutes: number;
  group: string;
}

export interface Sample {
  /** The command that brings the package. */
  install: string;
  code: string;
}

export type Samples = Record<Part, (facts: Facts) => Sample>;

export const samples: Record<Language, Samples> = { javascript, python, csharp, java, rust };

/** A text as a literal in double quotes, as all of these languages take it. */
export const quoted = (text: string) => JSON.stringify(text);

export const list = (texts: string[]) => texts.map(quoted).join(", ");

/** Lines of code; those that are false are left out. */
export const lines = (...parts: (string | false)[]) => parts.filter((part) => part !== false).join("\n");
