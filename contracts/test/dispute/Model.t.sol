// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDisputeGame} from "../../src/dispute/IDisputeGame.sol";
import {Node, NodeStatus} from "../../src/dispute/Node.sol";
import {Dispute, Segment} from "../../src/dispute/Segment.sol";
import {Commitment, CommitmentStatus} from "../../src/types/Commitment.sol";
import {DisputeModel} from "./DisputeModel.sol";
import {DisputeTest} from "./DisputeTest.sol";

/// @notice Whole disputes at random, by the contract and by the model side by side: each call must be taken or refused by both, and
/// every decision must be the same. One honest party plays against any number of hostile moves on either side.
contract ModelTest is DisputeTest {
    using DisputeModel for DisputeModel.Game;

    /// In L1 blocks. The honest party looks once in a few ticks.
    uint256 private constant TICK = 1260;
    uint256 private constant WINDOW_TICKS = WINDOW_BLOCKS / TICK;
    uint256 private constant CLOCK_TICKS = CLOCK / TICK;
    uint256 private constant EXTENSION_TICKS = EXTENSION / TICK;
    /// Nothing is undecided later.
    uint256 private constant BOUND = WINDOW_TICKS + 2 * CLOCK_TICKS + (Segment.LEVELS + 1) * EXTENSION_TICKS + 2;

    address private immutable HONEST = makeAddr("honest");

    DisputeModel.Game private model;
    Node[] private nodes;
    Commitment private commitment;
    bytes32[] private checkpoints;
    bytes32 private input;
    uint256 private seed;
    uint256 private time;

    function setUp() public override {
        super.setUp();
        vm.deal(HONEST, 1e9 ether);
        vm.deal(LIAR, 1e9 ether);
        vm.deal(CHALLENGER, 1e9 ether);
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_TruthWinsAsInTheModel(uint256 seed_) public {
        seed = seed_;
        bool isTrue = draw(2) == 0;
        uint256 delay = 1 + draw(EXTENSION_TICKS - 1);
        uint256 pressure = draw(4);
        begin(isTrue ? 0 : uint64(1 + draw(3)));

        for (; time <= BOUND; ++time) {
            for (uint256 moves = draw(4); moves != 0; --moves) {
                if (draw(4) < pressure) hostileMove();
            }
            if (time % delay == 0) honestMoves();
            resolveAll();
            if (time >= WINDOW_TICKS && model.openings == 0 && isAllResolved()) break;
            vm.roll(vm.getBlockNumber() + TICK);
            vm.warp(vm.getBlockTimestamp() + 12 * TICK);
        }
        assertTrue(isAllResolved(), "undecided");
        assertEq(model.rejected, !isTrue, "the model");
        assertEq(
            stateCommitmentChain.commitmentStatus(commitment.id()) == CommitmentStatus.Rejected, !isTrue, "the contract"
        );
        checkBonds();
    }

    function begin(uint64 claim) private {
        checkpoints = makeCheckpoints(1);
        input = checkpoints[0];
        checkpoints[0] ^= lieOf(claim);
        commitment = proposeCheckpoints(PROPOSER, checkpoints);
        model.claim = claim;
        (model.window, model.clock, model.extension) = (WINDOW_TICKS, CLOCK_TICKS, EXTENSION_TICKS);
    }

    function lieOf(uint64 label) private pure returns (bytes32) {
        return bytes32(uint256(label));
    }

    // Players.

    /// @dev Challenges what is false, and counters every false node that disputes something true, at its first false point.
    function honestMoves() private {
        if (model.claim != 0 && time < WINDOW_TICKS) this.open(HONEST, labelsOf(0, 0));
        for (uint256 i; i < model.nodes.length; ++i) {
            DisputeModel.Node storage node = model.nodes[i];
            if (node.resolved || DisputeModel.isTrue(node)) continue;
            bool matters =
                node.parent == DisputeModel.NONE ? model.claim == 0 : DisputeModel.isTrue(model.nodes[node.parent]);
            if (!matters) continue;
            for (uint256 segment = 1; segment <= Segment.POINTS; ++segment) {
                if (node.labels[segment - 1] == 0) continue;
                if (node.level == Segment.LEVELS) this.proveStep(HONEST, i, segment);
                else this.counter(HONEST, i, segment, labelsOf(0, 0));
                break;
            }
        }
    }

    /// @dev Anything at all, by anyone, on either side, partly true.
    function hostileMove() private {
        address author = draw(2) == 0 ? LIAR : CHALLENGER;
        uint64[] memory labels = labelsOf(uint64(draw(4)), draw(Segment.POINTS + 1));
        // Right in the end, wrong on the way.
        if (draw(3) == 0) labels[Segment.POINTS - 1] = 0;
        uint256 count = model.nodes.length;
        if (count == 0 || draw(5) == 0) return this.open(author, labels);
        // The latest more often than the others, or none would get deep.
        uint256 place = draw(2) == 0 ? count - 1 : draw(count);
        uint256 segment = 1 + draw(Segment.POINTS);
        if (model.nodes[place].level == Segment.LEVELS) this.proveStep(author, place, segment);
        else this.counter(author, place, segment, labels);
    }

    /// @dev What each does that was open and can be decided now.
    function resolveAll() private {
        // The deeper come later.
        for (uint256 i = nodes.length; i != 0; --i) {
            uint256 place = i - 1;
            NodeStatus status = nodeStatus(place);
            bool taken = this.resolve(place);
            if (status == NodeStatus.Open) assertEq(taken, model.resolve(time, place), "resolved");
            else assertTrue(taken, "countered, or decided before");
            DisputeModel.Node storage node = model.nodes[place];
            if (node.resolved) assertEq(nodeStatus(place) == NodeStatus.Stands, node.stands, "decided otherwise");
        }
    }

    function isAllResolved() private view returns (bool) {
        for (uint256 i; i < nodes.length; ++i) {
            if (!model.nodes[i].resolved) return false;
        }
        return true;
    }

    // Moves, each by both. External, as a whole dispute would not fit the memory of one call.

    function open(address author, uint64[] memory labels) external {
        bytes32[] memory points = pointsAt(0, 1, labels);
        Node memory node = openingOf(commitment, 0, input, points);
        bytes memory call = abi.encodeCall(
            IDisputeGame.open,
            (commitment, genesis, checkpoints, 0, points, endOf(input, lieOf(labels[Segment.POINTS - 1])))
        );
        bool taken = send(author, game.bondFor(1), call);
        assertEq(taken, model.open(time, author, labels), "opened");
        if (taken) nodes.push(node);
    }

    function counter(address author, uint256 place, uint256 segment, uint64[] memory labels) external {
        DisputeModel.Node storage countered = model.nodes[place];
        uint8 level = countered.level + 1;
        bytes32[] memory points = pointsAt(DisputeModel.firstOf(countered, segment), level, labels);
        Dispute memory dispute = disputeOf(place, segment);
        bool taken =
            send(author, game.bondFor(level), abi.encodeCall(IDisputeGame.counter, (nodes[place], dispute, points)));
        assertEq(taken, model.counter(time, author, place, segment, labels), "countered");
        if (taken) nodes.push(counterOf(nodes[place], countered.level, dispute, points));
    }

    function proveStep(address author, uint256 place, uint256 segment) external {
        DisputeModel.Node storage node = model.nodes[place];
        uint64 step = DisputeModel.firstOf(node, segment);
        bytes memory witness = witnessOf(registersAt(step, input, lieOf(DisputeModel.labelBefore(node, segment))), "");
        Dispute memory dispute = disputeOf(place, segment);
        bool taken = send(author, 0, abi.encodeCall(IDisputeGame.proveStep, (nodes[place], dispute, witness)));
        assertEq(taken, model.proveStep(time, place, segment), "proven");
    }

    function resolve(uint256 place) external returns (bool) {
        Node[] memory one = new Node[](1);
        one[0] = nodes[place];
        return send(LIAR, 0, abi.encodeCall(IDisputeGame.resolve, (commitment, 0, one)));
    }

    function send(address sender, uint256 value, bytes memory data) private returns (bool success) {
        vm.prank(sender);
        (success,) = address(game).call{value: value}(data);
    }

    // States.

    /// @dev The true labels up to a point, and another one from there on.
    function labelsOf(uint64 label, uint256 from) private pure returns (uint64[] memory labels) {
        labels = new uint64[](Segment.POINTS);
        for (uint256 i = from; i < labels.length; ++i) {
            labels[i] = label;
        }
    }

    function pointsAt(uint64 first, uint8 level, uint64[] memory labels)
        private
        view
        returns (bytes32[] memory points)
    {
        points = new bytes32[](labels.length);
        for (uint64 i; i < labels.length; ++i) {
            points[i] = stateAt(first + (i + 1) * Segment.spacing(level), input, lieOf(labels[i]));
        }
    }

    function disputeOf(uint256 place, uint256 segment) private view returns (Dispute memory) {
        DisputeModel.Node storage node = model.nodes[place];
        return disputeOf(nodes[place], pointsAt(node.first, node.level, node.labels), segment);
    }

    function nodeStatus(uint256 place) private view returns (NodeStatus) {
        return game.nodeStatus(nodes[place].id());
    }

    // Bonds.

    function checkBonds() private view {
        uint256 paid;
        uint256 burned;
        uint256 honest;
        for (uint256 i; i < nodes.length; ++i) {
            DisputeModel.Node storage node = model.nodes[i];
            uint256 bond = game.bondFor(node.level);
            paid += bond;
            if (!node.stands) burned += bond - bond / 2;
            if (node.author == HONEST) honest += bond;
        }
        assertEq(address(game).balance, paid, "bonds in");
        assertEq(game.bondOf(BURN_ADDRESS()), burned, "bonds burned");
        uint256 free = game.bondOf(HONEST) + game.bondOf(LIAR) + game.bondOf(CHALLENGER);
        assertEq(free + burned, paid, "bonds out");
        assertGe(game.bondOf(HONEST), honest, "an honest bond is lost");
    }

    function BURN_ADDRESS() private view returns (address) {
        return stateCommitmentChain.BURN_ADDRESS();
    }

    function draw(uint256 below) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }
}
