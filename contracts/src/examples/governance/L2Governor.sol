// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {IOutbox} from "../../l2/IOutbox.sol";
import {AddressAlias} from "../../libraries/AddressAlias.sol";
import {Limits} from "../../libraries/Limits.sol";
import {Predeploys} from "../../libraries/Predeploys.sol";
import {IL2Governor, VotingRules} from "./IL2Governor.sol";
import {ITimelockProposer} from "./ITimelockProposer.sol";

/// @title A DAO that votes on L2 and acts on L1
/// @notice OpenZeppelin's `Governor`, for any tool that knows it. The calls of a proposal are made on L1, by the timelock of
/// `TimelockProposer` and with the timelock's ETH; on L2 this contract does nothing but count votes.
///
///     L2: propose → (delay) → vote → (period) → execute, by anyone: one message to L1
///     L1: (challenge window) → the message is executed, by anyone: scheduled → (timelock) → execute, by anyone
///
/// @dev Trust: the token's holders, and for the way to L1 what `FromL2` says. What the sequencer can do is delay: it may leave out
/// votes, but not those sent through L1 (`Bridge.sendToL2` to `castVote`; a multisig of L1 votes so anyway, as its alias). These
/// are on L2 two force delays later at the latest, so `period` must be clearly longer than that, or the sequencer decides.
///
/// What can go wrong on the way to L1:
/// - Nobody executes the message: nothing happens. It waits there, for anyone, until the proposal's deadline.
/// - It comes late: `VALIDITY` after the vote's end L1 refuses it for ever, so that nobody can pull out a forgotten decision.
///   Leave time for the challenge window, and for a commitment that is rejected and proposed anew.
/// - Two proposals come in another order than they were passed in: each is scheduled by itself. Calls that depend on each other
///   belong into one proposal.
/// - It comes twice: it cannot; a proposal is sent once, a message executed once, an operation of the timelock scheduled once.
/// - A call fails on L1: as with any timelock the proposal's calls are all undone, and anyone may try again.
///
/// To change in a copy: the rules (here fixed; `GovernorSettings` and `GovernorVotesQuorumFraction` change by vote, but this governor
/// makes no calls on L2), and the L1 gas that `_gasLimit` promises if the receiver does more.
contract L2Governor is IL2Governor, GovernorCountingSimple, GovernorVotes {
    /// L1 gas to schedule a proposal: for the whole, for each of its calls, for each byte of the message. Rounded up
    /// generously: who executes pays for what is used.
    uint64 private constant SCHEDULE_GAS = 100_000;
    uint64 private constant GAS_PER_CALL = 5000;
    uint64 private constant GAS_PER_BYTE = 30;

    /// @inheritdoc IL2Governor
    address public immutable TIMELOCK_PROPOSER;
    /// @inheritdoc IL2Governor
    uint32 public immutable VALIDITY;

    uint48 private immutable _DELAY;
    uint32 private immutable _PERIOD;
    uint256 private immutable _THRESHOLD;
    uint256 private immutable _QUORUM;

    /// @param name_ Name, also that of the domain of votes by signature.
    /// @param token_ The token that votes; its clock must count seconds.
    /// @param timelockProposer The `TimelockProposer` on L1.
    /// @param rules How it decides.
    constructor(string memory name_, IVotes token_, address timelockProposer, VotingRules memory rules)
        Governor(name_)
        GovernorVotes(token_)
    {
        TIMELOCK_PROPOSER = timelockProposer;
        VALIDITY = rules.validity;
        _DELAY = rules.delay;
        _PERIOD = rules.period;
        _THRESHOLD = rules.threshold;
        _QUORUM = rules.quorum;
    }

    /// @notice From a proposal to the begin of its vote, in seconds.
    function votingDelay() public view override returns (uint256) {
        return _DELAY;
    }

    /// @notice How long a vote lasts, in seconds.
    function votingPeriod() public view override returns (uint256) {
        return _PERIOD;
    }

    /// @notice Votes of whoever may propose.
    function proposalThreshold() public view override returns (uint256) {
        return _THRESHOLD;
    }

    /// @notice Votes in favour or abstaining without which nothing passes; the same at all times.
    function quorum(uint256) public view override returns (uint256) {
        return _QUORUM;
    }

    /// @dev What no message can carry is refused before it is voted on, not after.
    function _propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description,
        address proposer
    ) internal override returns (uint256 proposalId) {
        uint256 length = _message(0, targets, values, calldatas).length;
        if (length > Limits.MAX_MESSAGE_DATA) revert ProposalTooLong(length, Limits.MAX_MESSAGE_DATA);
        return super._propose(targets, values, calldatas, description, proposer);
    }

    /// @dev Called once for a proposal, when it has passed.
    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32
    ) internal override {
        // The calls take their ETH from the timelock, on L1: here it would be lost.
        if (msg.value != 0) revert GovernorDisabledDeposit();
        bytes memory message = _message(proposalId, targets, values, calldatas);
        // A predeploy, trusted.
        uint64 index =
            IOutbox(Predeploys.OUTBOX).send(TIMELOCK_PROPOSER, _gasLimit(targets.length, message.length), message);
        emit ProposalSent(proposalId, index);
    }

    /// @dev Whoever acts for the DAO is on L1. It has no part here; that it is not this contract makes OpenZeppelin's `Governor`
    /// refuse ETH and tokens, which nothing could move.
    function _executor() internal view override returns (address) {
        return AddressAlias.alias_(TIMELOCK_PROPOSER);
    }

    /// @dev What L1 is told. Before its vote a proposal has no deadline, but the message has its length.
    function _message(uint256 proposalId, address[] memory targets, uint256[] memory values, bytes[] memory calldatas)
        private
        view
        returns (bytes memory)
    {
        uint256 deadline = proposalDeadline(proposalId) + VALIDITY;
        return abi.encodeCall(ITimelockProposer.schedule, (proposalId, targets, values, calldatas, deadline));
    }

    /// @dev Below what a message may ask for, for all that fits one.
    function _gasLimit(uint256 calls, uint256 length) private pure returns (uint64) {
        // forge-lint: disable-next-line(unsafe-typecast) both are lengths of what is in memory
        return SCHEDULE_GAS + GAS_PER_CALL * uint64(calls) + GAS_PER_BYTE * uint64(length);
    }
}
