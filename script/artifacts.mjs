// What the scripts have in common that write files from forge's artifacts, or with --check find out whether they are stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

// The contracts that are, or are to be, deployed.
const CONTRACTS = [
  "Bridge",
  "BridgedNFT",
  "BridgedToken",
  "CanonicalTransactionChain",
  "Create2Factory",
  "DisputeGame",
  "FastExit",
  "FeeVault",
  "L1ERC7786Gateway",
  "L1Info",
  "L1NFTGateway",
  "L1TokenGateway",
  "L2ERC7786Gateway",
  "L2NFTGateway",
  "L2StateReader",
  "L2TokenGateway",
  "MachineStep",
  "Outbox",
  "RelayTip",
  "StateCommitmentChain",
];

const root = fileURLToPath(new URL("..", import.meta.url));
const artifacts = resolve(root, process.env.FOUNDRY_OUT ?? "contracts/out");
const script = basename(process.argv[1]);

function fail(reason) {
  console.error(`${script}: ${reason}`);
  process.exit(1);
}

const unknown = process.argv.slice(2).filter((argument) => argument !== "--check");
if (unknown.length > 0) fail(`unknown argument ${unknown[0]}; usage: ${script} [--check]`);
const check = process.argv.includes("--check");

// [name, artifact] of each contract. `usable` says what an artifact lacks, if anything.
export function readArtifacts(usable) {
  return CONTRACTS.map((name) => {
    const path = join(artifacts, `${name}.sol`, `${name}.json`);
    if (!existsSync(path)) fail(`${path} is missing: build the contracts first`);
    const artifact = JSON.parse(readFileSync(path, "utf8"));
    const lacking = usable(artifact);
    if (lacking) fail(`${path} has no usable ${lacking}: forge build --force`);
    return [name, artifact];
  });
}

// Writes the files, given as [path below the root, text], or says which of them are stale.
export function settle(files) {
  const stale = files.filter(([path, text]) => {
    const file = join(root, path);
    if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
    if (!check) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return true;
  });
  if (check && stale.length > 0) {
    fail(`stale: ${stale.map(([path]) => path).join(", ")}. Run \`make snapshots\` and look at the difference`);
  }
}
