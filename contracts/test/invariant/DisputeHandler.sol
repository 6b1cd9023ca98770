// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ProxyAdmin} from "@openzeppelin/contracts/proxy/transparent/ProxyAdmin.sol";
import {ITransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {IDisputeGame} from "../../src/dispute/IDisputeGame.sol";
import {Node, NodeStatus} from "../../src/dispute/Node.sol";
import {Dispute, Segment} from "../../src/dispute/Segment.sol";
import {Commitment, CommitmentStatus} from "../../src/types/Commitment.sol";
import {Output} from "../../src/types/Output.sol";
import {DisputeTest} from "../dispute/DisputeTest.sol";

/// @notice Disputes over the first batch: one honest party, which looks at L1 now and then and has the honest strategy, against anything
/// that others do, in any order. Besides, a store of what was posted, which learns from what the actors sent and from whether a
/// call went through.
///
/// Outputs have *labels*: zero is the one that the L2 came to, any other is forged. So have states of the machine: they are those of
/// the run that ends with the output of that label.
///
/// @dev Calls that the contract may refuse are made as such: a refusal is an ordinary outcome for all but the honest party.
abstract contract DisputeHandler is DisputeTest {
    /// A commitment, and what its output is.
    struct Claim {
        Commitment commitment;
        uint8 label;
        uint256 proposedBlock;
        CommitmentStatus status;
        /// There is a true opening.
        bool isDisputed;
    }

    /// A node, and which states it asserts.
    struct Posted {
        Node node;
        /// Place among the claims.
        uint256 claim;
        /// Place of the parent, `NONE` for an opening.
        uint256 parent;
        uint8 level;
        address author;
        uint8 startLabel;
        /// Of its points, a byte each.
        bytes32 labels;
        /// Decided; what it is then never changes.
        bool isDecided;
        /// There is a true counter to its first false point.
        bool isAnswered;
    }

    uint256 internal constant NONE = type(uint256).max;
    /// Labels of forged outputs, from 1.
    uint256 internal constant LABELS = 3;
    /// A commitment, and all that was posted about it, can be decided so many L1 blocks after it was proposed: the window, both
    /// clocks, and an extension for each of a side's four moves but the first.
    uint256 internal constant BOUND = WINDOW_BLOCKS + 2 * CLOCK + (Segment.LEVELS - 2) * EXTENSION;

    /// Gas that suffices to decide one node, however many others there are; a block of L1 has hundreds of times that.
    uint256 internal constant NODE_GAS = 130_000;

    address internal immutable HONEST = makeAddr("honest");
    /// Those that do anything.
    address[] internal hostile = [makeAddr("eve"), makeAddr("mallory"), makeAddr("trudy")];

    /// The first is true, the others are not.
    Claim[] internal claims;
    Posted[] internal posted;
    /// Of the run over the batch.
    bytes32 internal input;

    /// The L1 block in which the honest party looks next.
    uint256 internal nextLook;
    /// The longest time between two looks, in L1 blocks.
    uint256 internal patience = EXTENSION;

    /// Bonds of nodes, in wei: paid in, paid out; those of the honest party and of all others, reused ones counted again.
    uint256 internal bondsIn;
    uint256 internal bondsOut;
    uint256 internal honestBonds;
    uint256 internal hostileBonds;

    /// How often the interesting things happened.
    mapping(string what => uint256) internal reached;

    /// Gas of the dearest decision of a node.
    uint256 internal dearest;

    uint256 private seed;
    mapping(uint64 step => mapping(uint8 label => bytes32)) private _hashes;

    function setUp() public virtual override {
        super.setUp();
        makeCheckpoints(1);
        input = inputOf(genesis.outputRoot, 0);
        // The program is made to come to an output that can be final, and a commitment to it is proposed.
        setMix(input ^ outputAt(0).root());
        ProxyAdmin admin = ProxyAdmin(proxyAdminOf(address(game)));
        address next = deployGame(memoryRoot(), EXTENSION);
        vm.prank(address(timelock));
        admin.upgradeAndCall(ITransparentUpgradeableProxy(address(game)), next, "");
        propose(PROPOSER, 0);
        nextLook = vm.getBlockNumber();
    }

    // What is asserted.

    function outputAt(uint8 label) internal pure returns (Output memory) {
        return makeOutput({batchCount: 1, outboxRoot: bytes32(uint256(label))});
    }

    /// @dev What makes the input another, so that the run ends with the output of this label.
    function lieOf(uint8 label) internal pure returns (bytes32) {
        return outputAt(label).root() ^ outputAt(0).root();
    }

    function checkpointsOf(uint8 label) internal pure returns (bytes32[] memory checkpoints) {
        checkpoints = new bytes32[](1);
        checkpoints[0] = outputAt(label).root();
    }

    function pointsAt(uint64 first, uint8 level, bytes32 labels) internal returns (bytes32[] memory points) {
        points = new bytes32[](Segment.POINTS);
        for (uint64 i; i < points.length; ++i) {
            uint64 step = first + (i + 1) * Segment.spacing(level);
            points[i] = hashAt(step < END ? step : END, uint8(labels[i]));
        }
    }

    /// @dev Remembered: it is asked for again and again.
    function hashAt(uint64 step, uint8 label) private returns (bytes32 hash) {
        hash = _hashes[step][label];
        if (hash == 0) hash = _hashes[step][label] = stateAt(step, input, lieOf(label));
    }

    /// @notice The true states up to a point, and those of a label after it.
    function labelsFrom(uint256 point, uint8 label) internal pure returns (bytes32 labels) {
        for (uint256 i = point; i < Segment.POINTS; ++i) {
            labels |= bytes32(uint256(label)) << (8 * (31 - i));
        }
    }

    function labelBefore(Posted storage node, uint256 segment) internal view returns (uint8) {
        return segment == 1 ? node.startLabel : uint8(node.labels[segment - 2]);
    }

    function isTrue(Posted storage node) internal view returns (bool) {
        return node.startLabel == 0 && node.labels == 0;
    }

    /// @notice The first false point of a node, counted from 1.
    function firstFalse(Posted storage node) internal view returns (uint256 segment) {
        for (segment = 1; node.labels[segment - 1] == 0;) {
            ++segment;
        }
    }

    /// @notice Whether the honest party has to refute a node: it is false, and disputes something true.
    function matters(Posted storage node) internal view returns (bool) {
        if (isTrue(node)) return false;
        return node.parent == NONE ? claims[node.claim].label == 0 : isTrue(posted[node.parent]);
    }

    // The honest party, and what anybody would do.

    /// @notice So many L1 blocks, in which the honest party looks as often as it must.
    function wait(uint256 blocks) internal {
        uint256 target = vm.getBlockNumber() + blocks;
        while (nextLook <= target) {
            rollTo(nextLook);
            look();
            nextLook += 1 + draw(patience);
        }
        rollTo(target);
    }

    function rollTo(uint256 blockNumber) internal {
        mine(blockNumber - vm.getBlockNumber());
    }

    /// @notice The honest party makes its moves. Then all is decided that can be, by anyone.
    function look() internal {
        for (uint256 i; i < claims.length; ++i) {
            Claim storage claim = claims[i];
            if (claim.label == 0 || claim.status != CommitmentStatus.Proposed || !isChallengeable(claim)) continue;
            if (!claim.isDisputed) require(this.open(HONEST, i, 0), "honest opening");
        }
        for (uint256 i; i < posted.length; ++i) {
            if (isToBeAnswered(i)) require(this.answer(HONEST, i), "honest answer");
        }
        resolveAll();
        finalizeAll();
        requireDecided();
    }

    function isChallengeable(Claim storage claim) private view returns (bool) {
        (uint64 time, uint64 blockNumber) = stateCommitmentChain.finalizableAt(claim.commitment.id());
        return vm.getBlockTimestamp() < time || vm.getBlockNumber() < blockNumber;
    }

    function isToBeAnswered(uint256 place) internal view returns (bool) {
        Posted storage node = posted[place];
        return !node.isDecided && !node.isAnswered && matters(node) && isCounterable(place);
    }

    function isCounterable(uint256 place) internal view returns (bool) {
        Node memory node = posted[place].node;
        return game.nodeStatus(node.id()) == NodeStatus.Open && vm.getBlockNumber() <= game.counterDeadline(node);
    }

    /// @notice Refutes a node at its first false point, in the honest way.
    function answer(address author, uint256 place) external returns (bool) {
        Posted storage node = posted[place];
        uint256 segment = firstFalse(node);
        return
            node.level == Segment.LEVELS
                ? this.proveStep(author, place, segment)
                : this.counter(author, place, segment, 0);
    }

    /// @dev The later were posted after what they counter.
    function resolveAll() internal {
        for (uint256 i = posted.length; i != 0; --i) {
            if (!posted[i - 1].isDecided) this.resolve(i - 1);
        }
    }

    function finalizeAll() internal {
        for (uint256 i; i < claims.length; ++i) {
            Claim storage claim = claims[i];
            if (claim.status != CommitmentStatus.Proposed) continue;
            bytes memory call = abi.encodeCall(stateCommitmentChain.finalize, (claim.commitment, outputAt(claim.label)));
            (bool success,) = address(stateCommitmentChain).call(call);
            if (success) claim.status = CommitmentStatus.Final;
        }
    }

    /// @dev Finality in bounded time: whatever else there is, what is so old was decided by now.
    function requireDecided() private view {
        for (uint256 i; i < claims.length; ++i) {
            Claim storage claim = claims[i];
            if (vm.getBlockNumber() < claim.proposedBlock + BOUND) continue;
            assertTrue(claim.status != CommitmentStatus.Proposed, "commitment undecided");
        }
        for (uint256 i; i < posted.length; ++i) {
            Posted storage node = posted[i];
            if (vm.getBlockNumber() < claims[node.claim].proposedBlock + BOUND) continue;
            assertTrue(node.isDecided, "node undecided");
        }
    }

    // Moves of anybody. External, as those of a whole dispute would not fit the memory of one call.

    function propose(address proposer, uint8 label) internal {
        Claim storage claim = claims.push();
        claim.commitment = proposeCheckpoints(proposer, checkpointsOf(label));
        (claim.label, claim.proposedBlock, claim.status) = (label, vm.getBlockNumber(), CommitmentStatus.Proposed);
    }

    function open(address author, uint256 claim, bytes32 labels) external returns (bool taken) {
        bytes32[] memory points = pointsAt(0, 1, labels);
        Commitment memory commitment = claims[claim].commitment;
        bytes memory last = endOf(input, lieOf(uint8(labels[Segment.POINTS - 1])));
        bytes memory call = abi.encodeCall(
            IDisputeGame.open, (commitment, genesis, checkpointsOf(claims[claim].label), 0, points, last)
        );
        taken = send(author, 1, call);
        if (!taken) return false;
        record(openingOf(commitment, 0, input, points), claim, NONE, 1, author, 0, labels);
        if (labels == 0) claims[claim].isDisputed = true;
    }

    function counter(address author, uint256 place, uint256 segment, bytes32 labels) external returns (bool taken) {
        Posted storage countered = posted[place];
        uint8 level = countered.level + 1;
        (Node memory node, Dispute memory dispute, bytes32[] memory points) = counterAt(place, segment, labels);
        taken = send(author, level, abi.encodeCall(IDisputeGame.counter, (countered.node, dispute, points)));
        if (!taken) return false;
        uint8 startLabel = labelBefore(countered, segment);
        record(node, countered.claim, place, level, author, startLabel, labels);
        if (startLabel == 0 && labels == 0 && segment == firstFalse(posted[place])) posted[place].isAnswered = true;
    }

    function counterAt(uint256 place, uint256 segment, bytes32 labels)
        private
        returns (Node memory node, Dispute memory dispute, bytes32[] memory points)
    {
        Posted storage countered = posted[place];
        dispute = disputeAt(place, segment);
        // forge-lint: disable-next-line(unsafe-typecast) at most 32
        uint64 first = countered.node.first + uint64(segment - 1) * Segment.spacing(countered.level);
        points = pointsAt(first, countered.level + 1, labels);
        node = counterOf(countered.node, countered.level, dispute, points);
    }

    function disputeAt(uint256 place, uint256 segment) private returns (Dispute memory) {
        Posted storage node = posted[place];
        return disputeOf(node.node, pointsAt(node.node.first, node.level, node.labels), segment);
    }

    function proveStep(address author, uint256 place, uint256 segment) external returns (bool taken) {
        Posted storage node = posted[place];
        // forge-lint: disable-next-line(unsafe-typecast) at most 32
        uint64 step = node.node.first + uint64(segment - 1);
        bytes memory witness = witnessOf(registersAt(step, input, lieOf(labelBefore(node, segment))), "");
        bytes memory call = abi.encodeCall(IDisputeGame.proveStep, (node.node, disputeAt(place, segment), witness));
        vm.prank(author);
        (taken,) = address(game).call(call);
        if (!taken) return false;
        decide(place);
        ++reached["step proven"];
    }

    function resolve(uint256 place) external returns (bool resolved) {
        Posted storage node = posted[place];
        Node[] memory page = new Node[](1);
        page[0] = node.node;
        Claim storage claim = claims[node.claim];
        bytes memory call = abi.encodeCall(IDisputeGame.resolve, (claim.commitment, 0, page));
        uint256 gas = gasleft();
        (resolved,) = address(game).call(call);
        gas -= gasleft();
        assertLt(gas, NODE_GAS, "gas of a decision");
        if (!resolved) return false;
        if (gas > dearest) dearest = gas;
        decide(place);
        claim.status = stateCommitmentChain.commitmentStatus(claim.commitment.id());
    }

    function deposit(address account, uint256 amount) internal {
        vm.deal(account, account.balance + amount);
        vm.prank(account);
        game.depositBond{value: amount}();
        bondsIn += amount;
    }

    function withdraw(address account, uint256 amount) internal {
        vm.prank(account);
        game.withdrawBond(account, amount);
        bondsOut += amount;
    }

    function decide(uint256 place) private {
        Posted storage node = posted[place];
        node.isDecided = true;
        bool stands = game.nodeStatus(node.node.id()) == NodeStatus.Stands;
        if (isTrue(node)) assertTrue(stands, "a true node falls");
        if (matters(node)) assertFalse(stands, "a false node that matters stands");
        if (stands && !isTrue(node)) ++reached["false node stands"];
    }

    /// @dev The honest party sends the bond with each move, others use what they have there first.
    function send(address author, uint8 level, bytes memory data) private returns (bool taken) {
        uint256 bond = game.bondFor(level);
        uint256 free = author == HONEST ? 0 : game.bondOf(author);
        uint256 value = free < bond ? bond - free : 0;
        vm.deal(author, author.balance + value);
        vm.prank(author);
        (taken,) = address(game).call{value: value}(data);
        if (!taken) return false;
        bondsIn += value;
        if (author == HONEST) honestBonds += bond;
        else hostileBonds += bond;
    }

    function record(
        Node memory node,
        uint256 claim,
        uint256 parent,
        uint8 level,
        address author,
        uint8 startLabel,
        bytes32 labels
    ) private {
        posted.push(
            Posted({
                node: node,
                claim: claim,
                parent: parent,
                level: level,
                author: author,
                startLabel: startLabel,
                labels: labels,
                isDecided: false,
                isAnswered: false
            })
        );
        if (level == Segment.LEVELS && author != HONEST) ++reached["last level"];
    }

    // Chance.

    modifier seeded(uint256 seed_) {
        seed = seed_;
        _;
    }

    function draw(uint256 below) internal returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }

    // What must hold.

    /// @notice What came in is there, or was paid out; and what is there is the bonds of open nodes and what is free.
    function checkBonds() internal view {
        uint256 held;
        for (uint256 i; i < posted.length; ++i) {
            if (game.nodeStatus(posted[i].node.id()) == NodeStatus.Open) held += game.bondFor(posted[i].level);
        }
        held += game.bondOf(HONEST) + game.bondOf(stateCommitmentChain.BURN_ADDRESS());
        for (uint256 i; i < hostile.length; ++i) {
            held += game.bondOf(hostile[i]);
        }
        assertEq(address(game).balance, held, "bonds held");
        assertEq(bondsIn, bondsOut + held, "bonds in and out");
    }

    /// @notice No true node ever falls, so nobody loses a bond for one.
    function checkHonestBonds() internal view {
        for (uint256 i; i < posted.length; ++i) {
            if (posted[i].author == HONEST) assertTrue(isTrue(posted[i]), "the honest party posts something false");
            if (!isTrue(posted[i])) continue;
            NodeStatus status = game.nodeStatus(posted[i].node.id());
            assertTrue(status == NodeStatus.Open || status == NodeStatus.Stands, "a true node falls");
        }
    }

    /// @notice The honest party needs the bond of one opening for each false commitment, whose proposer has locked at least as
    /// much, and twice the bonds of what others post.
    function checkFactor() internal view {
        assertLe(honestBonds, 2 * hostileBonds + NODE_BOND * (claims.length - 1), "bonds of the honest party");
        assertLe(honestBonds, 2 * (hostileBonds + BOND * (claims.length - 1)), "bonds of the honest party");
    }

    function checkCommitments() internal view {
        for (uint256 i; i < claims.length; ++i) {
            CommitmentStatus status = stateCommitmentChain.commitmentStatus(claims[i].commitment.id());
            assertTrue(status == claims[i].status, "status changed by itself");
            if (claims[i].label == 0) assertTrue(status != CommitmentStatus.Rejected, "true and rejected");
            else assertTrue(status != CommitmentStatus.Final, "false and final");
        }
    }
}
