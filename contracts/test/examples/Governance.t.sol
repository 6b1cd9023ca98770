// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {IFromL2} from "../../src/examples/IFromL2.sol";
import {IL2Governor, VotingRules} from "../../src/examples/governance/IL2Governor.sol";
import {ITimelockProposer} from "../../src/examples/governance/ITimelockProposer.sol";
import {L2Governor} from "../../src/examples/governance/L2Governor.sol";
import {TimelockProposer} from "../../src/examples/governance/TimelockProposer.sol";
import {VotingToken} from "../../src/examples/governance/VotingToken.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {Limits} from "../../src/libraries/Limits.sol";
import {Gate} from "../support/Targets.sol";
import {ExampleTest} from "./ExampleTest.sol";

contract GovernanceTest is ExampleTest {
    uint48 private constant VOTING_DELAY = 1 days;
    uint32 private constant VOTING_PERIOD = 5 days;
    uint32 private constant VALIDITY = 30 days;
    uint256 private constant THRESHOLD = 10;
    uint256 private constant QUORUM = 500;
    uint256 private constant TIMELOCK_DELAY = 2 days;
    uint8 private constant AGAINST = 0;
    uint8 private constant FOR = 1;
    /// A multisig on L1 that has tokens on L2.
    address private immutable MULTISIG = makeAddr("multisig");

    TimelockProposer private proposer;
    TimelockController private daoTimelock;
    L2Governor private governor;
    VotingToken private token;
    Gate private gate;

    /// A proposal.
    struct Proposal {
        address[] targets;
        uint256[] values;
        bytes[] calldatas;
        string description;
        uint256 id;
    }

    function setUp() public override {
        super.setUp();
        bytes memory arguments = abi.encode(bridge, addressAfter(2), TIMELOCK_DELAY);
        proposer = TimelockProposer(vm.deployCode("TimelockProposer.sol:TimelockProposer", arguments));
        daoTimelock = proposer.TIMELOCK();
        token = VotingToken(vm.deployCode("VotingToken.sol:VotingToken", abi.encode("Vote", "VOTE", this, 1000)));
        governor = deployGovernor();
        assertEq(proposer.L2_SENDER(), address(governor));

        gate = new Gate();
        vm.deal(address(daoTimelock), 10 ether);
        give(ALICE, ALICE, 600);
        give(BOB, BOB, 300);
        give(MULTISIG, AddressAlias.alias_(MULTISIG), 100);
        pass(1);
    }

    function test_VotesOnL2AndActsOnL1() public {
        Proposal memory proposal = openTheGate();
        passes(proposal);
        bytes32 operation = operationOf(proposal);
        assertEq(uint8(governor.state(proposal.id)), uint8(IGovernor.ProposalState.Executed));

        bytes32 commitment = publishSent();
        vm.expectEmit(address(proposer));
        emit ITimelockProposer.ProposalScheduled(proposal.id, operation);
        execute(0, commitment);
        assertEq(daoTimelock.getTimestamp(operation), vm.getBlockTimestamp() + TIMELOCK_DELAY);
        vm.expectRevert();
        executeOnL1(proposal);
        pass(TIMELOCK_DELAY);
        executeOnL1(proposal);

        assertTrue(gate.open());
        assertEq(address(gate).balance, 3 ether);
        assertEq(address(daoTimelock).balance, 7 ether);
    }

    function test_SaysWhichMessageIsTheProposal() public {
        Proposal memory first = openTheGate();
        passes(first);
        Proposal memory second = openTheGate();
        second.description = "once more";
        succeeds(second);
        vm.expectEmit(address(governor));
        emit IL2Governor.ProposalSent(second.id, 1);
        executeOnL2(second, 0);
    }

    function test_CountsInSeconds() public {
        assertEq(token.CLOCK_MODE(), "mode=timestamp");
        assertEq(governor.CLOCK_MODE(), "mode=timestamp");
        assertEq(governor.clock(), vm.getBlockTimestamp());
        Proposal memory proposal = openTheGate();
        propose(ALICE, proposal);
        assertEq(governor.proposalSnapshot(proposal.id), vm.getBlockTimestamp() + VOTING_DELAY);
        assertEq(governor.proposalDeadline(proposal.id), vm.getBlockTimestamp() + VOTING_DELAY + VOTING_PERIOD);
    }

    /// Whom the sequencer does not hear is heard through L1; a contract of L1 always is, as its alias.
    function test_VotesThroughL1() public {
        Proposal memory proposal = openTheGate();
        propose(ALICE, proposal);
        pass(VOTING_DELAY + 1);
        voteThroughL1(ALICE, proposal.id, FOR);
        vm.etch(MULTISIG, hex"00");
        voteThroughL1(MULTISIG, proposal.id, AGAINST);
        assertTrue(governor.hasVoted(proposal.id, ALICE));
        assertTrue(governor.hasVoted(proposal.id, AddressAlias.alias_(MULTISIG)));
        (uint256 against, uint256 inFavour,) = governor.proposalVotes(proposal.id);
        assertEq(against, 100);
        assertEq(inFavour, 600);
    }

    function test_NothingHappensIfTheVoteIsLostOrTooSmall() public {
        Proposal memory proposal = openTheGate();
        propose(ALICE, proposal);
        pass(VOTING_DELAY + 1);
        vote(ALICE, proposal.id, AGAINST);
        vote(BOB, proposal.id, FOR);
        pass(VOTING_PERIOD);
        assertNotExecutable(proposal, IGovernor.ProposalState.Defeated);

        proposal.description = "again";
        propose(ALICE, proposal);
        pass(VOTING_DELAY + 1);
        vote(BOB, proposal.id, FOR);
        pass(VOTING_PERIOD);
        assertNotExecutable(proposal, IGovernor.ProposalState.Defeated);
        assertEq(OUTBOX.count(), 0);
    }

    function test_RevertWhen_ProposedWithTooFewVotes() public {
        Proposal memory proposal = openTheGate();
        bytes4 selector = IGovernor.GovernorInsufficientProposerVotes.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, STRANGER, 0, THRESHOLD));
        propose(STRANGER, proposal);
    }

    function test_SchedulesUntilTheDeadline() public {
        Proposal memory first = openTheGate();
        Proposal memory second = openTheGate();
        second.description = "second";
        passes(first);
        passes(second);
        uint256 deadline = governor.proposalDeadline(second.id) + VALIDITY;
        bytes32 commitment = publishSent();
        vm.warp(deadline);
        bytes memory expected = abi.encodeWithSelector(
            ITimelockProposer.ProposalExpired.selector, deadline, governor.proposalDeadline(first.id) + VALIDITY
        );
        vm.expectRevert(abi.encodeWithSelector(IOutboxVerifier.MessageCallFailed.selector, 0, expected));
        execute(0, commitment);
        execute(1, commitment);
        assertTrue(daoTimelock.isOperation(operationOf(second)));
        assertFalse(daoTimelock.isOperation(operationOf(first)));
    }

    /// The clock runs from the end of the vote: to keep a decision back on L2 makes it no younger.
    function test_RevertWhen_KeptBackOnL2ForTooLong() public {
        Proposal memory proposal = openTheGate();
        succeeds(proposal);
        uint256 deadline = governor.proposalDeadline(proposal.id) + VALIDITY;
        pass(VALIDITY);
        executeOnL2(proposal, 0);
        bytes memory reason = claimFails(0);
        assertEq(
            reason, abi.encodeWithSelector(ITimelockProposer.ProposalExpired.selector, vm.getBlockTimestamp(), deadline)
        );
    }

    function test_SchedulesInAnyOrder() public {
        Proposal memory first = openTheGate();
        Proposal memory second = openTheGate();
        second.description = "second";
        passes(first);
        passes(second);
        claim(1);
        pass(TIMELOCK_DELAY);
        executeOnL1(second);
        claim(0);
        pass(TIMELOCK_DELAY);
        executeOnL1(first);
        assertEq(address(gate).balance, 6 ether);
    }

    /// The governor would not do that: the timelock does not depend on it.
    function test_RevertWhen_SentTwice() public {
        Proposal memory proposal = openTheGate();
        passes(proposal);
        collect();
        sendAs(address(governor), address(proposer), sent[0].data);
        claim(1);
        bytes4 expected = TimelockController.TimelockUnexpectedOperationState.selector;
        assertEq(bytes4(claimFails(0)), expected);
        pass(TIMELOCK_DELAY);
        executeOnL1(proposal);
        assertEq(bytes4(claimFails(0)), expected);
        assertEq(address(gate).balance, 3 ether);
    }

    /// A call that fails on L1 takes the others with it, and can be tried again.
    function test_ActsOnL1AsAWhole() public {
        Proposal memory proposal = openTheGate();
        proposal.values[1] = 11 ether;
        passes(proposal);
        claim(0);
        pass(TIMELOCK_DELAY);
        vm.expectRevert();
        executeOnL1(proposal);
        assertFalse(gate.open());
        vm.deal(address(daoTimelock), 11 ether);
        executeOnL1(proposal);
        assertTrue(gate.open());
    }

    function test_NobodyElseHasARoleOfTheTimelock() public view {
        bytes32 proposerRole = daoTimelock.PROPOSER_ROLE();
        assertTrue(daoTimelock.hasRole(proposerRole, address(proposer)));
        assertTrue(daoTimelock.hasRole(daoTimelock.EXECUTOR_ROLE(), address(0)));
        assertTrue(daoTimelock.hasRole(daoTimelock.DEFAULT_ADMIN_ROLE(), address(daoTimelock)));
        assertFalse(daoTimelock.hasRole(daoTimelock.DEFAULT_ADMIN_ROLE(), address(this)));
        assertFalse(daoTimelock.hasRole(daoTimelock.DEFAULT_ADMIN_ROLE(), address(proposer)));
        assertFalse(daoTimelock.hasRole(proposerRole, address(this)));
    }

    /// The DAO can leave this governor for another, by its own decision.
    function test_MovesToAnotherGovernor() public {
        Proposal memory proposal = openTheGate();
        (proposal.targets[0], proposal.targets[1]) = (address(daoTimelock), address(daoTimelock));
        proposal.values[1] = 0;
        bytes32 role = daoTimelock.PROPOSER_ROLE();
        proposal.calldatas[0] = abi.encodeCall(daoTimelock.grantRole, (role, STRANGER));
        proposal.calldatas[1] = abi.encodeCall(daoTimelock.revokeRole, (role, address(proposer)));
        passes(proposal);
        claim(0);
        pass(TIMELOCK_DELAY);
        executeOnL1(proposal);
        assertTrue(daoTimelock.hasRole(role, STRANGER));

        Proposal memory late = openTheGate();
        passes(late);
        assertEq(bytes4(claimFails(1)), bytes4(keccak256("AccessControlUnauthorizedAccount(address,bytes32)")));
    }

    function test_RevertWhen_ScheduledByAnother() public {
        Proposal memory p = openTheGate();
        bytes memory call =
            abi.encodeCall(proposer.schedule, (p.id, p.targets, p.values, p.calldatas, type(uint256).max));
        sendAs(ALICE, address(proposer), call);
        assertEq(claimFails(0), abi.encodeWithSelector(IFromL2.NotL2Sender.selector, ALICE, governor));
    }

    /// ETH that came here could never leave.
    function test_RevertWhen_TheGovernorIsGivenEther() public {
        Proposal memory proposal = openTheGate();
        succeeds(proposal);
        vm.deal(address(this), 2);
        vm.expectRevert(IGovernor.GovernorDisabledDeposit.selector);
        this.executeOnL2(proposal, 1);
        (bool success, bytes memory reason) = address(governor).call{value: 1}("");
        assertFalse(success);
        assertEq(reason, abi.encodeWithSelector(IGovernor.GovernorDisabledDeposit.selector));
    }

    /// Nothing acts in the governor's name on L2, not even its own executor.
    function test_RevertWhen_TheGovernorIsToActOnL2() public {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, ALICE));
        vm.prank(ALICE);
        governor.relay(ALICE, 0, "");
        vm.expectRevert();
        vm.prank(AddressAlias.alias_(address(proposer)));
        governor.relay(ALICE, 0, "");
    }

    function test_RevertWhen_AProposalDoesNotFitAMessage() public {
        Proposal memory proposal = openTheGate();
        proposal.calldatas[1] = new bytes(Limits.MAX_MESSAGE_DATA);
        bytes memory message =
            abi.encodeCall(proposer.schedule, (0, proposal.targets, proposal.values, proposal.calldatas, 0));
        vm.expectRevert(
            abi.encodeWithSelector(IL2Governor.ProposalTooLong.selector, message.length, Limits.MAX_MESSAGE_DATA)
        );
        propose(ALICE, proposal);
        // So much shorter that it just fits.
        proposal.calldatas[1] = new bytes(2 * Limits.MAX_MESSAGE_DATA - message.length - 28);
        passes(proposal);
        assertTrue(executeWithPromisedGas(0));
    }

    function testFuzz_PromisedGasSuffices(uint256 calls, uint256 length) public {
        calls = bound(calls, 1, 300);
        length = bound(length, 0, 10_000 / calls);
        Proposal memory proposal;
        proposal.targets = new address[](calls);
        proposal.values = new uint256[](calls);
        proposal.calldatas = new bytes[](calls);
        for (uint256 i; i < calls; ++i) {
            proposal.calldatas[i] = new bytes(length);
        }
        passes(proposal);
        assertTrue(executeWithPromisedGas(0));
    }

    function deployGovernor() private returns (L2Governor) {
        VotingRules memory rules = VotingRules(VOTING_DELAY, VOTING_PERIOD, VALIDITY, THRESHOLD, QUORUM);
        bytes memory arguments = abi.encode("DAO", token, proposer, rules);
        return L2Governor(payable(vm.deployCode("L2Governor.sol:L2Governor", arguments)));
    }

    function give(address holder, address account, uint256 votes) private {
        assertTrue(token.transfer(account, votes), Strings.toHexString(holder));
        vm.prank(account);
        token.delegate(account);
    }

    function pass(uint256 duration) private {
        vm.warp(vm.getBlockTimestamp() + duration);
    }

    /// Two calls of L1: one opens the gate, the other sends it 3 ETH.
    function openTheGate() private view returns (Proposal memory proposal) {
        proposal.targets = new address[](2);
        proposal.values = new uint256[](2);
        proposal.calldatas = new bytes[](2);
        (proposal.targets[0], proposal.targets[1]) = (address(gate), address(gate));
        proposal.calldatas[0] = abi.encodeCall(gate.setOpen, (true));
        proposal.values[1] = 3 ether;
        proposal.description = "open the gate";
    }

    function propose(address account, Proposal memory proposal) private {
        vm.prank(account);
        proposal.id = governor.propose(proposal.targets, proposal.values, proposal.calldatas, proposal.description);
    }

    function vote(address account, uint256 proposalId, uint8 support) private {
        vm.prank(account);
        governor.castVote(proposalId, support);
    }

    function voteThroughL1(address account, uint256 proposalId, uint8 support) private {
        uint64 gasLimit = 300_000;
        uint256 fee = bridge.quote(gasLimit);
        bytes memory call = abi.encodeCall(governor.castVote, (proposalId, support));
        vm.deal(account, fee);
        if (account.code.length == 0) vm.prank(account, account);
        else vm.prank(account);
        bridge.sendToL2{value: fee}(address(governor), 0, gasLimit, fee, call);
        collect();
        assertTrue(run(queued[ran++]));
    }

    function succeeds(Proposal memory proposal) private {
        propose(ALICE, proposal);
        pass(VOTING_DELAY + 1);
        vote(ALICE, proposal.id, FOR);
        vote(BOB, proposal.id, AGAINST);
        pass(VOTING_PERIOD);
    }

    function passes(Proposal memory proposal) private {
        succeeds(proposal);
        executeOnL2(proposal, 0);
    }

    function executeOnL2(Proposal memory proposal, uint256 value) public {
        governor.execute{value: value}(
            proposal.targets, proposal.values, proposal.calldatas, keccak256(bytes(proposal.description))
        );
    }

    function assertNotExecutable(Proposal memory proposal, IGovernor.ProposalState state) private {
        assertEq(uint8(governor.state(proposal.id)), uint8(state));
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        executeOnL2(proposal, 0);
    }

    function executeOnL1(Proposal memory proposal) private {
        vm.prank(STRANGER);
        daoTimelock.executeBatch(proposal.targets, proposal.values, proposal.calldatas, 0, bytes32(proposal.id));
    }

    function operationOf(Proposal memory proposal) private view returns (bytes32) {
        return
            daoTimelock.hashOperationBatch(
                proposal.targets, proposal.values, proposal.calldatas, 0, bytes32(proposal.id)
            );
    }
}
