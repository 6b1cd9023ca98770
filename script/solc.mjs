#!/usr/bin/env node
// solc as forge calls it, over the compiler that npm pins: no download, the same on every machine.
import { readFileSync } from "node:fs";
import solc from "solc";

// The tests' profile makes the code of the tests. What they import and deploy has another profile, which makes its code; forge
// would have it made twice, the second time with settings that some of it cannot be compiled with.
function selectTests({ settings }) {
  const files = Object.entries(settings.outputSelection);
  settings.outputSelection = Object.fromEntries(files.filter(([file]) => file.startsWith("contracts/test/")));
}

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler\nVersion: ${solc.version()}`);
} else {
  const input = JSON.parse(readFileSync(0, "utf8"));
  if (!input.settings.viaIR) selectTests(input);
  process.stdout.write(solc.compile(JSON.stringify(input)));
}
