// Prints every word that a type could be called and that means something already, a line each: TypeScript's and
// JavaScript's own, what is global in Node.js, and every name in a module that has been generated.
//
//   node words.mjs <module>

import { readFileSync } from "node:fs";
import ts from "typescript-5.9";

const words = new Set(Object.getOwnPropertyNames(globalThis));
for (let kind = ts.SyntaxKind.FirstKeyword; kind <= ts.SyntaxKind.LastKeyword; kind++) words.add(ts.tokenToString(kind));
for (const word of ["arguments", "eval", "exports", "module", "__dirname", "__proto__", "__esModule"]) words.add(word);

const scanner = ts.createScanner(ts.ScriptTarget.ES2020, true, ts.LanguageVariant.Standard, readFileSync(process.argv[2], "utf8"));
while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) {
  if (scanner.isIdentifier()) words.add(scanner.getTokenText());
}
process.stdout.write([...words].filter((word) => /^[A-Za-z_]\w*$/.test(word)).sort().join("\n"));
