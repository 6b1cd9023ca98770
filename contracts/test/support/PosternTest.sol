// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Test} from "forge-std/Test.sol";
import {Bridge} from "../../src/bridge/Bridge.sol";
import {CanonicalTransactionChain} from "../../src/chain/CanonicalTransactionChain.sol";
import {StateCommitmentChain} from "../../src/chain/StateCommitmentChain.sol";
import {DisputeGame} from "../../src/dispute/DisputeGame.sol";
import {Limits} from "../../src/libraries/Limits.sol";
import {MeteringConfig} from "../../src/libraries/Metering.sol";
import {Commitment, hashCheckpoints} from "../../src/types/Commitment.sol";
import {Message} from "../../src/types/Message.sol";
import {Output} from "../../src/types/Output.sol";
import {Deploy} from "../../../script/Deploy.s.sol";
import {ReferenceTree} from "./ReferenceTree.sol";

/// @notice The whole system as `script/Deploy.s.sol` makes it, with steps that a user takes.
abstract contract PosternTest is Test {
    uint256 internal constant L2_CHAIN_ID = 42_069;
    uint64 internal constant FORCE_DELAY = 12 hours;
    uint64 internal constant WINDOW_SECONDS = 7 days;
    uint64 internal constant WINDOW_BLOCKS = 50_400;
    uint96 internal constant BOND = 1 ether;
    uint24 internal constant CLOCK = 25_200;
    uint24 internal constant EXTENSION = 5040;
    uint96 internal constant NODE_BOND = 0.05 ether;
    uint64 internal constant MINIMUM_PRICE = 1e6;
    uint64 internal constant TARGET_PER_BLOCK = 10e6;
    uint64 internal constant MAXIMUM_PER_BLOCK = 50e6;

    /// Proposes to the timelock.
    address internal immutable GOVERNANCE = makeAddr("governance");
    address internal immutable SEQUENCER = makeAddr("sequencer");
    address internal immutable PROPOSER = makeAddr("proposer");
    /// Anyone.
    address internal immutable STRANGER = makeAddr("stranger");
    /// Who sends messages on L2.
    address internal immutable L2_USER = makeAddr("user on L2");

    Deploy internal script;
    Deploy.Deployment internal deployment;
    TimelockController internal timelock;
    Bridge internal bridge;
    CanonicalTransactionChain internal canonicalTransactionChain;
    StateCommitmentChain internal stateCommitmentChain;
    DisputeGame internal game;

    /// What disputes are about.
    Deploy.Program internal program;
    /// The last final commitment.
    bytes32 internal lastFinal;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.roll(25_000_000);

        // Not `new`: the compiler would optimize all contracts anew inside of every test.
        script = Deploy(vm.deployCode("Deploy.s.sol:Deploy"));
        program = makeProgram();
        adopt(deploy(makeConfig()));
        vm.deal(address(bridge), 1000 ether);
    }

    /// @notice Deploys the system anew.
    function deploy(Deploy.Config memory config) internal returns (Deploy.Deployment memory) {
        bytes32 genesisOutputRoot = makeOutput({batchCount: 0, outboxRoot: 0}).root();
        return script.deploy(config, program, genesisOutputRoot, address(script));
    }

    /// @notice Makes a deployment the one that the test is about.
    function adopt(Deploy.Deployment memory deployed) internal {
        deployment = deployed;
        timelock = deployed.timelock;
        bridge = deployed.bridge;
        canonicalTransactionChain = deployed.canonicalTransactionChain;
        stateCommitmentChain = deployed.stateCommitmentChain;
        game = deployed.disputeGame;
        lastFinal = stateCommitmentChain.genesisCommitment();
    }

    /// @notice Creates a contract as `new` does. After `vm.expectRevert`, `vm.deployCode` would end the test.
    function create(string memory artifact, bytes memory arguments) internal returns (address created) {
        bytes memory code = bytes.concat(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
        }
        if (created == address(0)) LowLevelCall.bubbleRevert();
    }

    /// @notice The contract that may upgrade a proxy.
    function proxyAdminOf(address proxy) internal view returns (address) {
        return address(uint160(uint256(vm.load(proxy, ERC1967Utils.ADMIN_SLOT))));
    }

    function makeConfig() internal view returns (Deploy.Config memory config) {
        config.l2ChainId = L2_CHAIN_ID;
        config.sequencer = SEQUENCER;
        config.governanceDelay = 2 * FORCE_DELAY + WINDOW_SECONDS + 12 * (2 * CLOCK + 9 * EXTENSION) + 1 days;
        config.proposers = new address[](1);
        config.proposers[0] = GOVERNANCE;
        config.executors = new address[](1);
        config.windowSeconds = WINDOW_SECONDS;
        config.windowBlocks = WINDOW_BLOCKS;
        config.bond = BOND;
        config.forceDelay = FORCE_DELAY;
        config.dispute = Deploy.DisputeConfig({clock: CLOCK, extension: EXTENSION, bond: NODE_BOND});
        config.metering = meteringConfig();
    }

    /// @notice The program that is deployed, unless a test has its own.
    function makeProgram() internal virtual returns (Deploy.Program memory) {
        return script.readProgram("program/postern-program.json");
    }

    function meteringConfig() internal pure returns (MeteringConfig memory) {
        return MeteringConfig(MINIMUM_PRICE, TARGET_PER_BLOCK, MAXIMUM_PER_BLOCK);
    }

    /// @notice A later L1 block.
    /// @dev The compiler takes `block.number` for a constant of the transaction, as it is anywhere but in a test.
    function mine(uint256 blocks) internal {
        vm.roll(vm.getBlockNumber() + blocks);
        vm.warp(vm.getBlockTimestamp() + 12 * blocks);
    }

    /// @notice The sequencer's next batch, which consumes as much of the queue as it may.
    function appendBatch(bytes memory data) internal {
        (uint64 batchCount, uint64 consumed,,) = canonicalTransactionChain.head();
        (,, uint64 queueGas) = bridge.queue();
        uint64 consumeTo = uint64(Math.min(queueGas, consumed + Limits.BATCH_MESSAGE_GAS));
        uint64 origin = uint64(vm.getBlockNumber() - 1);
        vm.prank(SEQUENCER, SEQUENCER);
        canonicalTransactionChain.appendBatch(batchCount, consumeTo, origin, blockhash(origin), data);
    }

    /// @notice An output with this outbox.
    function makeOutput(uint64 batchCount, bytes32 outboxRoot) internal pure returns (Output memory) {
        return Output({
            version: 0,
            l2ChainId: L2_CHAIN_ID,
            stateRoot: keccak256(abi.encode("state", batchCount)),
            outboxRoot: outboxRoot,
            blockHash: keccak256(abi.encode("block", batchCount)),
            blockNumber: batchCount,
            batchCount: batchCount
        });
    }

    /// @notice A commitment to an output with this outbox, of the batch after the last final commitment.
    function propose(bytes32 outboxRoot) internal returns (Commitment memory commitment, Output memory output) {
        uint64 parentCount = stateCommitmentChain.batchCountOf(lastFinal);
        (uint64 batchCount,,,) = canonicalTransactionChain.head();
        if (batchCount == parentCount) appendBatch("");

        output = makeOutput(parentCount + 1, outboxRoot);
        bytes32[] memory checkpoints = new bytes32[](1);
        checkpoints[0] = output.root();
        commitment = Commitment({
            parent: lastFinal,
            batchHash: canonicalTransactionChain.batchHash(parentCount),
            batchCount: parentCount + 1,
            outputRoot: checkpoints[0],
            checkpointsHash: hashCheckpoints(checkpoints),
            proposer: PROPOSER
        });
        hoax(PROPOSER, BOND);
        stateCommitmentChain.propose{value: BOND}(commitment.parent, commitment.batchHash, checkpoints);
    }

    function passChallengeWindow() internal {
        vm.roll(vm.getBlockNumber() + WINDOW_BLOCKS);
        vm.warp(vm.getBlockTimestamp() + WINDOW_SECONDS);
    }

    function finalize(Commitment memory commitment, Output memory output) internal {
        passChallengeWindow();
        stateCommitmentChain.finalize(commitment, output);
        lastFinal = commitment.id();
    }

    /// @notice The id of a final commitment to an output with this outbox.
    function publish(bytes32 outboxRoot) internal returns (bytes32) {
        (Commitment memory commitment, Output memory output) = propose(outboxRoot);
        finalize(commitment, output);
        return lastFinal;
    }

    /// @notice The id of a final commitment to the outbox of these messages.
    function publish(Message[] memory messages) internal returns (bytes32) {
        return publish(ReferenceTree.root(leavesOf(messages)));
    }

    function leavesOf(Message[] memory messages) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](messages.length);
        for (uint256 i; i < messages.length; ++i) {
            leaves[i] = messages[i].leaf();
        }
    }

    /// @notice The siblings of one of the messages of an outbox.
    function proofOf(Message[] memory messages, uint256 index) internal pure returns (bytes32[] memory) {
        return ReferenceTree.proof(leavesOf(messages), index);
    }

    /// @notice Some messages of an outbox, and the multiproof for them.
    function choose(Message[] memory messages, uint256[] memory indices)
        internal
        pure
        returns (Message[] memory chosen, bytes32[] memory proof)
    {
        chosen = new Message[](indices.length);
        for (uint256 i; i < indices.length; ++i) {
            chosen[i] = messages[indices[i]];
        }
        proof = ReferenceTree.multiproof(leavesOf(messages), indices);
    }

    /// @notice A message that carries ETH and nothing else.
    function makeTransfer(uint64 index, address target, uint256 value) internal view returns (Message memory) {
        return Message({index: index, sender: L2_USER, target: target, value: value, gasLimit: 0, data: ""});
    }

    /// @notice A message that calls.
    function makeCall(uint64 index, address target, uint64 gasLimit, bytes memory data)
        internal
        view
        returns (Message memory)
    {
        return Message({index: index, sender: L2_USER, target: target, value: 0, gasLimit: gasLimit, data: data});
    }
}
