// What a user of ethers does on L2. Usage: node ethers.mjs URL PRIVATE_KEY GATE_BYTECODE RECIPIENT OUTBOX
import assert from "node:assert/strict";
import { Contract, ContractFactory, JsonRpcProvider, Wallet, parseEther } from "ethers";

const [url, key, bytecode, recipient, outbox] = process.argv.slice(2);
// ethers answers a question that it asked in the last 250 ms from memory. Blocks of the test come faster.
const provider = new JsonRpcProvider(url, undefined, { pollingInterval: 100, cacheTimeout: -1 });
const wallet = new Wallet(key, provider);

// A transfer, in the style of each fee market.
for (const type of [0, 2]) {
  const sent = await wallet.sendTransaction({ to: recipient, value: parseEther("1"), type });
  const receipt = await sent.wait();
  assert.equal(receipt.status, 1);
  assert.equal(receipt.type, type);
  assert.equal(receipt.gasUsed, 21_000n);
  const block = await provider.getBlock(receipt.blockNumber, true);
  assert.equal(block.hash, receipt.blockHash);
  assert.equal(block.getPrefetchedTransaction(receipt.hash).from, wallet.address);
}
assert.equal(await provider.getBalance(recipient), parseEther("2"));

// A contract: deployed, called, refusing with a reason.
const gateAbi = ["error Closed()", "function calls() view returns (uint256)", "function setOpen(bool) external"];
const gate = await new ContractFactory(gateAbi, bytecode, wallet).deploy();
await gate.waitForDeployment();
const address = await gate.getAddress();
const knock = { to: address, value: 1n };
await assert.rejects(wallet.estimateGas(knock), { code: "CALL_EXCEPTION", data: gate.interface.getError("Closed").selector });
await (await gate.setOpen(true)).wait();
await (await wallet.sendTransaction(knock)).wait();
assert.equal(await gate.calls(), 1n);
assert.equal(await provider.getStorage(address, 0), `0x${"1".padStart(64, "0")}`);

// A withdrawal, found again by its log.
const messenger = new Contract(
  outbox,
  [
    "function send(address target, uint64 gasLimit, bytes data) payable returns (uint64 index)",
    "event MessageSent(uint64 indexed index, address indexed sender, address indexed target, uint256 value, uint64 gasLimit, bytes data)",
  ],
  wallet,
);
const receipt = await (await messenger.send(recipient, 0, "0x", { value: 5n })).wait();
const [log] = await messenger.queryFilter(messenger.filters.MessageSent(0n), 0, "latest");
assert.equal(log.transactionHash, receipt.hash);
assert.deepEqual([log.args.sender, log.args.target, log.args.value], [wallet.address, recipient, 5n]);

// Refused before it costs anything.
await assert.rejects(wallet.sendTransaction({ to: recipient, value: parseEther("1000") }), { code: "INSUFFICIENT_FUNDS" });
provider.destroy();
